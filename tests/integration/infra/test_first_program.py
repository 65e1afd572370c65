"""The program that Pulumi's own template for azure-native makes, unchanged but for its comments."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulator.rehearsal import inventory
from emulator.server import Emulator
from tests.integration.infra.conftest import Pulumi

PROGRAM = """
import pulumi
from pulumi_azure_native import storage
from pulumi_azure_native import resources

resource_group = resources.ResourceGroup("resource_group")
account = storage.StorageAccount(
    "sa",
    resource_group_name=resource_group.name,
    sku={"name": storage.SkuName.STANDARD_LRS},
    kind=storage.Kind.STORAGE_V2,
)
primary_key = (
    pulumi.Output.all(resource_group.name, account.name)
    .apply(
        lambda args: storage.list_storage_account_keys(
            resource_group_name=args[0], account_name=args[1]
        )
    )
    .apply(lambda keys: keys.keys[0].value)
)
pulumi.export("primary_storage_key", primary_key)
pulumi.export("account", account.name)
"""
# The same function as an output, which keeps the provider's word that it is a secret.
SECRETLY = """
keys = storage.list_storage_account_keys_output(
    resource_group_name=resource_group.name, account_name=account.name
)
pulumi.export("secret_key", keys.apply(lambda keys: keys.keys[0].value))
"""


@pytest.mark.rehearsal
@pytest.mark.timeout(120)
def test_a_group_and_an_account_without_names_or_a_place_are_made(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str
) -> None:
    (project / "infra" / "__main__.py").write_text(PROGRAM + SECRETLY, encoding="utf-8")
    (project / "Pulumi.dev.yaml").write_text("config:\n  azure-native:location: westus3\n")
    pulumi("stack", "init", "dev")
    assert "3 to create" in pulumi("preview").stdout

    pulumi("up", "--yes")
    outputs: dict[str, Any] = json.loads(pulumi("stack", "output", "--json").stdout)
    assert re.fullmatch(r"sa[0-9a-f]{8}", outputs["account"])
    assert len(outputs["primary_storage_key"]) == 88
    assert outputs["secret_key"] == "[secret]"

    made = _made(emulator, subscription_id)
    assert {place for _, place in made} == {"westus3"}
    pulumi("preview", "--expect-no-changes")
    pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    pulumi("destroy", "--yes", "--skip-preview")
    assert _made(emulator, subscription_id) == set()
    pulumi("up", "--yes", "--skip-preview")
    again = _made(emulator, subscription_id)
    assert not {name for name, _ in made} & {name for name, _ in again}, "drawn anew"


def test_an_account_is_made_where_its_group_is_and_made_anew_before_the_old_one_goes(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str
) -> None:
    program = project / "infra" / "__main__.py"
    placed = PROGRAM.replace('"resource_group")', '"resource_group", location="eastus")')
    program.write_text(placed, encoding="utf-8")
    (project / "Pulumi.dev.yaml").write_text("config: {}\n")
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    made = _made(emulator, subscription_id)
    assert {place for _, place in made} == {"eastus"}

    moved = placed.replace('    "sa",\n', '    "sa",\n    location="westus",\n')
    program.write_text(moved, encoding="utf-8")
    mark = emulator.control.last_call()
    pulumi("up", "--yes", "--skip-preview")
    assert {place for _, place in _made(emulator, subscription_id)} == {"eastus", "westus"}
    calls = [c for c in emulator.control.calls(after=mark) if "/storageAccounts/" in c["path"]]
    assert [c["method"] for c in calls if c["method"] in ("PUT", "DELETE")] == ["PUT", "DELETE"]


def _made(emulator: Emulator, subscription_id: str) -> set[tuple[str, str]]:
    """The name and place of the groups and accounts of a subscription."""
    prefix = f"/subscriptions/{subscription_id}/"
    ids = [each["id"] for each in inventory.take(emulator.cloud)["resources"]]
    found = (emulator.cloud.resources.get(id) for id in ids if id.startswith(prefix))
    kinds = ("resourcegroups", "storageaccounts")
    return {
        (each.name, each.location) for each in found if each and each.type.lower().endswith(kinds)
    }
