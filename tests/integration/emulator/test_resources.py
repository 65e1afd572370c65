"""Subscriptions, groups, providers and ARM's own manners, through azure-mgmt-core."""

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import RetryPolicy
from azure.identity import ClientSecretCredential
from azure.mgmt.core.policies import ARMAutoResourceProviderRegistrationPolicy

from emulator.server import Emulator
from emulator.state.throttle import LIMITS

ACCOUNT = {
    "location": "eastus2",
    "sku": {"name": "Standard_LRS"},
    "kind": "StorageV2",
    "properties": {},
}


def test_a_group_is_created_read_tagged_and_deleted_with_its_content(
    arm: Any, subscription: str
) -> None:
    group = f"/subscriptions/{subscription}/resourceGroups/rg-one"
    created = arm.send("PUT", group, {"location": "East US 2", "tags": {"a": "1"}})
    assert (created.status_code, created.json()["location"]) == (201, "eastus2")
    assert arm.send("PUT", group, {"location": "eastus2"}).status_code == 200
    assert "tags" not in arm.ok("GET", group), "a PUT replaces in full"
    assert arm.ok("PATCH", group, {"tags": {"b": "2"}})["tags"] == {"b": "2"}
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stcascade{subscription[:8]}"
    arm.begin("PUT", account, ACCOUNT, version="2024-01-01").result()
    arm.begin("DELETE", group).result()
    assert arm.refused("GET", group)[1]["code"] == "ResourceGroupNotFound"
    assert arm.refused("GET", account, version="2024-01-01")[1]["code"] == "ResourceGroupNotFound"
    assert arm.refused("DELETE", group)[0] == 404


def test_names_are_compared_without_case_and_echoed_as_written_and_arms_words_are_arms(
    arm: Any, subscription: str
) -> None:
    path = f"/subscriptions/{subscription}/resourcegroups/RG-Case"
    arm.ok("PUT", path, {"location": "eastus2"})
    upper = path.replace("resourcegroups", "RESOURCEGROUPS").replace("RG-Case", "rg-case")
    shown = arm.ok("GET", upper)
    assert shown["id"] == path.replace("resourcegroups", "resourceGroups")
    assert shown["type"] == "Microsoft.Resources/resourceGroups"
    account = f"{path}/PROVIDERS/microsoft.storage/storageaccounts/stcase{subscription[:8]}"
    made = arm.begin("PUT", account, ACCOUNT, version="2024-01-01").result()
    assert made["id"].endswith(
        f"/resourceGroups/RG-Case/providers/Microsoft.Storage/storageAccounts/stcase{subscription[:8]}"
    )
    missing = arm.refused("GET", f"{made['id']}/blobServices/none", version="2024-01-01")[1]
    assert f"storageAccounts/stcase{subscription[:8]}/blobServices/none" in missing["message"]


def test_a_group_can_not_move_to_another_region(arm: Any, group: str) -> None:
    status, error = arm.refused("PUT", group, {"location": "westus3"})
    assert (status, error["code"]) == (409, "InvalidResourceLocation")
    assert arm.refused("PUT", group, {})[1]["code"] == "LocationRequired"
    code = arm.refused("PUT", group + "2", {"location": "mars"})[1]["code"]
    assert code == "LocationNotAvailableForResourceType"


def test_a_slow_deletion_shows_deleting_and_refuses_new_content(
    emulator: Emulator, arm: Any, group: str
) -> None:
    emulator.control.faults.add(
        {"match": {"method": "DELETE", "path": "rg-test"}, "do": {"operation_takes": 600}}
    )
    poller = arm.begin("DELETE", group)
    assert arm.ok("GET", group)["properties"]["provisioningState"] == "Deleting"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stlate"
    status, error = arm.refused("PUT", account, ACCOUNT, version="2024-01-01")
    assert (status, error["code"]) == (409, "ResourceGroupBeingDeleted")
    assert not poller.done()
    emulator.control.clock.advance(601)
    poller.result(10)
    assert arm.send("GET", group).status_code == 404


