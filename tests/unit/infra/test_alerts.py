"""Alert rules: on metrics that Azure publishes, and of endpoints that come and go."""

from typing import Any

import pytest

from infra.alerts import ACCOUNTS, ENDPOINTS
from tests.unit.infra.conftest import Recording, profile_config, run_program


@pytest.fixture(scope="module")
def standard() -> Recording:
    return run_program(profile_config("standard"))


def test_each_number_has_a_rule_on_ai_services_that_tells_somebody(standard: Recording) -> None:
    rules = standard.of_type("azure-native:monitor:MetricAlert")
    assert set(rules) == {"alert-errors", "alert-latency", "alert-refusals"}
    criteria: dict[str, dict[str, Any]] = {}
    for name, rule in rules.items():
        assert rule["scopes"] == ["/made/ai-services"]
        assert rule["actions"] == [{"actionGroupId": "/made/alerts"}]
        assert (rule["windowSize"], rule["evaluationFrequency"]) == ("PT15M", "PT5M")
        (criteria[name],) = rule["criteria"]["allOf"]
        assert criteria[name]["metricNamespace"] == ACCOUNTS
    assert {name: (each["metricName"], each["threshold"]) for name, each in criteria.items()} == {
        "alert-errors": ("ModelRequests", 10),
        "alert-latency": ("TimeToLastByte", 30_000),
        "alert-refusals": ("RAIRejectedRequests", 20),
    }
    assert criteria["alert-errors"]["dimensions"] == [
        {
            "name": "StatusCode",
            "operator": "Include",
            "values": ["429", "500", "502", "503", "504"],
        }
    ]
    group = standard.inputs["alerts"]
    assert len(group["groupShortName"]) <= 12, "Azure's limit"
    assert [each["emailAddress"] for each in group["emailReceivers"]] == ["oncall@example.com"]


def test_an_endpoint_that_is_made_or_deleted_is_told(standard: Recording) -> None:
    rule = standard.inputs["alert-endpoints"]
    assert rule["scopes"] == ["/made/group"]
    *_, changes = rule["condition"]["allOf"]
    assert [each["equals"] for each in changes["anyOf"]] == [
        f"{ENDPOINTS}/write",
        f"{ENDPOINTS}/delete",
    ]
    namespaces = standard.of_type("pulumi-python:dynamic:Resource").values()
    assert "Microsoft.Insights" in {row.get("namespace") for row in namespaces}
