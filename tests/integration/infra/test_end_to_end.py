"""The unmodified program, run by `pulumi` as a user types it, against the emulator."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.types import TypeTable
from emulator.server import Emulator
from minipulumi.azure_native.arm import Arm
from minipulumi.azure_native.credentials import account

ROOT = Path(__file__).parents[3]
DEVELOPER = "e0e0e0e0-0000-4000-8000-000000000021"
READS = ("GET", "HEAD")
# Signing in and the directory are no part of the environment.
ARM = "management.azure.com"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout as far as `pulumi` looks at it, so that nothing is written into this one."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    return tmp_path


@pytest.fixture
def subscription_id(emulator: Emulator) -> str:
    """A subscription in which nothing is registered, as a new one is."""
    return emulator.control.add_subscription(registered=())


@pytest.fixture
def pulumi(emulator: Emulator, project: Path, subscription_id: str, tmp_path: Path) -> Run:
    """Runs `pulumi` with the environment that `foundry-emulator run` gives."""
    state = tmp_path / "state"
    state.mkdir()
    environment = emulator.environment(subscription=subscription_id) | {
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_HOME": str(tmp_path / "home"),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            ["pulumi", *arguments, "--stack", "dev", "--non-interactive"],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    return run


@pytest.mark.timeout(300)
def test_the_environment_is_made_kept_changed_and_removed_without_a_trace(
    emulator: Emulator, pulumi: Run, project: Path, subscription_id: str
) -> None:
    before = _configuration(project)
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")

    outputs: dict[str, Any] = json.loads(pulumi("stack", "output", "--json").stdout)
    assert outputs["schemaVersion"] == 1
    assert outputs["subscriptionId"] == subscription_id
    assert outputs["projectNames"] == ["xbox"]
    assert _resources(emulator, subscription_id) == {
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.CognitiveServices/accounts",
        "Microsoft.MachineLearningServices/workspaces",
    }
    access = emulator.cloud.access
    developer = access.principal(DEVELOPER)
    assert developer is not None
    jobs = "Microsoft.MachineLearningServices/workspaces/jobs/write"
    assert access.allows(developer, jobs, outputs["projectId"]), "the developer may fine-tune"
    assert not access.allows(developer, jobs, f"/subscriptions/{subscription_id}")

    mark = emulator.control.last_call()
    pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    pulumi("preview", "--expect-no-changes")
    assert _writes(emulator, mark) == []

    pulumi("destroy", "--yes", "--skip-preview")
    assert _resources(emulator, subscription_id) == set()
    assert not access.allows(developer, jobs, outputs["projectId"])
    assert not [each for each in _writes(emulator, mark) if "unregister" in each]
    assert _bin(emulator, subscription_id) == [], "the same names can be had again"
    assert _configuration(project) == before, "rehearsing leaves the checkout as it was"


def _resources(emulator: Emulator, subscription_id: str) -> set[str]:
    """The types of everything there is, but for the subscription itself and things inside."""
    names = [name for name in emulator.cloud.part(TypeTable).names() if name.count("/") == 1]
    of_type = emulator.cloud.resources.of_type
    found = {name for name in names if of_type(name, subscription_id)}
    return found - {"Microsoft.Resources/subscriptions"}


def _writes(emulator: Emulator, mark: int) -> list[str]:
    calls = emulator.control.calls(after=mark, host=ARM)
    return [f"{each['method']} {each['path']}" for each in calls if each["method"] not in READS]


def _bin(emulator: Emulator, subscription_id: str) -> list[str]:
    """What Azure keeps of deleted vaults, accounts and workspaces."""
    arm = Arm(account({}, os.environ).credential())
    subscription = f"/subscriptions/{subscription_id}"
    vaults = arm.get(f"{subscription}/providers/Microsoft.KeyVault/deletedVaults", "2024-11-01")
    accounts = arm.get(
        f"{subscription}/providers/Microsoft.CognitiveServices/deletedAccounts", "2025-06-01"
    )
    assert vaults is not None
    assert accounts is not None
    left = [str(each["id"]) for each in (*vaults["value"], *accounts["value"])]
    # Azure lists no deleted workspaces: what was deleted has to have been purged as well.
    deleted, purged = (
        {
            call["path"].lower()
            for call in emulator.control.calls(method="DELETE", host=ARM)
            if call["path"].split("/")[-2] == "workspaces"
            and call["path"].startswith(subscription)
            and ("forceToPurge" in call["query"]) is purging
        }
        for purging in (False, True)
    )
    assert len(deleted) == 2
    return left + sorted(deleted - purged)


def _configuration(project: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in project.glob("Pulumi*.yaml")}
