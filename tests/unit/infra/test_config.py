"""The stack's configuration is checked as a whole, before anything is asked of Azure."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.config import ConfigError, Developer, Settings, parse

MINIMAL = {"projects": '["xbox"]'}
ALICE = {
    "name": "alice",
    "principalId": "0A11CE00-0000-4000-8000-000000000001",
    "principalType": "User",
}


def read(config: dict[str, str], stack: str = "dev") -> Settings:
    return parse(list(config), config.get, stack)


def findings(config: dict[str, str], stack: str = "dev") -> list[str]:
    with pytest.raises(ConfigError) as error:
        read(config, stack)
    first, *rest = str(error.value).splitlines()
    assert first == f"The configuration of stack '{stack}' can't be used:"
    return [line.strip() for line in rest]


def test_only_the_projects_have_no_default() -> None:
    assert read(MINIMAL) == Settings(
        location="eastus2", workload="foundry", environment="dev", projects=("xbox",)
    )
    (finding,) = findings({})
    assert finding == "foundry-tune:projects: missing. Name at least one: projects: [xbox]"


def test_a_region_may_be_written_as_the_portal_does() -> None:
    assert read({**MINIMAL, "location": "East US 2"}).location == "eastus2"


def test_a_region_without_fine_tuning_needs_a_reason() -> None:
    (finding,) = findings({**MINIMAL, "location": "westeurope"})
    assert "Phi can't be fine-tuned in 'westeurope'" in finding
    assert "extraLocations" in finding
    extra = [{"location": "West Europe", "reason": "private preview, ticket 4711"}]
    config = {**MINIMAL, "location": "westeurope", "extraLocations": json.dumps(extra)}
    assert read(config).location == "westeurope"
    extra[0]["reason"] = " "
    (finding,) = findings({**config, "extraLocations": json.dumps(extra)})
    assert finding.startswith("foundry-tune:extraLocations[0].reason: empty.")


def test_developers_are_typed_and_their_ids_compare_without_case() -> None:
    settings = read({**MINIMAL, "developers": json.dumps([ALICE])})
    assert settings.developers == (
        Developer(name="alice", principal_id=ALICE["principalId"].lower(), principal_type="User"),
    )


def test_every_finding_is_told_at_once() -> None:
    told = findings(
        {
            "locaton": "eastus2",
            "location": "mars",
            "workload": "Foundry!",
            "projects": '["x", "xbox", "xbox", 3]',
            "developers": json.dumps(
                [
                    {**ALICE, "principalType": "user"},
                    {"name": "bob", "principalID": "?"},
                    "carol",
                    ALICE,
                    {**ALICE, "principalId": ALICE["principalId"].lower()},
                ]
            ),
            "publicNetworkAccess": "enabled",
            "purgeProtection": "yes",
            "tags": '{"a/b": "c", "d": 5}',
        }
    )
    assert told == [
        "foundry-tune:locaton: unknown key. Did you mean 'location'?",
        "foundry-tune:workload: 'Foundry!' can't be part of Azure's names (a lower case letter, "
        "then 1 to 9 lower case letters or digits). Set it: pulumi config set workload <word>",
        "foundry-tune:location: Phi can't be fine-tuned in 'mars', as far as this version knows. "
        "Choose one of eastus2, eastus, northcentralus, southcentralus, westus, westus3, or list "
        "it with a reason: extraLocations: [{location: …, reason: …}]",
        "foundry-tune:projects[0]: 'x' can't be a project's name. Use 3 to 32 lower case "
        "letters, digits and dashes, a letter first.",
        "foundry-tune:projects[2]: 'xbox' is listed twice. Remove one of them.",
        "foundry-tune:projects[3]: 3 can't be a project's name. Use 3 to 32 lower case "
        "letters, digits and dashes, a letter first.",
        "foundry-tune:developers[0].principalType: 'user' isn't one of User, Group, "
        "ServicePrincipal. Did you mean 'User'?",
        "foundry-tune:developers[1].principalID: unknown key. Did you mean 'principalId'?",
        "foundry-tune:developers[1].principalId: missing. Every entry of developers has one.",
        "foundry-tune:developers[1].principalType: missing. Every entry of developers has one.",
        "foundry-tune:developers[2]: 'carol' isn't a map. Give it name, principalId, "
        "principalType.",
        "foundry-tune:developers[4].name: 'alice' is listed twice. Rename one.",
        "foundry-tune:developers[4].principalId: the same principal as 'alice'. Remove one of "
        "them.",
        "foundry-tune:publicNetworkAccess: 'enabled' isn't one of Enabled, Disabled. "
        "Did you mean 'Enabled'?",
        "foundry-tune:purgeProtection: 'yes' is neither true nor false. "
        "pulumi config set purgeProtection true",
        "foundry-tune:tags.a/b: not a tag's name. Leave out < > % & \\ ? and /.",
        "foundry-tune:tags.d: not a text of at most 256 characters. Quote it.",
    ]


def test_words_that_make_a_vault_name_too_long_are_refused_together() -> None:
    (finding,) = findings({**MINIMAL, "workload": "finetuning", "environment": "staging"})
    assert "more than 14 letters together" in finding


def test_a_stack_name_that_azure_cannot_use_asks_for_an_environment() -> None:
    (finding,) = findings(MINIMAL, stack="My-Stack")
    assert finding.startswith("foundry-tune:environment: 'My-Stack' can't be part")
    assert read({**MINIMAL, "environment": "prod"}, stack="My-Stack").environment == "prod"


def test_a_project_cannot_take_the_hubs_name() -> None:
    (finding,) = findings({"projects": '["hub-foundry-dev"]'})
    assert "hub's name" in finding


def test_a_vault_is_either_protected_or_purged() -> None:
    (finding,) = findings({**MINIMAL, "purgeOnDestroy": "true"})
    assert finding.startswith("foundry-tune:purgeOnDestroy: a vault that is protected")
    assert read({**MINIMAL, "purgeOnDestroy": "true", "purgeProtection": "false"}).purge_on_destroy


@pytest.mark.parametrize("key", ["projects", "developers", "extraLocations"])
def test_a_list_that_is_none_is_named(key: str) -> None:
    assert any(
        finding.startswith(f"foundry-tune:{key}: not a list.")
        for finding in findings({**MINIMAL, key: "xbox"})
    )


WORDS = st.text('ab1:-{}[]"é ', max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
KEYS = ("location", "extraLocations", "workload", "projects", "developers", "tags", "other")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), WORDS | VALUES.map(json.dumps)))
def test_nonsense_is_a_finding_and_never_a_traceback(config: dict[str, str]) -> None:
    with contextlib.suppress(ConfigError):
        read(config)


def test_a_guard_is_read_as_a_map_and_every_mistake_in_it_is_told_at_once() -> None:
    budget = {"amount": 500, "emails": ["platform@example.com"]}
    guards = read({**MINIMAL, "budget": json.dumps(budget), "diagnostics": "{}"}).guards
    assert guards.budget is not None
    assert (guards.budget.alerts, guards.budget.forecast) == ((50, 80, 100), (100,))
    assert guards.diagnostics is not None
    assert guards.diagnostics.retention_days == 30
    wrong = {"amount": -1, "emails": ["nobody"], "alerts": [50, 50], "mails": []}
    diagnostics = json.dumps({"retentionDays": 5})
    found = findings({**MINIMAL, "budget": json.dumps(wrong), "diagnostics": diagnostics})
    assert [each.split(": ")[0] for each in found] == [
        "foundry-tune:budget.mails",
        "foundry-tune:budget.amount",
        "foundry-tune:budget.emails[0]",
        "foundry-tune:budget.alerts",
        "foundry-tune:diagnostics.retentionDays",
    ]
    assert "Did you mean 'emails'?" in found[0]
    assert "Write amount: 500" in found[1]
    many = json.dumps(budget | {"alerts": [10, 20, 30, 40, 50]})
    (finding,) = findings({**MINIMAL, "budget": many})
    assert "more than 5 together" in finding


def test_alerts_have_limits_and_what_azure_has_no_metric_for_is_refused_by_name() -> None:
    config = {**MINIMAL, "alerts": json.dumps({"emails": ["oncall@example.com"], "errors": 5})}
    alerts = read(config).guards.alerts
    assert alerts is not None
    assert (alerts.errors, alerts.latency, alerts.refusals) == (5, 30, 20)
    wrong = {"idle": "1d", "latency": 0, "refused": 1}
    found = findings({**MINIMAL, "alerts": json.dumps(wrong)})
    assert [each.split(": ")[0] for each in found] == [
        "foundry-tune:alerts.idle",
        "foundry-tune:alerts.refused",
        "foundry-tune:alerts.emails",
        "foundry-tune:alerts.latency",
    ]
    assert "`foundry-tune monitor` tells idle hours" in found[0]
    assert "Did you mean 'refusals'?" in found[1]


def test_required_tags_are_asked_for_without_case() -> None:
    rule = {**MINIMAL, "requiredTags": '["Owner", "costCenter"]', "tags": '{"owner": "me"}'}
    (finding,) = findings(rule)
    assert finding.startswith("foundry-tune:tags.costCenter: missing")


def test_a_network_is_made_or_named_and_its_rules_take_the_strict_mode() -> None:
    strict = {"isolation": "AllowOnlyApprovedOutbound", "outbound": {"pypi": "pypi.org"}}
    network = read({**MINIMAL, "network": json.dumps(strict)}).network
    assert network is not None
    assert (network.outbound, network.is_private) == ({"pypi": "pypi.org"}, False)
    wrong = {
        "isolation": "Open",
        "outbound": {"pypi": "https://pypi.org"},
        "addressSpace": "10.0.0.0/30",
        "subnet": "/subscriptions/x/resourceGroups/y",
    }
    found = findings({**MINIMAL, "network": json.dumps(wrong)})
    assert [each.split(": ")[0] for each in found] == [
        "foundry-tune:network.isolation",
        "foundry-tune:network.outbound.pypi",
        "foundry-tune:network.addressSpace",
        "foundry-tune:network.subnet",
    ]
    loose = {"outbound": {"pypi": "pypi.org"}, "addressSpace": "10.0.0.0/24"}
    (finding,) = findings({**MINIMAL, "network": json.dumps(loose)})
    assert "AllowOnlyApprovedOutbound" in finding


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hubs", '[{"location": "eastus2"}, {"location": "westus3"}]'),
        ("regions", '["eastus2", "westus3"]'),
        ("location", '["eastus2", "westus3"]'),
        ("location", "eastus2, westus3"),
    ],
)
def test_several_hubs_or_regions_are_refused_with_the_way_to_have_them(
    key: str, value: str
) -> None:
    (finding,) = findings({**MINIMAL, key: value})
    assert finding == (
        f"foundry-tune:{key}: a stack is one hub in one region. Make a stack each: pulumi stack "
        "init NAME, with a location and projects of its own in Pulumi.NAME.yaml."
    )
