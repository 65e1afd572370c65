"""The registration of resource providers, as Pulumi's dynamic provider runs it."""

from collections.abc import Iterator

import pytest

from emulator.server import Emulator
from infra import arm, registration
from infra.registration import RegistrationProvider


@pytest.fixture
def unregistered(emulator: Emulator) -> Iterator[str]:
    """A subscription in which nothing is registered yet; nobody is signed in."""
    arm.sign_out()
    yield emulator.control.add_subscription(registered=())
    arm.sign_out()
    emulator.control.faults.clear()


def props(subscription: str, namespace: str = "Microsoft.Network") -> dict[str, str]:
    return {"namespace": namespace, "subscription_id": subscription}


def test_a_namespace_is_registered_and_read_back(unregistered: str) -> None:
    provider = RegistrationProvider()
    id_ = f"/subscriptions/{unregistered}/providers/Microsoft.Network"
    before = provider.read(id_, props(unregistered)).outs or {}
    assert before["registration_state"] == "NotRegistered"
    created = provider.create(props(unregistered))
    assert created.id == id_
    assert created.outs == {**props(unregistered), "registration_state": "Registered"}
    assert provider.read(id_, created.outs or {}).outs == created.outs
    assert provider.diff(id_, created.outs or {}, props(unregistered)).changes is False


@pytest.mark.parametrize("namespace", registration.NAMESPACES)
def test_azure_knows_every_namespace_of_the_stack(unregistered: str, namespace: str) -> None:
    outs = RegistrationProvider().create(props(unregistered, namespace)).outs or {}
    assert outs["registration_state"] == "Registered"


def test_what_is_registered_already_is_not_written(emulator: Emulator, unregistered: str) -> None:
    provider = RegistrationProvider()
    provider.create(props(unregistered))
    mark = emulator.control.last_call()
    provider.create(props(unregistered))
    calls = emulator.control.calls(after=mark, host="management.azure.com")
    assert [call["method"] for call in calls] == ["GET"]


def test_deleting_leaves_it_registered(emulator: Emulator, unregistered: str) -> None:
    provider = RegistrationProvider()
    created = provider.create(props(unregistered))
    mark = emulator.control.last_call()
    provider.delete(created.id, created.outs or {})
    assert emulator.control.calls(after=mark) == []


def test_without_the_right_to_register_the_role_is_named(
    emulator: Emulator, unregistered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, secret = emulator.control.add_principal(name="reader")
    scope = f"/subscriptions/{unregistered}"
    emulator.control.assign(reader.id, "acdd72a7-3385-48ef-bd42-f606fba81ae7", scope)
    monkeypatch.setenv("ARM_CLIENT_ID", reader.client_id)
    monkeypatch.setenv("ARM_CLIENT_SECRET", secret)
    with pytest.raises(arm.ArmError, match="Contributor or Owner on the subscription"):
        RegistrationProvider().create(props(unregistered))
