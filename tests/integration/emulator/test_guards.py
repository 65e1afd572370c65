"""Locks, budgets, diagnostic settings, private networks: what ARM refuses and what it keeps."""

import uuid
from typing import Any

import pytest

LOCKS = "2020-05-01"
BUDGETS = "2024-08-01"
NETWORK = "2024-05-01"
SETTINGS = "2021-05-01-preview"
LOGS = "2023-09-01"
VAULTS = "2024-11-01"


@pytest.fixture
def vault(arm: Any, group: str) -> str:
    """A vault in the group."""
    id = f"{group}/providers/Microsoft.KeyVault/vaults/kv-{uuid.uuid4().hex[:10]}"
    tenant = arm.ok("GET", group.partition("/resourceGroups")[0], version="2022-12-01")["tenantId"]
    properties = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}}
    arm.ok("PUT", id, {"location": "eastus2", "properties": properties}, version=VAULTS)
    return id


def test_a_locked_resource_and_its_group_stay_until_the_lock_is_gone(
    arm: Any, group: str, vault: str
) -> None:
    lock = f"{vault}/providers/Microsoft.Authorization/locks/keep"
    body = {"properties": {"level": "CanNotDelete", "notes": "production"}}
    assert arm.send("PUT", lock, body, version=LOCKS).status_code == 201
    for path, version in ((vault, VAULTS), (group, "2024-03-01")):
        status, error = arm.refused("DELETE", path, version=version)
        assert (status, error["code"]) == (409, "ScopeLocked")
        assert vault in error["message"]
    assert arm.send("PATCH", vault, {"tags": {"a": "1"}}, version=VAULTS).status_code == 200
    arm.ok("DELETE", lock, version=LOCKS)
    arm.ok("DELETE", vault, version=VAULTS)


def test_a_lock_keeps_the_roles_at_what_it_holds_and_not_those_above_it(
    arm: Any, group: str, vault: str
) -> None:
    version = "2022-04-01"
    subscription = group.partition("/resourceGroups")[0]
    reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    definition = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{reader}"
    principal = {"principalId": str(uuid.uuid4()), "principalType": "Group"}
    body = {"properties": {"roleDefinitionId": definition, **principal}}
    name = f"providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    for scope in (group, vault):
        arm.ok("PUT", f"{scope}/{name}", body, version=version)
    lock = f"{vault}/providers/Microsoft.Authorization/locks/keep"
    arm.ok("PUT", lock, {"properties": {"level": "CanNotDelete"}}, version=LOCKS)
    code = arm.refused("DELETE", f"{vault}/{name}", version=version)[1]["code"]
    assert code == "ScopeLocked"
    arm.ok("DELETE", f"{group}/{name}", version=version)


def test_a_lock_holds_for_what_lies_below_and_read_only_for_writes(
    arm: Any, group: str, vault: str
) -> None:
    lock = f"{group}/providers/Microsoft.Authorization/locks/keep"
    arm.ok("PUT", lock, {"properties": {"level": "ReadOnly"}}, version=LOCKS)
    code = arm.refused("PATCH", vault, {"tags": {"a": "1"}}, version=VAULTS)[1]["code"]
    assert code == "ScopeLocked"
    assert arm.refused("DELETE", vault, version=VAULTS)[1]["code"] == "ScopeLocked"
    assert arm.ok("GET", vault, version=VAULTS)["name"] in vault
    listed = arm.ok("GET", lock.rpartition("/")[0], version=LOCKS)["value"]
    assert [each["name"] for each in listed] == ["keep"]
    status, error = arm.refused("PUT", lock, {"properties": {"level": "Never"}}, version=LOCKS)
    assert (status, error["code"]) == (400, "InvalidLockLevel")


