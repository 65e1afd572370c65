"""Each rule of a platform team: what it lets pass, and what it finds."""

from typing import Any, get_args

import pytest

from policy import subject as kinds
from policy.judge import judge
from policy.roles import BUILT_IN, CONTRIBUTOR
from policy.rules import RULES
from policy.settings import Key, Policy, Values, policy_of
from policy.subject import Subject, lifted

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-foundry-dev"
ADMIN = "0A11CE00-0000-4000-8000-000000000001"
DEVELOPER = BUILT_IN["Azure AI Developer"]
REGISTRY = "azureml://registries/azureml/models"
ENDPOINT = {
    "location": "eastus2",
    "tags": {"owner": "support-team"},
    "contentSafety": {"contentSafetyStatus": "Enabled"},
    "authMode": "AAD",
    "model": "",
    "budget": 20.0,
    "gates": ("token_f1", "rouge_l"),
}
JOB = {"model": f"{REGISTRY}/Phi-4-mini-instruct", "epochs": 5, "budget": 20.0}


def role(**changed: Any) -> dict[str, Any]:
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
    return {"scope": GROUP, "roleDefinitionId": f"{definition}/{DEVELOPER}", **changed}


Case = tuple[str, Any, str, dict[str, Any], dict[str, Any]]
CASES: list[Case] = [
    ("FT-P001", ("East US 2",), kinds.STORAGE, {"location": "eastus2"}, {"location": "westus"}),
    ("FT-P001", ("eastus2",), kinds.WORKSPACE, {"location": "global"}, {"location": "East US"}),
    ("FT-P001", ("eastus2",), kinds.ENDPOINT, ENDPOINT, {"location": "westus3"}),
    ("FT-P001", (), kinds.ROLE_ASSIGNMENT, role(), {"location": "eastus2"}),
    (
        *("FT-P002", "TLS1_2", kinds.STORAGE),
        *({"minimumTlsVersion": "TLS1_3"}, {"minimumTlsVersion": "TLS1_1"}),
    ),
    ("FT-P002", "TLS1_3", kinds.STORAGE, {"minimumTlsVersion": "TLS1_3"}, {}),
    (
        *("FT-P003", True, kinds.STORAGE),
        *({"allowBlobPublicAccess": False}, {"allowBlobPublicAccess": True}),
    ),
    ("FT-P003", True, kinds.STORAGE, {"allowBlobPublicAccess": False}, {}),
    ("FT-P003", True, kinds.CONTAINER, {"publicAccess": "None"}, {"publicAccess": "Blob"}),
    (
        *("FT-P004", True, kinds.VAULT),
        *({"enableRbacAuthorization": True}, {"enableRbacAuthorization": False}),
    ),
    ("FT-P004", True, kinds.VAULT, {"enableRbacAuthorization": True}, {}),
    ("FT-P005", (), kinds.ROLE_ASSIGNMENT, role(), role(scope=SUBSCRIPTION)),
    ("FT-P005", (), kinds.ROLE_ASSIGNMENT, role(), role(scope="/")),
    (
        *("FT-P005", (ADMIN.lower(),), kinds.ROLE_ASSIGNMENT),
        role(scope=SUBSCRIPTION, principalId=ADMIN),
        role(scope="/providers/Microsoft.Management/managementGroups/all", principalId="other"),
    ),
    (
        *("FT-P006", ("Azure AI Developer",), kinds.ROLE_ASSIGNMENT, role()),
        role(roleDefinitionId=f"/roleDefinitions/{CONTRIBUTOR}"),
    ),
    ("FT-P006", (DEVELOPER.upper(),), kinds.ROLE_ASSIGNMENT, role(), role(roleDefinitionId="x")),
    ("FT-P007", ("Owner",), kinds.ENDPOINT, ENDPOINT, {**ENDPOINT, "tags": {"owner": " "}}),
    (
        *("FT-P007", ("owner",), kinds.VAULT),
        *({"location": "x", "tags": {"owner": "me"}}, {"location": "x"}),
    ),
    ("FT-P007", ("owner",), kinds.ROLE_ASSIGNMENT, role(), {"location": "x", "tags": {}}),
    ("FT-P008", True, kinds.STORAGE, {"allowSharedKeyAccess": False}, {}),
    ("FT-P008", True, kinds.AI_SERVICES, {"disableLocalAuth": True}, {"disableLocalAuth": False}),
    ("FT-P008", True, kinds.INSIGHTS, {"DisableLocalAuth": True}, {"DisableLocalAuth": False}),
    (
        *("FT-P008", True, kinds.WORKSPACE, {"identity": {"type": "SystemAssigned"}}),
        {"identity": {"type": "None"}},
    ),
    (
        *("FT-P009", True, kinds.ENDPOINT, ENDPOINT),
        {"contentSafety": {"contentSafetyStatus": "Disabled"}},
    ),
    ("FT-P009", True, kinds.ENDPOINT, ENDPOINT, {}),
    ("FT-P010", "owner", kinds.ENDPOINT, ENDPOINT, {"tags": {"team": "support"}}),
    ("FT-P011", ("aad",), kinds.ENDPOINT, ENDPOINT, {"authMode": "Key"}),
    ("FT-P011", ("aad", "key"), kinds.ENDPOINT, {}, {"authMode": "KeyAndAAD"}),
    ("FT-P012", ("Phi-4-mini-instruct",), kinds.JOB, JOB, {"model": f"{REGISTRY}/Phi-4"}),
    (
        *("FT-P012", (f"{REGISTRY}/Phi-4",), kinds.ENDPOINT),
        *({"model": f"{REGISTRY}/Phi-4/versions/2"}, {"model": f"{REGISTRY}/Phi-4-mini-instruct"}),
    ),
    ("FT-P012", ("Phi-4",), kinds.ENDPOINT, ENDPOINT, {"model": f"{REGISTRY}/Other"}),
    ("FT-P013", 5, kinds.JOB, JOB, {"epochs": 6}),
    ("FT-P013", 5, kinds.JOB, JOB, {}),
    ("FT-P014", True, kinds.JOB, JOB, {"budget": None}),
    ("FT-P014", True, kinds.ENDPOINT, ENDPOINT, {}),
    ("FT-P015", 20.0, kinds.JOB, JOB, {"budget": 20.5}),
    ("FT-P016", True, kinds.ENDPOINT, ENDPOINT, {"gates": ()}),
    ("FT-P016", ("token_f1",), kinds.ENDPOINT, ENDPOINT, {"gates": ("rouge_l",)}),
    ("FT-P016", True, kinds.ENDPOINT, {"model": f"{REGISTRY}/Phi-4"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("id", "value", "type", "good", "bad"), CASES)
def test_a_rule_lets_the_good_pass_and_finds_the_bad(
    id: str, value: Any, type: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    rule = next(rule for rule in RULES if rule.id == id)
    policy = Policy(rules=Values(**{rule.key: value}))
    assert found(policy, type, good) == []
    assert found(policy, type, bad) == [id]


def test_every_rule_has_a_case_and_a_key_and_its_own_id() -> None:
    ids = [rule.id for rule in RULES]
    assert {case[0] for case in CASES} == set(ids)
    assert len(set(ids)) == len(ids)
    assert tuple(rule.key for rule in RULES) == Values.__struct_fields__ == get_args(Key)


def test_a_rule_that_the_file_leaves_out_or_turns_off_is_not_held() -> None:
    off = policy_of({"rules": {"content_filter": False}})
    assert found(off, kinds.ENDPOINT, {}) == []


def test_no_rule_speaks_of_what_it_is_not_about() -> None:
    strict = policy_of(
        {
            "rules": {
                "minimum_tls": "TLS1_3",
                "subscription_roles": [],
                "allowed_roles": [],
                "endpoint_owner": "owner",
                "endpoint_sign_in": [],
                "allowed_models": [],
                "most_epochs": 1,
                "largest_budget": 1,
                **dict.fromkeys(
                    [
                        *("no_public_blobs", "rbac_vaults", "no_keys"),
                        *("content_filter", "budget_required", "gates_required"),
                    ],
                    True,
                ),
            }
        }
    )
    assert found(strict, "microsoft.network/virtualnetworks", {"location": "eastus2"}) == []


@pytest.mark.parametrize(("id", "value", "type", "good", "bad"), CASES)
def test_what_can_t_be_seen_is_not_judged(
    id: str, value: Any, type: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    rule = next(rule for rule in RULES if rule.id == id)
    policy = Policy(rules=Values(**{rule.key: value}))
    fields = {verdict.breach.field for verdict in judge(subject(type, bad), policy)}
    blind = Subject(type=type, name="x", properties=bad, unseen=frozenset(fields))
    assert list(judge(blind, policy)) == []


def test_arm_and_pulumi_come_to_the_same_shape() -> None:
    arm = {"location": "eastus2", "properties": {"enableRbacAuthorization": True}}
    assert lifted(arm) == {"location": "eastus2", "enableRbacAuthorization": True}
    assert lifted({"minimumTlsVersion": "TLS1_2"}) == {"minimumTlsVersion": "TLS1_2"}


def found(policy: Policy, type: str, properties: dict[str, Any]) -> list[str]:
    return [verdict.rule.id for verdict in judge(subject(type, properties), policy)]


def subject(type: str, properties: dict[str, Any]) -> Subject:
    return Subject(type=type, name="x", properties=properties)
