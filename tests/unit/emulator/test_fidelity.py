"""docs/fidelity.md claims nothing without a witness, and every witness exists."""

import re
from pathlib import Path

import pytest

from emulator.arm.types import ResourceType
from emulator.front import Front

ROOT = Path(__file__).parents[3]
WITNESSES = ROOT / "tests" / "integration" / "emulator"
ROW = re.compile(r"^\| (?P<claim>.+?) \| (?P<how>[a-z]+) \| (?P<note>.+?) \|$", re.M)

# What answers, and words of the row that claims it; the longest beginning that fits counts, and one
# that ends with `$` is all there may be.
CLAIMS = {
    "login.": "Client credentials through azure-identity",
    "token.actions.githubusercontent.com": "GitHub's issuer",
    "pipelines.actions.githubusercontent.com": "GitHub's issuer",
    "api.github.com": "GitHub's issues and comments",
    "dev.azure.com": "Azure Pipelines' address for tokens",
    "vstoken.dev.azure.com": "Azure DevOps' issuer",
    "graph.microsoft.com": "Microsoft Graph",
    "{account}.blob.core.windows.net": "Block blobs",
    "{region}.api.azureml.ms": "Artifacts and named outputs of a run",
    "{endpoint}.{region}.models.ai.azure.com": "Chat completions",
    "{endpoint}.{region}.inference.ml.azure.com": "Made, asked and deleted by azure-ai-ml",
    "{account}.cognitiveservices.azure.com": "`contentsafety/text:analyze`",
    "/metadata/endpoints": "Where a client configured by `metadataHost` finds the cloud",
    "/subscriptions": "Subscriptions, tenants, locations",
    "/tenants": "Subscriptions, tenants, locations",
    "/subscriptions/{}/providers/{}": "Provider registration",
    "/subscriptions/{}/tagnames": "The filters, options and paths that az sends",
    "/subscriptions/{}/resources": "The filters, options and paths that az sends",
    "/subscriptions/{}/resourcegroups/{}/resources": "The filters, options and paths that az sends",
    "/subscriptions/{}/resourcegroups/{}/deployments": "Template deployments",
    "microsoft.resources/subscriptions": "Subscriptions, tenants, locations",
    "microsoft.resources/subscriptions/resourcegroups": "Resource groups: 201/200",
    "microsoft.resources/deployments": "Template deployments",
    "microsoft.authorization/locks": "Locks: CanNotDelete",
    "microsoft.authorization/permissions": "What the caller may do",
    "microsoft.authorization/roleassignments": "Role assignments: `RoleAssignmentExists`",
    "microsoft.authorization/roledefinitions": "Custom roles of subscriptions",
    "microsoft.managedidentity/userassignedidentities": "User-assigned identities",
    "microsoft.storage/checknameavailability": "Storage accounts: 202",
    "microsoft.storage/storageaccounts": "Storage accounts: 202",
    "microsoft.keyvault/": "Vaults: soft deletion",
    "microsoft.cognitiveservices/": "AI Services accounts",
    "microsoft.containerregistry/registries": "Container registries",
    "microsoft.machinelearningservices/locations": "`usages` and `quotas`",
    "microsoft.machinelearningservices/workspaces$": "PUT of a hub or project",
    "microsoft.machinelearningservices/workspaces/onlineendpoints": "Made, asked and deleted by",
    "microsoft.machinelearningservices/workspaces/diagnose": "`diagnose` names",
    "microsoft.machinelearningservices/workspaces/resynckeys": "`diagnose` names",
    "microsoft.machinelearningservices/workspaces/computes": "Compute clusters",
    "microsoft.machinelearningservices/workspaces/datastores": "Default datastores",
    "microsoft.machinelearningservices/workspaces/connections": "Connections without a target",
    "microsoft.machinelearningservices/workspaces/data$": "Data assets",
    "microsoft.machinelearningservices/workspaces/data/versions": "Data assets",
    "microsoft.machinelearningservices/workspaces/models": "The model it registers",
    "microsoft.machinelearningservices/workspaces/codes": "Code: brought up once",
    "microsoft.machinelearningservices/workspaces/environments": "Environments: versions",
    "microsoft.machinelearningservices/workspaces/jobs": "A stock `az ml` YAML",
    "microsoft.machinelearningservices/workspaces/serverlessendpoints": "Made, read, listed, keyed",
    "microsoft.machinelearningservices/workspaces/marketplacesubscriptions": "Marketplace subscr",
    "microsoft.insights/": "Azure Monitor's metrics",
    "microsoft.insights/diagnosticsettings": "Diagnostic settings",
    "microsoft.insights/components": "Log Analytics, Application Insights",
    "microsoft.insights/actiongroups": "Action groups",
    "microsoft.insights/metricalerts": "Action groups",
    "microsoft.insights/activitylogalerts": "Action groups",
    "microsoft.operationalinsights/workspaces": "Log Analytics, Application Insights",
    "microsoft.consumption/budgets": "Budgets: shape",
    "microsoft.network/": "Virtual networks",
}
NOTHING = "Types of Azure's that never hold anything here"


def rows() -> list[tuple[str, str, str]]:
    text = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    return [(row["claim"], row["how"], row["note"]) for row in ROW.finditer(text)]


def test_every_row_says_how_faithful_it_is() -> None:
    assert len(rows()) > 20
    assert {how for _, how, _ in rows()} - {"how"} <= {"real", "emulated", "absent"}


@pytest.mark.parametrize(
    ("claim", "note"), [(claim, note) for claim, how, note in rows() if how == "real"]
)
def test_a_real_claim_has_a_witness(claim: str, note: str) -> None:
    witnesses = re.findall(r"`([\w/]+\.py)::(\w+)`", note)
    assert witnesses, f"'{claim}' names no witness"
    for file, test in witnesses:
        source = (WITNESSES / file).read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file} has no {test}"


def what_answers() -> dict[str, ResourceType | None]:
    """Every host, route and type, written as in `CLAIMS`."""
    front = Front()
    found: dict[str, ResourceType | None] = {}
    for service in front.services:
        found |= {plane.host: None for plane in service.planes}
        found |= {row.name.lower(): row for row in service.types}
        for route in service.routes:
            _, provider, below = route.path.rpartition("/providers/Microsoft.")
            shown = f"Microsoft.{below}" if provider else route.path
            # `…/workspaces/{workspace}/codes/{code}` answers for `…/workspaces/codes`.
            shown = re.sub(r"(?<=[a-zA-Z])/\{\w+\}", "" if provider else "/{}", shown)
            found[shown.lower()] = None
    front.stop()
    return found


def test_whatever_answers_is_claimed() -> None:
    claimed = [claim for claim, _, _ in rows()]
    for name, row in what_answers().items():
        begins = [begin for begin in CLAIMS if f"{name}$".startswith(begin)]
        words = CLAIMS[max(begins, key=len)] if begins else ""
        if row is not None and row.holds_nothing:
            words = NOTHING
        assert words, f"no row of docs/fidelity.md claims {name}"
        assert any(claim.startswith(words) for claim in claimed), f"{name}: no row '{words}…'"