def test_a_failed_operation_reaches_the_poller_with_its_code(
    emulator: Emulator, arm: Any, group: str
) -> None:
    emulator.control.faults.add(
        {
            "match": {"method": "PUT", "path": "/accounts/"},
            "do": {"operation_fails": {"code": "InsufficientQuota", "message": "No quota left."}},
        }
    )
    account = f"{group}/providers/Microsoft.CognitiveServices/accounts/ai-fails"
    body = {"location": "eastus2", "kind": "AIServices", "sku": {"name": "S0"}, "properties": {}}
    poller = arm.begin("PUT", account, body, version="2025-06-01")
    with pytest.raises(HttpResponseError):
        poller.result(10)
    shown = arm.ok("GET", account, version="2025-06-01")
    assert shown["properties"]["provisioningState"] == "Failed"


def test_a_long_running_put_takes_milliseconds_not_the_clients_thirty_seconds(
    arm: Any, group: str, subscription: str
) -> None:
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stquick{subscription[:8]}"
    began = time.perf_counter()
    created = arm.begin("PUT", account, ACCOUNT, version="2024-01-01").result()
    assert created["properties"]["provisioningState"] == "Succeeded"
    assert time.perf_counter() - began < 5


def test_an_unregistered_provider_is_refused_and_registered_by_azure_mgmt_core_itself(
    emulator: Emulator, arm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # azure-mgmt-core sleeps ten seconds before it looks whether the registration is done.
    monkeypatch.setattr("azure.mgmt.core.policies._base.time", SimpleNamespace(sleep=int))
    subscription = emulator.control.add_subscription()
    base = f"/subscriptions/{subscription}"
    arm.ok("PUT", f"{base}/resourceGroups/rg", {"location": "eastus2"})
    vault = f"{base}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-{subscription[:8]}"
    body = {
        "location": "eastus2",
        "properties": {
            "tenantId": os.environ["AZURE_TENANT_ID"],
            "sku": {"family": "A", "name": "standard"},
        },
    }
    status, error = arm.refused("PUT", vault, body, version="2024-11-01")
    assert (status, error["code"]) == (409, "MissingSubscriptionRegistration")
    assert error["details"][0]["target"] == "Microsoft.KeyVault"
    state = arm.ok("GET", f"{base}/providers/microsoft.keyvault", version="2016-02-01")
    assert state["registrationState"] == "NotRegistered"

    who = emulator.identities.platform
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential:
        healing = type(arm)(
            credential,
            policies=[ARMAutoResourceProviderRegistrationPolicy(), RetryPolicy(retry_total=0)],
        )
        assert healing.send("PUT", vault, body, version="2024-11-01").status_code == 201
        healing.close()
    state = arm.ok("GET", f"{base}/providers/Microsoft.KeyVault", version="2016-02-01")
    assert state["registrationState"] == "Registered"


def test_registration_goes_from_registering_to_registered_and_is_kept_while_in_use(
    emulator: Emulator, arm: Any
) -> None:
    base = f"/subscriptions/{emulator.control.add_subscription()}/providers/Microsoft.Network"
    first = arm.ok("POST", f"{base}/register", version="2021-04-01")
    assert first["registrationState"] == "Registering"
    assert arm.ok("GET", base, version="2021-04-01")["registrationState"] == "Registered"
    again = arm.ok("POST", f"{base}/register", version="2021-04-01")
    assert again["registrationState"] == "Registered"
    arm.ok("POST", f"{base}/unregister", version="2021-04-01")
    assert arm.ok("GET", base, version="2021-04-01")["registrationState"] == "Unregistered"
    unknown = base.replace("Network", "Nonsense")
    assert (
        arm.refused("GET", unknown, version="2021-04-01")[1]["code"] == "InvalidResourceNamespace"
    )


def test_a_provider_in_use_is_not_unregistered(arm: Any, group: str, subscription: str) -> None:
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stinuse{subscription[:8]}"
    arm.begin("PUT", account, ACCOUNT, version="2024-01-01").result()
    path = f"/subscriptions/{subscription}/providers/Microsoft.Storage/unregister"
    status, error = arm.refused("POST", path, version="2021-04-01")
    assert (status, error["code"]) == (409, "CannotUnregisterNamespaceInUse")


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("", "MissingApiVersionParameter"),
        ("yesterday", "InvalidApiVersionParameter"),
        ("2001-01-01", "NoRegisteredProviderFound"),
    ],
)
def test_the_api_version_is_checked(arm: Any, group: str, version: str, code: str) -> None:
    assert arm.refused("GET", group, version=version) == (400, _With(code=code))