def test_a_budget_begins_with_a_month_and_tells_somebody(arm: Any, group: str) -> None:
    budget = f"{group}/providers/Microsoft.Consumption/budgets/monthly"
    alert = {
        "enabled": True,
        "operator": "GreaterThan",
        "threshold": 80,
        "contactEmails": ["platform@example.com"],
    }
    properties = {
        "category": "Cost",
        "amount": 500,
        "timeGrain": "Monthly",
        "timePeriod": {"startDate": "2026-11-01T00:00:00Z"},
        "notifications": {"spent": alert},
    }
    made = arm.ok("PUT", budget, {"properties": properties}, version=BUDGETS)["properties"]
    assert made["timePeriod"]["endDate"] == "2036-11-01T00:00:00Z"
    assert made["currentSpend"]["amount"] == 0
    wrong: list[dict[str, Any]] = [
        {"timePeriod": {"startDate": "2026-11-02T00:00:00Z"}},
        {"amount": 0},
        {"notifications": {"spent": alert | {"contactEmails": []}}},
        {"notifications": {f"n{number}": alert for number in range(6)}},
    ]
    for change in wrong:
        body = {"properties": properties | change}
        assert arm.refused("PUT", budget, body, version=BUDGETS)[0] == 400, change


def test_a_diagnostic_setting_names_a_destination_that_is_there_and_its_own(
    arm: Any, group: str, vault: str
) -> None:
    logs = f"{group}/providers/Microsoft.OperationalInsights/workspaces/log-test"
    setting = f"{vault}/providers/Microsoft.Insights/diagnosticSettings/all"
    properties = {"workspaceId": logs, "logs": [{"categoryGroup": "allLogs", "enabled": True}]}
    body = {"properties": properties}
    assert arm.refused("PUT", setting, body, version=SETTINGS)[1]["code"] == "ResourceNotFound"
    arm.begin("PUT", logs, {"location": "eastus2", "properties": {}}, version=LOGS).result()
    assert arm.ok("PUT", setting, body, version=SETTINGS)["properties"]["workspaceId"] == logs
    status, error = arm.refused("PUT", f"{setting}2", body, version=SETTINGS)
    assert (status, error["code"]) == (409, "Conflict")
    nothing = {"properties": {"workspaceId": logs}}
    assert arm.refused("PUT", setting, nothing, version=SETTINGS)[0] == 400
    on_group = f"{group}/providers/Microsoft.Insights/diagnosticSettings/all"
    code = arm.refused("PUT", on_group, body, version=SETTINGS)[1]["code"]
    assert code == "ResourceTypeNotSupported"


def test_a_metric_alert_is_on_a_metric_that_azure_publishes(
    arm: Any, group: str, vault: str
) -> None:
    insights = f"{group}/providers/Microsoft.Insights"
    account = f"{group}/providers/Microsoft.CognitiveServices/accounts/ais-{uuid.uuid4().hex[:8]}"
    body: dict[str, Any] = {"location": "eastus2", "kind": "AIServices", "sku": {"name": "S0"}}
    arm.begin("PUT", account, body, version="2025-06-01").result()
    told, rule = f"{insights}/actionGroups/oncall", f"{insights}/metricAlerts/errors"
    receiver = {"name": "a", "emailAddress": "oncall@example.com"}
    group_of = {"groupShortName": "oncall", "enabled": True, "emailReceivers": [receiver]}
    criterion = {
        "name": "errors",
        "criterionType": "StaticThresholdCriterion",
        "metricName": "ModelRequests",
        "timeAggregation": "Total",
        "operator": "GreaterThan",
        "threshold": 10,
        "dimensions": [{"name": "StatusCode", "operator": "Include", "values": ["500"]}],
    }
    single = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
    properties: dict[str, Any] = {
        "severity": 2,
        "enabled": True,
        "scopes": [account],
        "evaluationFrequency": "PT5M",
        "windowSize": "PT15M",
        "criteria": {"odata.type": single, "allOf": [criterion]},
        "actions": [{"actionGroupId": told}],
    }
    place = {"location": "global"}
    unknown = arm.refused("PUT", rule, {**place, "properties": properties}, version="2018-03-01")
    assert "doesn't exist" in unknown[1]["message"]
    long = {**place, "properties": group_of | {"groupShortName": "thirteen-long"}}
    assert arm.refused("PUT", told, long, version="2023-01-01")[0] == 400
    made = arm.ok("PUT", told, {**place, "properties": group_of}, version="2023-01-01")
    assert made["properties"]["emailReceivers"][0]["status"] == "Enabled"
    made = arm.ok("PUT", rule, {**place, "properties": properties}, version="2018-03-01")
    assert made["properties"]["autoMitigate"] is True

    def criteria(**change: Any) -> dict[str, Any]:
        return {"criteria": {"odata.type": single, "allOf": [criterion | change]}}

    wrong: list[dict[str, Any]] = [
        {"scopes": [vault]},
        {"scopes": []},
        {"severity": 5},
        {"windowSize": "PT1M"},
        {"evaluationFrequency": "PT12H"},
        criteria(metricName="ServerlessRequests"),
        criteria(timeAggregation="Average"),
        criteria(dimensions=[{"name": "Endpoint", "operator": "Include", "values": ["x"]}]),
        {"criteria": {"odata.type": single, "allOf": []}},
    ]
    for change in wrong:
        refused = arm.refused(
            "PUT", rule, {**place, "properties": properties | change}, version="2018-03-01"
        )
        assert refused[0] == 400, change

    activity = f"{insights}/activityLogAlerts/endpoints"
    leaf = {"field": "category", "equals": "Administrative"}
    condition = {"allOf": [leaf, {"anyOf": [{"field": "operationName", "equals": "x/write"}]}]}
    actions = {"actionGroups": [{"actionGroupId": told}]}
    body = {"scopes": [group], "condition": condition, "actions": actions}
    arm.ok("PUT", activity, {**place, "properties": body}, version="2020-10-01")
    no_category = {"allOf": [{"field": "status", "equals": "x"}]}
    wrong = [{"condition": no_category}, {"scopes": []}]
    for change in wrong:
        wrong_body = {**place, "properties": body | change}
        assert arm.refused("PUT", activity, wrong_body, version="2020-10-01")[0] == 400, change


