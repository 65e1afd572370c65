"""The policy pack: resources of the program in the rules' shape, each ruled field broken there."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi import RunError
from pulumi.runtime.rpc import UNKNOWN
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import unknown_checking_proxy

from infra.policy_pack.pack import files
from infra.policy_pack.rules import policies, subject_of
from jobs.cli import main
from policy import subject as kinds
from policy.gates import RULED
from policy.judge import judge
from policy.settings import Policy, policy_of
from tests.unit.infra.conftest import PROGRAM, Recording

ROOT = PROGRAM.parents[1]
POLICY = policy_of(
    {
        "rules": {
            "allowed_regions": ["eastus2"],
            "minimum_tls": "TLS1_2",
            "no_public_blobs": True,
            "rbac_vaults": True,
            "subscription_roles": [],
            "required_tags": ["owner"],
            "no_keys": True,
            "content_filter": True,
            "endpoint_owner": "owner",
            "endpoint_sign_in": ["aad"],
            "allowed_models": ["Phi-4"],
            "most_epochs": 5,
            "budget_required": True,
            "largest_budget": 100,
            "gates_required": True,
            "allowed_roles": [
                *("Azure AI Developer", "Cognitive Services User", "Key Vault Secrets Officer"),
                *("Monitoring Reader", "Storage Blob Data Contributor"),
            ],
        }
    }
)
ENDPOINT = "azure-native:machinelearningservices:ServerlessEndpoint"
CONTAINER = "azure-native:storage:BlobContainer"
OF_PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "endpoint": (
        ENDPOINT,
        {
            "location": "eastus2",
            "tags": {"owner": "support"},
            "serverlessEndpointProperties": {
                "authMode": "AAD",
                "contentSafety": {"contentSafetyStatus": "Enabled"},
                "modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4"},
            },
        },
    ),
    "container": (CONTAINER, {"containerName": "data", "publicAccess": "None"}),
}
"""What this program doesn't make, and another that the pack is run over may."""

THINGS = {
    kinds.STORAGE: "storage account",
    kinds.CONTAINER: "container",
    kinds.VAULT: "vault",
    kinds.ROLE_ASSIGNMENT: "role assignment",
    kinds.AI_SERVICES: "AI Services",
    kinds.INSIGHTS: "insights",
    kinds.WORKSPACE: "hub or project",
    kinds.ENDPOINT: "endpoint",
    kinds.JOB: "training",
}


def thing(rule: str, type: str) -> str:
    """What the table of gates calls it."""
    anything = rule in {"FT-P001", "FT-P007"} and type != kinds.ENDPOINT
    return "resource" if anything else THINGS[type]


def config_of(stack: dict[str, Any]) -> dict[str, str]:
    """A stack file's configuration as Pulumi gives it to the program."""
    return {
        key.removeprefix("foundry-tune:"): value if isinstance(value, str) else json.dumps(value)
        for key, value in stack["config"].items()
    }