def test_what_the_emulator_does_not_know_is_refused_by_name(arm: Any, group: str) -> None:
    site = f"{group}/providers/Microsoft.App/containerApps/web"
    status, error = arm.refused("PUT", site, {}, version="2024-03-01")
    assert (status, error["code"]) == (404, "InvalidResourceType")
    assert "containerApps" in error["message"]
    unknown = f"{group}/providers/Microsoft.Nonsense/things/x"
    assert arm.refused("PUT", unknown, {})[1]["code"] == "InvalidResourceNamespace"


def test_a_list_goes_on_behind_its_next_link(
    emulator: Emulator, arm: Any, subscription: str
) -> None:
    base = f"/subscriptions/{subscription}/resourceGroups"
    for number in range(5):
        arm.ok("PUT", f"{base}/rg-{number}", {"location": "eastus2"})
    emulator.cloud.page_size = 2
    try:
        names: list[str] = []
        link = base
        while link:
            page = arm.ok("GET", link)
            assert len(page["value"]) <= 2
            names += [group["name"] for group in page["value"]]
            link = page.get("nextLink")
    finally:
        emulator.cloud.page_size = 1000
    assert names == [f"rg-{number}" for number in range(5)]


def test_everything_in_a_group_is_listed(arm: Any, group: str, subscription: str) -> None:
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stlist{subscription[:8]}"
    arm.begin("PUT", account, ACCOUNT, version="2024-01-01").result()
    listed = arm.ok("GET", f"{group}/resources", version="2021-04-01")["value"]
    assert [resource["id"] for resource in listed] == [account]


def test_the_filters_and_paths_that_az_sends_find_what_they_ask_for(
    arm: Any, group: str, subscription: str
) -> None:
    name = f"stfilter{subscription[:8]}"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    body = ACCOUNT | {"tags": {"team": "ada", "stage": "dev"}}
    arm.begin("PUT", account, body, version="2024-01-01").result()
    resources = f"/subscriptions/{subscription}/resources?api-version=2021-04-01&$filter="

    def found(wanted: str) -> list[str]:
        return [one["id"] for one in arm.ok("GET", f"{resources}{wanted}")["value"]]

    storage = "resourceType eq 'Microsoft.Storage/storageAccounts'"
    for wanted in (
        "resourceGroup eq 'RG-test'",
        f"{storage} and name eq '{name}'",
        "location eq 'East US 2'",
        "tagName eq 'team' and tagValue eq 'ada'",
    ):
        assert found(wanted) == [account], wanted
    assert found(f"{storage} and name eq 'none'") == []
    tags = arm.ok("GET", f"/subscriptions/{subscription}/tagNames", version="2021-04-01")["value"]
    assert [(tag["tagName"], tag["values"][0]["tagValue"]) for tag in tags] == [
        ("stage", "dev"),
        ("team", "ada"),
    ]
    assert found("tagName eq 'team' and tagValue eq 'dev'") == [], "of that tag, not of another"
    listed = arm.ok("GET", f"{resources}&$expand=createdTime,changedTime,provisioningState&$top=1")
    assert listed["value"][0]["provisioningState"] == "Succeeded"

    status, error = arm.refused("GET", f"{resources}name eq 'a' or name eq 'b'")
    assert (status, error["code"]) == (501, "NotEmulated")
    status, error = arm.refused("GET", f"{resources}nonsense")
    assert (status, error["code"]) == (400, "InvalidFilterInQueryString")
    assert arm.refused("GET", f"{group}/resources?$orderby=name")[0] == 501, "never ignored"
    double = account.replace("Microsoft.Storage/", "Microsoft.Storage//")
    assert arm.ok("GET", double, version="2024-01-01")["id"] == account


