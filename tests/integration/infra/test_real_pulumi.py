"""The real Pulumi CLI where there is one: the demo's stack, and stacks handed over both ways.

Its engine drives this repository's stand-in for the azure-native plugin, unless that is installed.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from emulator.rehearsal import inventory
from emulator.server import Emulator
from tests.conftest import PATH_AT_FIRST, REAL_PULUMI
from tests.integration.infra.conftest import Pulumi, in_the_bin, runner

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        REAL_PULUMI is None,
        reason="no real Pulumi CLI on PATH: nothing here was held against it; install it to do so",
    ),
]


@pytest.fixture
def real(emulator: Emulator, project: Path, subscription_id: str, tmp_path: Path) -> Pulumi:
    """Runs the real CLI on the same project, state and subscription as `pulumi` does ours."""
    parent = {**os.environ, "PATH": PATH_AT_FIRST}
    environment = emulator.environment(parent, subscription=subscription_id)
    run = runner(environment, project, tmp_path, str(REAL_PULUMI))
    assert "minipulumi" not in run("version").stderr
    return run


def test_the_demos_stack_is_made_and_removed_by_the_real_cli(
    emulator: Emulator, real: Pulumi, subscription_id: str
) -> None:
    real("stack", "select", "--create", "dev")
    real("up", "--yes", "--skip-preview")
    assert json.loads(real("stack", "output", "--json").stdout)["projectNames"] == ["xbox"]
    real("preview", "--expect-no-changes")
    real("destroy", "--yes", "--skip-preview")
    _nothing_is_left(emulator, subscription_id)


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_a_stack_is_taken_over_without_a_difference(
    emulator: Emulator,
    pulumi: Pulumi,
    real: Pulumi,
    project: Path,
    subscription_id: str,
    first: str,
) -> None:
    one, other = (pulumi, real) if first == "ours" else (real, pulumi)
    one("stack", "init", "dev")
    one("up", "--yes", "--skip-preview")
    outputs = _outputs(one)

    other("preview", "--expect-no-changes")
    other("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    settings = project / "Pulumi.dev.yaml"
    settings.write_text(settings.read_text("utf-8").replace("platform-team", "data-team"))
    other("up", "--yes", "--skip-preview")
    assert _outputs(other) == outputs

    one("preview", "--expect-no-changes")
    one("destroy", "--yes", "--skip-preview")
    _nothing_is_left(emulator, subscription_id)


def _outputs(run: Pulumi) -> dict[str, Any]:
    return json.loads(run("stack", "output", "--json").stdout)


def _nothing_is_left(emulator: Emulator, subscription_id: str) -> None:
    prefix = f"/subscriptions/{subscription_id}/"
    resources: list[dict[str, str]] = inventory.take(emulator.cloud)["resources"]
    assert [each["id"] for each in resources if each["id"].startswith(prefix)] == []
    assert in_the_bin(emulator, subscription_id) == []