@pytest.fixture
def resources(run: Callable[..., Recording]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every resource of the standard profile, and what other programs may make."""
    stack = yaml.safe_load((ROOT / "infra" / "profiles" / "standard.yaml").read_text("utf-8"))
    made = run(config_of(stack))
    return {name: (made.types[name], made.inputs[name]) for name in made.types} | OF_PROGRAMS


def test_a_good_stack_breaks_no_rule(resources: dict[str, tuple[str, dict[str, Any]]]) -> None:
    assert broken(resources, POLICY) == set()


def test_every_ruled_field_of_a_stack_is_caught_in_its_preview_or_listed_as_blind(
    resources: dict[str, tuple[str, dict[str, Any]]],
) -> None:
    found = broken(spoiled(resources), POLICY)
    visible = {(r.rule, r.thing, r.field) for r in RULED if "preview" not in r.blind}
    assert found == visible


@pytest.mark.parametrize("profile", ["dev", "standard", "private"])
def test_what_init_writes_passes_the_policy_that_it_writes(
    profile: str, tmp_path: Path, run: Callable[..., Recording]
) -> None:
    asked = ("--repository", "contoso/phi", "--profile", profile, "--email", "me@example.com")
    assert main(["init", str(tmp_path), *asked]) == 0
    stack = yaml.safe_load((tmp_path / "Pulumi.prod.yaml").read_text("utf-8"))
    made = run(config_of(stack))
    resources = {name: (made.types[name], made.inputs[name]) for name in made.types}
    assert "identity-watch" in resources
    (file,) = files(tmp_path / "policy-pack")
    written = policy_of(yaml.safe_load(file.read_text("utf-8")))
    assert broken(resources, written) == set()
    resources["storage"][1]["allowSharedKeyAccess"] = True
    assert broken(resources, written) == {("FT-P008", "storage account", "allowSharedKeyAccess")}


def spoiled(
    resources: dict[str, tuple[str, dict[str, Any]]],
) -> dict[str, tuple[str, dict[str, Any]]]:
    """The same with every ruled field broken."""
    bad = copy.deepcopy(resources)
    bad["group"][1]["tags"] = {}
    bad["group"][1]["location"] = "westeurope"
    bad["storage"][1].update(
        minimumTlsVersion="TLS1_0", allowBlobPublicAccess=True, allowSharedKeyAccess=True
    )
    bad["container"][1]["publicAccess"] = "Container"
    bad["vault"][1]["properties"]["enableRbacAuthorization"] = False
    bad["ai-services"][1]["properties"]["disableLocalAuth"] = False
    bad["insights"][1]["disableLocalAuth"] = False
    del bad["hub"][1]["identity"]
    role = next(inputs for token, inputs in bad.values() if token.endswith(":RoleAssignment"))
    role["scope"] = "/subscriptions/00000000-0000-0000-0000-000000000000"
    role["roleDefinitionId"] = "/x/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    endpoint = bad["endpoint"][1]
    endpoint.update(location="westus", tags={"owner": ""})
    endpoint["serverlessEndpointProperties"] = {
        "authMode": "Key",
        "modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4-mini-instruct"},
    }
    return bad


def broken(
    resources: dict[str, tuple[str, dict[str, Any]]], policy: Policy
) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for name, (token, inputs) in resources.items():
        subject = subject_of(token, name, seen(inputs))
        for verdict in judge(subject, policy) if subject else ():
            rule = verdict.rule.id
            found.add((rule, thing(rule, subject.type if subject else ""), verdict.breach.field))
    return found


def seen(inputs: dict[str, Any]) -> Any:
    """Inputs as the engine hands them to a policy: what isn't known yet raises when it is read."""
    return unknown_checking_proxy(deserialize_properties(inputs))


def test_what_is_not_known_before_the_deployment_is_judged_once_it_is() -> None:
    token = "azure-native:authorization/v20220401:RoleAssignment"
    inputs = {"scope": UNKNOWN, "roleDefinitionId": "x", "principalId": UNKNOWN}
    subject = subject_of(token, "r", seen(inputs))
    assert subject is not None
    assert {verdict.rule.id for verdict in judge(subject, POLICY)} == {"FT-P006"}
    vault = {"properties": {"tenantId": UNKNOWN, "enableRbacAuthorization": UNKNOWN}}
    unknown = subject_of("azure-native:keyvault:Vault", "v", seen(vault))
    assert unknown is not None
    assert list(judge(unknown, POLICY)) == []
    tags = {"location": "eastus2", "tags": {"owner": UNKNOWN}}
    tagged = subject_of("azure-native:network:VirtualNetwork", "n", seen(tags))
    assert tagged is not None
    assert list(judge(tagged, POLICY)) == []


def test_what_is_not_azures_is_not_judged() -> None:
    assert subject_of("pulumi-python:dynamic:Resource", "x", {}) is None
    assert subject_of("aws:s3/bucket:Bucket", "x", {}) is None


def test_every_file_above_holds_and_only_what_all_call_advisory_is(tmp_path: Path) -> None:
    near, far = tmp_path / "near.yaml", tmp_path / "far.yaml"
    near.write_text("rules: {most_epochs: 3, no_keys: true}\nadvisory: [no_keys, most_epochs]\n")
    far.write_text("rules: {no_keys: true}\n")
    held = {one.rule.key: one.is_advisory for one in policies([near, far])}
    assert held == {"no_keys": False, "most_epochs": True}


@pytest.mark.parametrize(
    "text", ["rules: {no_such: true}\n", "rules: [\n", "rules: {most_epochs: 0}"]
)
def test_a_file_that_is_no_policy_names_what_tells_all_of_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(RunError, match=r"foundry-tune validate .*p\.yaml"):
        policies([tmp_path / "p.yaml"])
    with pytest.raises(RunError, match=r"No foundry-policy\.yaml"):
        policies([])