def test_groups_are_listed_by_tag(arm: Any, subscription: str) -> None:
    groups = f"/subscriptions/{subscription}/resourceGroups"
    for name, team in (("rg-a", "xbox"), ("rg-b", "surface"), ("rg-c", "")):
        arm.ok(
            "PUT",
            f"{groups}/{name}",
            {"location": "eastus2", "tags": {"team": team} if team else {}},
        )

    def named(words: str) -> list[str]:
        return [one["name"] for one in arm.ok("GET", f"{groups}?$filter={words}")["value"]]

    assert named("tagname eq 'Team' and tagvalue eq 'xbox'") == ["rg-a"]
    assert named("tagName eq 'team'") == ["rg-a", "rg-b"]
    status, error = arm.refused("GET", f"{groups}?$filter=name eq 'rg-a'")
    assert (status, error["code"]) == (501, "NotEmulated")


def test_a_subscription_that_is_not_there_is_not_found(arm: Any) -> None:
    path = "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/rg"
    assert arm.refused("GET", path) == (404, _With(code="SubscriptionNotFound"))


def test_a_client_finds_its_subscriptions_tenant_and_regions_and_what_it_may_do(
    emulator: Emulator, arm: Any, developer: Any, subscription: str
) -> None:
    base = f"/subscriptions/{subscription}"
    listed = arm.ok("GET", "/subscriptions", version="2022-12-01")["value"]
    assert base in [one["id"] for one in listed]
    others = developer.ok("GET", "/subscriptions", version="2022-12-01")["value"]
    assert base not in [one["id"] for one in others], "where it has no role"
    assert arm.ok("GET", base, version="2022-12-01")["state"] == "Enabled"
    regions = arm.ok("GET", f"{base}/locations", version="2022-12-01")["value"]
    assert "eastus2" in [one["name"] for one in regions]
    (tenant,) = arm.ok("GET", "/tenants", version="2022-12-01")["value"]
    assert tenant["tenantId"] == emulator.identities.platform.tenant
    may = f"{base}/providers/Microsoft.Authorization/permissions"
    assert "*" in arm.ok("GET", may, version="2022-04-01")["value"][0]["actions"]


def test_every_answer_carries_arms_headers(arm: Any, group: str) -> None:
    headers = arm.send("GET", group).headers
    for name in (
        "x-ms-request-id",
        "x-ms-correlation-request-id",
        "x-ms-routing-request-id",
        "x-ms-ratelimit-remaining-subscription-reads",
    ):
        assert headers[name]
    missing = arm.send("GET", group + "-none")
    assert missing.headers["x-ms-failure-cause"] == "gateway"
    assert missing.headers["x-ms-request-id"]


def test_throttling_answers_429_until_the_bucket_fills_again(
    emulator: Emulator, arm: Any, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "reads", (3.0, 1.0))
    throttle = emulator.cloud.throttle
    throttle.enabled = True
    emulator.control.clock.run(0)
    try:
        statuses = [arm.send("GET", group).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = arm.send("GET", group)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        emulator.control.clock.advance(10)
        assert arm.send("GET", group).status_code == 200
    finally:
        throttle.enabled = False
        emulator.control.clock.run(1)


def test_a_client_configured_by_metadata_host_finds_the_cloud(arm: Any) -> None:
    answer = arm.ok("GET", "/metadata/endpoints", version="2022-09-01")
    assert answer["resourceManager"] == "https://management.azure.com/"
    assert answer["authentication"]["audiences"]
    assert answer["suffixes"]["keyVaultDns"] == "vault.azure.net"


class _With(dict[str, Any]):
    """Equal to every dictionary that has at least these entries."""

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and self.items() <= other.items()  # pyright: ignore[reportUnknownMemberType]
