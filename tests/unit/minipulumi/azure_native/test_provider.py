"""The provider's answers to the engine that need no Azure."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from minipulumi.azure_native.provider import AzureNativeProvider
from minipulumi.values import SECRET, SIGNATURE, UNKNOWN, from_struct, to_struct

HUSH = {SIGNATURE: SECRET, "value": "hush"}
GROUP = "urn:pulumi:dev::foundry-tune::azure-native:resources:ResourceGroup::group"
STORAGE = (
    "urn:pulumi:dev::foundry-tune::foundry-tune:index:FoundryEnvironment"
    "$azure-native:storage:StorageAccount::storage"
)
ACCOUNT: dict[str, Any] = {
    "accountName": "stfoundrydev",
    "resourceGroupName": "rg-foundry-dev",
    "location": "eastus2",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS"},
}


class Context:
    """What gRPC gives a method, as far as the provider uses it."""

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise AbortedError(code, details)


class AbortedError(Exception):
    @property
    def code(self) -> grpc.StatusCode:
        return self.args[0]

    def __str__(self) -> str:
        return self.args[1]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> AzureNativeProvider:
    for variable in ("ARM_SUBSCRIPTION_ID", "ARM_LOCATION"):
        monkeypatch.delenv(variable, raising=False)
    return AzureNativeProvider()


def configure(provider: AzureNativeProvider, **settings: str) -> Any:
    variables = {f"azure-native:config:{key}": text for key, text in settings.items()}
    return provider.Configure(provider_pb2.ConfigureRequest(variables=variables), Context())


def diff(
    provider: AzureNativeProvider,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    ignore: tuple[str, ...] = (),
    urn: str = STORAGE,
) -> Any:
    request = provider_pb2.DiffRequest(
        urn=urn,
        old_inputs=to_struct(old),
        news=to_struct(new),
        ignoreChanges=ignore,
    )
    return provider.Diff(request, Context())


def test_it_says_what_it_is_and_that_it_keeps_secrets(provider: AzureNativeProvider) -> None:
    assert provider.GetPluginInfo(None, Context()).version == "3.29.0"
    assert provider.Handshake(None, Context()).accept_secrets
    answer = configure(provider)
    assert answer.acceptSecrets
    assert answer.supportsPreview


def test_a_setting_that_would_have_no_effect_is_refused(provider: AzureNativeProvider) -> None:
    news = to_struct({"version": "3.29.0", "subscriptionID": "s", "metadataHost": "h"})
    answer = provider.CheckConfig(provider_pb2.CheckRequest(news=news), Context())
    assert [(failure.property, failure.reason) for failure in answer.failures] == [
        (
            "metadataHost",
            "isn't covered by this stand-in for azure-native; the real plugin may know it",
        ),
        (
            "subscriptionID",
            "isn't covered by this stand-in for azure-native; did you mean 'subscriptionId'?",
        ),
    ]


def test_settings_that_changed_are_told(provider: AzureNativeProvider) -> None:
    def changes(old: dict[str, Any], new: dict[str, Any]) -> Any:
        request = provider_pb2.DiffRequest(old_inputs=to_struct(old), news=to_struct(new))
        return provider.DiffConfig(request, Context()).changes

    assert changes({"location": "a"}, {"location": "a"}) == provider_pb2.DiffResponse.DIFF_NONE
    assert changes({"location": "a"}, {"location": "b"}) == provider_pb2.DiffResponse.DIFF_SOME


def test_there_is_no_schema_and_no_other_function(provider: AzureNativeProvider) -> None:
    with pytest.raises(AbortedError) as error:
        provider.GetSchema(provider_pb2.GetSchemaRequest(), Context())
    assert error.value.code is grpc.StatusCode.UNIMPLEMENTED
    listing = provider_pb2.InvokeRequest(tok="azure-native:storage:listStorageAccountSAS")
    with pytest.raises(AbortedError, match=listing.tok) as error:
        provider.Invoke(listing, Context())
    assert error.value.code is grpc.StatusCode.UNIMPLEMENTED


def checked(provider: AzureNativeProvider, urn: str, news: Mapping[str, Any], **more: Any) -> Any:
    olds = to_struct(more.pop("olds", {}))
    request = provider_pb2.CheckRequest(urn=urn, news=to_struct(news), olds=olds, **more)
    answer = provider.Check(request, Context())
    assert not answer.failures, answer.failures
    return from_struct(answer.inputs)


def test_a_name_that_is_left_out_is_drawn_once_and_drawn_anew_for_a_replacement(
    provider: AzureNativeProvider,
) -> None:
    unnamed = {key: value for key, value in ACCOUNT.items() if key != "accountName"}
    made = checked(provider, STORAGE, unnamed, randomSeed=b"1")
    assert re.fullmatch(r"storage[0-9a-f]{8}", made["accountName"])
    assert checked(provider, STORAGE, unnamed, randomSeed=b"1") == made
    assert checked(provider, STORAGE, unnamed, olds=made) == made, "an update keeps it"
    other = checked(provider, STORAGE, unnamed, randomSeed=b"2")
    assert other["accountName"] != made["accountName"]
    assert diff(provider, made, {**made, "location": "westus"}).replaces == ["location"]
    assert not diff(provider, made, {**made, "location": "westus"}).deleteBeforeReplace
    assert diff(provider, ACCOUNT, {**ACCOUNT, "location": "westus"}).deleteBeforeReplace


def test_a_connection_takes_its_name_in_the_program_and_an_assignment_a_guid(
    provider: AzureNativeProvider,
) -> None:
    urn = "urn:pulumi:dev::p::azure-native:{}::ai-services"
    connection = {
        "workspaceName": "hub",
        "resourceGroupName": "rg",
        "properties": {"authType": "AAD"},
    }
    token = "machinelearningservices:WorkspaceConnection"
    made = checked(provider, urn.format(token), connection)
    assert made["connectionName"] == "ai-services"
    assignment = {"scope": "/subscriptions/s", "principalId": "p", "roleDefinitionId": "r"}
    made = checked(provider, urn.format("authorization:RoleAssignment"), assignment)
    assert uuid.UUID(made["roleAssignmentName"])


def test_a_state_of_the_real_plugin_is_no_change(provider: AzureNativeProvider) -> None:
    theirs = {**ACCOUNT, "azureApiVersion": "2024-01-01", "__createBeforeDelete": True}
    assert diff(provider, theirs, ACCOUNT).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_resource_is_made_where_its_group_will_be(provider: AzureNativeProvider) -> None:
    somewhere = {key: value for key, value in ACCOUNT.items() if key != "location"}
    made = checked(provider, STORAGE, {**somewhere, "resourceGroupName": UNKNOWN})
    assert made["location"] == UNKNOWN
    assert checked(provider, STORAGE, somewhere, olds=ACCOUNT)["location"] == "eastus2"
    configure(provider, location="westus3")
    assert checked(provider, STORAGE, somewhere)["location"] == "westus3"
    group = checked(provider, GROUP, {})
    assert re.fullmatch(r"group[0-9a-f]{8}", group["resourceGroupName"])


def test_an_unknown_type_is_refused_by_its_token(provider: AzureNativeProvider) -> None:
    urn = "urn:pulumi:dev::p::azure-native:web:WebApp::site"
    with pytest.raises(AbortedError, match=r"azure-native:web:WebApp isn't covered"):
        provider.Check(provider_pb2.CheckRequest(urn=urn), Context())


def test_check_names_the_property_and_keeps_the_marks(provider: AzureNativeProvider) -> None:
    news = to_struct({**ACCOUNT, "kind": HUSH, "accountName": "st-dev"})
    answer = provider.Check(provider_pb2.CheckRequest(urn=STORAGE, news=news), Context())
    assert [failure.property for failure in answer.failures] == ["accountName", "kind"]
    assert from_struct(answer.inputs)["kind"] == HUSH


def test_the_stacks_location_is_the_default(provider: AzureNativeProvider) -> None:
    configure(provider, location="westus3")
    news = to_struct({"resourceGroupName": "rg"})
    answer = provider.Check(provider_pb2.CheckRequest(urn=GROUP, news=news), Context())
    assert list(answer.failures) == []
    assert from_struct(answer.inputs)["location"] == "westus3"


def test_nothing_changed_is_no_difference(provider: AzureNativeProvider) -> None:
    answer = diff(provider, ACCOUNT, {**ACCOUNT, "location": "East US 2"})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not answer.detailedDiff


def test_a_change_in_place_is_an_update(provider: AzureNativeProvider) -> None:
    new = {**ACCOUNT, "sku": {"name": "Standard_GRS"}, "tags": {"a": "b"}}
    answer = diff(provider, {**ACCOUNT, "allowBlobPublicAccess": True}, new)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert not answer.replaces
    assert not answer.deleteBeforeReplace
    kinds = provider_pb2.PropertyDiff.Kind
    assert {path: kinds.Name(each.kind) for path, each in answer.detailedDiff.items()} == {
        "sku.name": "UPDATE",
        "tags": "ADD",
        "allowBlobPublicAccess": "DELETE",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"accountName": "stother"},
        {"resourceGroupName": "rg-other"},
        {"resourceGroupName": UNKNOWN},
        {"location": "westus3"},
        {"isHnsEnabled": True},
    ],
)
def test_what_azure_cannot_change_in_place_replaces_delete_first(
    provider: AzureNativeProvider, change: dict[str, Any]
) -> None:
    answer = diff(provider, ACCOUNT, {**ACCOUNT, **change})
    (key,) = change
    assert list(answer.replaces) == [key]
    assert answer.deleteBeforeReplace
    kind = answer.detailedDiff[key].kind
    assert provider_pb2.PropertyDiff.Kind.Name(kind).endswith("_REPLACE")


def test_a_secret_that_stays_the_same_is_no_difference(provider: AzureNativeProvider) -> None:
    assert not diff(provider, {**ACCOUNT, "kind": HUSH}, {**ACCOUNT, "kind": "hush"}).detailedDiff


def test_what_is_to_be_ignored_is(provider: AzureNativeProvider) -> None:
    answer = diff(provider, ACCOUNT, {**ACCOUNT, "tags": {"a": "b"}}, ignore=("tags",))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_preview_creates_nothing_and_keeps_a_secret_secret(
    provider: AzureNativeProvider,
) -> None:
    properties = to_struct({**ACCOUNT, "kind": HUSH})
    request = provider_pb2.CreateRequest(urn=STORAGE, properties=properties, preview=True)
    answer = provider.Create(request, Context())
    assert answer.id == ""
    told = from_struct(answer.properties)
    assert told["kind"] == HUSH
    assert told["primaryEndpoints"] == UNKNOWN


def test_without_a_subscription_the_next_step_is_named(provider: AzureNativeProvider) -> None:
    request = provider_pb2.CreateRequest(urn=STORAGE, properties=to_struct(ACCOUNT))
    with pytest.raises(AbortedError, match="Set ARM_SUBSCRIPTION_ID"):
        provider.Create(request, Context())


def test_cancel_lets_what_is_under_way_end(provider: AzureNativeProvider) -> None:
    assert provider.Cancel(None, Context()) is not None
