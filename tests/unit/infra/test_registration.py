"""The dynamic resource: what Pulumi keeps of it, and what it decides without Azure."""

import base64
from typing import Any, cast

import azure.identity
import pytest
import requests
from pulumi.dynamic.dynamic import serialize_provider  # pyright: ignore[reportUnknownVariableType] untyped in the SDK

from infra.arm import ArmError, body, credential
from infra.registration import NAMESPACES, RegistrationProvider

HERE = {"namespace": "Microsoft.Network", "subscription_id": "s"}
REGISTERED = {**HERE, "registration_state": "Registered"}


def test_the_state_holds_a_reference_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARM_CLIENT_SECRET", "hush")
    pickled = base64.b64decode(serialize_provider(RegistrationProvider()))
    assert b"infra.registration" in pickled
    assert b"RegistrationProvider" in pickled
    assert b"hush" not in pickled
    assert len(pickled) < 80, "by reference, not by value"


def test_pickled_twice_it_is_the_same() -> None:
    first = serialize_provider(RegistrationProvider())
    assert first == serialize_provider(RegistrationProvider())


@pytest.mark.parametrize("namespace", [*NAMESPACES, "microsoft.insights"])
def test_a_namespace_passes_the_check(namespace: str) -> None:
    assert RegistrationProvider().check({}, {**HERE, "namespace": namespace}).failures == []


@pytest.mark.parametrize("namespace", ["", "Network", "Microsoft.Network/register", "../x"])
def test_what_is_no_namespace_is_refused_with_the_property_named(namespace: str) -> None:
    (failure,) = RegistrationProvider().check({}, {**HERE, "namespace": namespace}).failures
    assert failure.property == "namespace"
    assert repr(namespace) in failure.reason


@pytest.mark.parametrize("key", ["namespace", "subscription_id"])
def test_another_namespace_or_subscription_is_another_registration(key: str) -> None:
    diff = RegistrationProvider().diff("id", REGISTERED, {**HERE, key: "other"})
    assert diff.changes is True
    assert diff.replaces == [key]


def test_a_registration_that_was_lost_is_renewed_in_place() -> None:
    diff = RegistrationProvider().diff(
        "id", {**REGISTERED, "registration_state": "Unregistered"}, HERE
    )
    assert diff.changes is True
    assert diff.replaces == []


def test_nothing_changed_is_nothing_to_do() -> None:
    assert RegistrationProvider().diff("id", REGISTERED, HERE).changes is False


def test_deleting_sends_nothing() -> None:
    assert RegistrationProvider().delete("id", REGISTERED) is None


SERVICE_PRINCIPAL = {"ARM_TENANT_ID": "tenant", "ARM_CLIENT_ID": "client"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({**SERVICE_PRINCIPAL, "ARM_CLIENT_SECRET": "s"}, azure.identity.ClientSecretCredential),
        ({**SERVICE_PRINCIPAL, "ARM_USE_OIDC": "true"}, azure.identity.ClientAssertionCredential),
        ({"ARM_USE_MSI": "true"}, azure.identity.ManagedIdentityCredential),
        ({}, azure.identity.DefaultAzureCredential),
        ({"ARM_CLIENT_SECRET": "alone"}, azure.identity.DefaultAzureCredential),
    ],
)
def test_the_identity_is_the_one_that_azure_native_takes(
    environment: dict[str, str], expected: type[Any]
) -> None:
    assert isinstance(credential(environment), expected)


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"", b"[]", b"null"])
def test_a_page_of_a_proxy_is_no_answer_of_azure(page: bytes) -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 200, page  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(ArmError, match="GET /x: status 200 without Azure's JSON"):
        body(cast("Any", answer), "GET /x")
