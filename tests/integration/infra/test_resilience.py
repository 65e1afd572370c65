"""What Azure does on bad days, and what the provider makes of it."""

from typing import Any

import pytest
from google.rpc import status_pb2  # pyright: ignore[reportMissingTypeStubs] it has none
from pulumi.runtime.proto import provider_pb2

from emulator.server import Emulator
from minipulumi.values import from_struct, to_struct
from tests.integration.infra.conftest import AbortedError, Context, Engine, urn_of

GROUP = "azure-native:resources:ResourceGroup"
STORAGE = "azure-native:storage:StorageAccount"
INPUTS = {"resourceGroupName": "rg-test", "location": "eastus2"}


def account(unique: str) -> dict[str, Any]:
    return {
        "accountName": f"st{unique}",
        "resourceGroupName": "rg-test",
        "location": "eastus2",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
    }


def strike(emulator: Emulator, method: str, path: str, do: dict[str, Any], count: int = 1) -> None:
    match = {"method": method, "path": path, "count": count}
    emulator.control.faults.add({"match": match, "do": do})


@pytest.mark.parametrize(
    "do",
    [
        {"status": 429, "code": "TooManyRequests", "headers": {"retry-after-ms": "1"}},
        {"status": 503, "code": "ServerBusy", "headers": {"retry-after-ms": "1"}},
        {
            "status": 409,
            "code": "AnotherOperationInProgress",
            "headers": {"retry-after-ms": "1"},
        },
        {"lose_answer": True},
        {"drop": True},
    ],
    ids=lambda do: str(do.get("code") or next(iter(do))),
)
def test_a_bad_moment_is_waited_out(emulator: Emulator, engine: Engine, do: dict[str, Any]) -> None:
    strike(emulator, "PUT", "/resourcegroups/rg-test$|/resourceGroups/rg-test$", do)
    made = engine.create(GROUP, INPUTS)
    assert engine.read(made).id == made.id


def test_a_refusal_is_not_tried_again(emulator: Emulator, engine: Engine) -> None:
    mark = emulator.control.last_call()
    refusal = {"status": 403, "code": "RequestDisallowedByPolicy", "message": "not in this region"}
    strike(emulator, "PUT", "rg-test", refusal)
    with pytest.raises(AbortedError, match='Code="RequestDisallowedByPolicy" Message="not in'):
        engine.create(GROUP, INPUTS)
    assert len(emulator.control.calls(after=mark, method="PUT")) == 1


def test_a_provider_that_is_not_registered_is_registered(
    emulator: Emulator, engine: Engine, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = emulator.control.add_subscription(registered=())
    monkeypatch.setenv("ARM_SUBSCRIPTION_ID", fresh)
    engine.provider.Configure(provider_pb2.ConfigureRequest(), Context())
    engine.create(GROUP, INPUTS)
    mark = emulator.control.last_call()
    made = engine.create(STORAGE, account(unique))
    assert f"/subscriptions/{fresh}/" in made.id
    posts = emulator.control.calls(after=mark, method="POST")
    registrations = [call["path"] for call in posts if call["path"].endswith("/register")]
    assert registrations == [f"/subscriptions/{fresh}/providers/Microsoft.Storage/register"]


def test_what_azure_half_made_is_kept_with_its_error(
    emulator: Emulator, engine: Engine, unique: str
) -> None:
    engine.create(GROUP, INPUTS)
    failure = {"operation_fails": {"code": "StampFull", "message": "no room left"}}
    strike(emulator, "PUT", "storageAccounts", failure)
    context = Context()
    request = provider_pb2.CreateRequest(
        urn=urn_of(STORAGE), properties=engine.check(STORAGE, account(unique))
    )
    with pytest.raises(AbortedError, match="StampFull"):
        engine.provider.Create(request, context)
    status = status_pb2.Status.FromString(context.trailers["grpc-status-details-bin"])
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(failed)
    assert failed.id.endswith(f"/storageAccounts/st{unique}")
    assert "no room left" in failed.reasons[0]
    assert from_struct(failed.inputs) == account(unique)

    # The engine then asks for an update, which makes it whole.
    update = provider_pb2.UpdateRequest(
        id=failed.id,
        urn=urn_of(STORAGE),
        olds=failed.properties,
        news=to_struct(account(unique)),
    )
    answer = engine.provider.Update(update, Context())
    assert from_struct(answer.properties)["provisioningState"] == "Succeeded"


def test_a_wrong_password_is_a_message(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARM_CLIENT_SECRET", "wrong")
    engine.provider.Configure(provider_pb2.ConfigureRequest(), Context())
    with pytest.raises(AbortedError, match=r"AADSTS7000215|[Ii]nvalid client secret"):
        engine.create(GROUP, INPUTS)