def test_a_private_endpoint_holds_its_subnet_and_a_link_its_zone(
    arm: Any, group: str, vault: str
) -> None:
    provider = f"{group}/providers/Microsoft.Network"
    vnet, zone = f"{provider}/virtualNetworks/vnet", f"{provider}/privateDnsZones/privatelink.x.net"
    space = {"addressSpace": {"addressPrefixes": ["10.1.0.0/24"]}}
    arm.begin("PUT", vnet, {"location": "eastus2", "properties": space}, version=NETWORK).result()
    subnet = f"{vnet}/subnets/private"
    outside = {"properties": {"addressPrefix": "10.2.0.0/24"}}
    code = arm.refused("PUT", subnet, outside, version=NETWORK)[1]["code"]
    assert code == "NetcfgInvalidSubnet"
    inside = {"properties": {"addressPrefix": "10.1.0.0/25"}}
    arm.begin("PUT", subnet, inside, version=NETWORK).result()
    connection = {"privateLinkServiceId": vault, "groupIds": ["blob"]}
    endpoint = f"{provider}/privateEndpoints/pe"
    properties = {
        "subnet": {"id": subnet},
        "privateLinkServiceConnections": [{"name": "vault", "properties": connection}],
    }
    body = {"location": "eastus2", "properties": properties}
    assert arm.refused("PUT", endpoint, body, version=NETWORK)[1]["code"] == "InvalidGroupId"
    connection["groupIds"] = ["vault"]
    arm.begin("PUT", endpoint, body, version=NETWORK).result()
    code = arm.refused("DELETE", vnet, version=NETWORK)[1]["code"]
    assert code == "InUseSubnetCannotBeDeleted"

    dns = {"location": "global"}
    arm.begin("PUT", zone, dns, version="2024-06-01").result()
    link = {"location": "global", "properties": {"virtualNetwork": {"id": vnet}}}
    path = f"{zone}/virtualNetworkLinks/vnet"
    arm.begin("PUT", path, link, version="2024-06-01").result()
    code = arm.refused("DELETE", zone, version="2024-06-01")[1]["code"]
    assert code == "CannotDeleteResource"
    arm.begin("DELETE", endpoint, version=NETWORK).result()
    arm.begin("DELETE", vnet, version=NETWORK).result()
