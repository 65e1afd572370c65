"""What the program asks Azure for, whatever makes it."""

import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.infra.conftest import (
    ALICE,
    BUILD,
    CONFIG,
    PROGRAM,
    SUBSCRIPTION,
    TENANT,
    Recording,
)

ROOT = PROGRAM.parents[1]

STORAGE_NAME = re.compile(r"[a-z0-9]{3,24}")
VAULT_NAME = re.compile(r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
WORKSPACE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")
DEFINITIONS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/"
AI_DEVELOPER = "64702f94-c441-49e6-a78b-ef80e0188fee"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
MONITORING_READER = "43d0d8ad-25c7-4714-9337-8ba259a9fe05"
KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
COGNITIVE_SERVICES_USER = "a97b65f3-24c7-4388-baec-2e87135dc908"


def test_the_stack_is_these_resources_and_no_others(environment: Recording) -> None:
    counted: dict[str, int] = {}
    for type_ in environment.types.values():
        counted[type_] = counted.get(type_, 0) + 1
    assert counted == {
        "pulumi-python:dynamic:Resource": 5,
        "foundry-tune:index:FoundryEnvironment": 1,
        "foundry-tune:index:Access": 1,
        "azure-native:resources:ResourceGroup": 1,
        "azure-native:storage:StorageAccount": 1,
        "azure-native:keyvault:Vault": 1,
        "azure-native:cognitiveservices:Account": 1,
        "azure-native:machinelearningservices:Workspace": 3,
        "azure-native:machinelearningservices:WorkspaceConnection": 1,
        "azure-native:authorization:RoleAssignment": 2 * 3 + 3 * 3,
    }


def test_everything_with_a_region_is_in_the_configured_one_and_tagged(
    environment: Recording,
) -> None:
    placed = {n: i for n, i in environment.inputs.items() if "location" in i}
    assert len(placed) == 7
    for name, inputs in placed.items():
        assert inputs["location"] == "eastus2", name
        assert inputs["tags"] == {
            "owner": "platform-team",
            "environment": "dev",
            "made-by": "foundry-tune",
        }, name


def test_storage_takes_identities_only_over_modern_tls(environment: Recording) -> None:
    account = environment.inputs["storage"]
    assert account["kind"] == "StorageV2"
    assert account["sku"] == {"name": "Standard_LRS"}
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["enableHttpsTrafficOnly"] is True
    assert account["allowBlobPublicAccess"] is False
    assert account["allowSharedKeyAccess"] is False
    assert STORAGE_NAME.fullmatch(account["accountName"])


def test_the_vault_is_governed_by_roles_and_protected_from_purging(
    environment: Recording,
) -> None:
    vault = environment.inputs["vault"]
    assert vault["properties"]["enableRbacAuthorization"] is True
    assert vault["properties"]["enablePurgeProtection"] is True
    assert vault["properties"]["tenantId"] == TENANT
    assert "accessPolicies" not in vault["properties"]
    assert "createMode" not in vault["properties"]
    assert VAULT_NAME.fullmatch(vault["vaultName"])


def test_ai_services_has_its_own_domain_and_no_keys(environment: Recording) -> None:
    account = environment.inputs["ai-services"]
    assert account["kind"] == "AIServices"
    assert account["sku"] == {"name": "S0"}
    assert account["identity"] == {"type": "SystemAssigned"}
    assert account["properties"] == {
        "customSubDomainName": account["accountName"],
        "disableLocalAuth": True,
        "publicNetworkAccess": "Enabled",
    }


def test_the_hub_signs_in_to_its_datastores_with_identities(environment: Recording) -> None:
    hub = environment.inputs["hub"]
    assert hub["kind"] == "Hub"
    assert hub["sku"] == {"name": "Basic", "tier": "Basic"}
    assert hub["identity"] == {"type": "SystemAssigned"}
    assert hub["systemDatastoresAuthMode"].lower() == "identity"
    assert hub["storageAccount"] == "/made/storage"
    assert hub["keyVault"] == "/made/vault"
    assert WORKSPACE_NAME.fullmatch(hub["workspaceName"])


def test_a_project_brings_nothing_that_the_hub_has(environment: Recording) -> None:
    for name in ("xbox", "surface"):
        project = environment.inputs[f"project-{name}"]
        assert project["kind"] == "Project"
        assert project["workspaceName"] == name
        assert project["hubResourceId"] == "/made/hub"
        assert project["identity"] == {"type": "SystemAssigned"}
        assert set(project) == {
            *("kind", "workspaceName", "hubResourceId", "identity", "sku", "location"),
            *("resourceGroupName", "friendlyName", "tags"),
        }


def test_the_connection_to_ai_services_holds_no_key(environment: Recording) -> None:
    connection = environment.inputs["connection"]
    account = environment.inputs["ai-services"]["accountName"]
    assert connection["workspaceName"] == "hub-foundry-dev"
    assert connection["properties"] == {
        "authType": "AAD",
        "category": "AIServices",
        "target": f"https://{account}.cognitiveservices.azure.com/",
        "isSharedToAll": True,
        "metadata": {"ApiType": "Azure", "ResourceId": "/made/ai-services"},
    }


@pytest.mark.parametrize(
    ("name", "principal", "type_"),
    [("alice", ALICE, "User"), ("build", BUILD, "ServicePrincipal")],
)
def test_a_developer_gets_the_group_and_its_blobs(
    environment: Recording, name: str, principal: str, type_: str
) -> None:
    for purpose, scope, role in (
        ("developer", "/made/group", AI_DEVELOPER),
        ("blobs", "/made/storage", BLOB_DATA_CONTRIBUTOR),
        ("metrics", "/made/group", MONITORING_READER),
    ):
        assignment = dict(environment.inputs[f"{name}-{purpose}"])
        assert uuid.UUID(assignment.pop("roleAssignmentName")).version == 5
        assert assignment == {
            "scope": scope,
            "principalId": principal,
            "principalType": type_,
            "roleDefinitionId": DEFINITIONS + role,
        }


def test_the_workspaces_own_identities_get_what_they_need(environment: Recording) -> None:
    for workspace in ("hub", "project-xbox", "project-surface"):
        principal = str(uuid.uuid5(uuid.NAMESPACE_DNS, workspace))
        for purpose, scope, role in (
            ("blobs", "/made/storage", BLOB_DATA_CONTRIBUTOR),
            ("secrets", "/made/vault", KEY_VAULT_SECRETS_OFFICER),
            ("ai-services", "/made/ai-services", COGNITIVE_SERVICES_USER),
        ):
            assignment = environment.inputs[f"{workspace}-{purpose}"]
            assert assignment["scope"] == scope
            assert assignment["principalId"] == principal
            assert assignment["principalType"] == "ServicePrincipal"
            assert assignment["roleDefinitionId"] == DEFINITIONS + role


def test_nobody_is_granted_anything_on_the_whole_subscription(environment: Recording) -> None:
    for assignment in environment.of_type("azure-native:authorization:RoleAssignment").values():
        assert assignment["scope"].startswith("/made/")


def test_no_two_role_assignments_share_a_name(environment: Recording) -> None:
    assignments = environment.of_type("azure-native:authorization:RoleAssignment").values()
    names = [assignment["roleAssignmentName"] for assignment in assignments]
    assert len(set(names)) == len(names)


def test_every_provider_that_the_stack_touches_is_registered(environment: Recording) -> None:
    registrations = environment.of_type("pulumi-python:dynamic:Resource").values()
    assert {row["namespace"] for row in registrations} == {
        "Microsoft.CognitiveServices",
        "Microsoft.KeyVault",
        "Microsoft.MachineLearningServices",
        "Microsoft.Network",
        "Microsoft.Storage",
    }
    assert {row["subscription_id"] for row in registrations} == {SUBSCRIPTION}


def test_the_exports_are_the_contract_with_the_jobs(environment: Recording) -> None:
    assert environment.outputs == {
        "schemaVersion": 1,
        "tenantId": TENANT,
        "subscriptionId": SUBSCRIPTION,
        "location": "eastus2",
        "resourceGroupName": "rg-foundry-dev",
        "hubName": "hub-foundry-dev",
        "hubId": "/made/hub",
        "projectName": "xbox",
        "projectNames": ["xbox", "surface"],
        "projectId": "/made/project-xbox",
        "projectPrincipalId": str(uuid.uuid5(uuid.NAMESPACE_DNS, "project-xbox")),
        "storageAccountName": environment.inputs["storage"]["accountName"],
        "keyVaultUri": f"https://{environment.inputs['vault']['vaultName']}.vault.azure.net/",
        "aiServicesEndpoint": environment.inputs["connection"]["properties"]["target"],
        "registeredProviders": [
            "Microsoft.CognitiveServices",
            "Microsoft.KeyVault",
            "Microsoft.MachineLearningServices",
            "Microsoft.Network",
            "Microsoft.Storage",
        ],
    }


def test_no_secret_is_exported(environment: Recording) -> None:
    assert environment.secret_outputs == set()


def test_a_preview_branches_on_nothing_that_is_unknown(
    environment: Recording, run: Callable[..., Recording]
) -> None:
    preview = run(CONFIG, preview=True)
    assert set(preview.inputs) == set(environment.inputs)
    assert {"hubId", "projectId", "projectPrincipalId"} <= preview.unknown_outputs
    assert preview.outputs["location"] == "eastus2"


def test_the_same_configuration_gives_the_same_requests(
    environment: Recording, run: Callable[..., Recording]
) -> None:
    assert run(CONFIG).inputs == environment.inputs


def test_a_closed_network_and_a_mortal_vault_are_asked_for_outright(
    run: Callable[..., Recording],
) -> None:
    more = {"publicNetworkAccess": "Disabled", "purgeProtection": "false"}
    closed = run({**CONFIG, **more})
    assert closed.inputs["storage"]["publicNetworkAccess"] == "Disabled"
    assert closed.inputs["hub"]["publicNetworkAccess"] == "Disabled"
    assert closed.inputs["ai-services"]["properties"]["publicNetworkAccess"] == "Disabled"
    vault: dict[str, Any] = closed.inputs["vault"]["properties"]
    assert vault["publicNetworkAccess"] == "Disabled"
    assert "enablePurgeProtection" not in vault, "Azure refuses false"


def test_purging_comes_after_deleting_and_before_the_group_goes(
    run: Callable[..., Recording],
) -> None:
    config = {**CONFIG, "purgeProtection": "false", "purgeOnDestroy": "true"}
    recording = run(config)
    subscription = f"/subscriptions/{SUBSCRIPTION}"
    names = {name: each for name, each in recording.inputs.items() if name.startswith("purge-")}
    assert {name: (each["method"], each["path"]) for name, each in names.items()} == {
        "purge-vault": (
            "POST",
            f"{subscription}/providers/Microsoft.KeyVault/locations/eastus2/deletedVaults/"
            f"{recording.inputs['vault']['vaultName']}/purge",
        ),
        "purge-ai-services": (
            "DELETE",
            f"{subscription}/providers/Microsoft.CognitiveServices/locations/eastus2"
            "/resourceGroups/rg-foundry-dev/deletedAccounts/"
            f"{recording.inputs['ai-services']['accountName']}",
        ),
        **{
            f"purge-{resource}": (
                "DELETE",
                f"{subscription}/resourceGroups/rg-foundry-dev/providers"
                f"/Microsoft.MachineLearningServices/workspaces/{workspace}",
            )
            for resource, workspace in (
                ("hub", "hub-foundry-dev"),
                ("project-xbox", "xbox"),
                ("project-surface", "surface"),
            )
        },
    }
    # What is made after its purge is deleted before it.
    order = list(recording.inputs)
    for name in names:
        assert order.index("group") < order.index(name) < order.index(name.removeprefix("purge-"))


def test_a_stack_without_guards_and_private_endpoints_does_not_wait_for_their_modules() -> None:
    # The modules that a preview of the dev stack would import for nothing; network alone is larger
    # than all that it needs.
    program = (
        "import runpy, sys; from tests.unit.infra.conftest import CONFIG, run_program; "
        "run_program(CONFIG); "
        "print([m for m in ('network', 'privatedns', 'monitor', 'consumption', 'containerregistry',"
        " 'applicationinsights') if f'pulumi_azure_native.{m}._inputs' in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
