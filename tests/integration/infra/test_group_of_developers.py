"""A stack whose developers are a group: who is in it may fine-tune, who isn't may not even look."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.rehearsal.identities import DEVELOPER
from emulator.server import Emulator
from tests.integration.infra.conftest import Pulumi

ROOT = Path(__file__).parents[3]
GROUP = "0a11ce00-0000-4000-8000-0000000000a1"
NO_GROUP = "0a11ce00-0000-4000-8000-0000000000a2"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(emulator: Emulator, subscription_id: str, tmp_path: Path) -> Command:
    """Runs a command of this project where the rehearsal's developer is signed in."""
    environment = emulator.environment(subscription=subscription_id) | {"PYTHONPATH": str(ROOT)}
    environment |= {"AZURE_RESOURCE_GROUP": "rg-foundry-dev", "AZURE_PROJECT": "xbox"}
    modules = {"foundry-tune": "jobs.cli", "foundry-emulator": "emulator.cli"}

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        start = f"import sys; from {modules[name]} import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", start, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_a_stack_whose_developers_are_a_group_is_rehearsed_as_it_stands(
    pulumi: Pulumi, project: Path, command: Command
) -> None:
    stack = project / "Pulumi.dev.yaml"
    text = stack.read_text(encoding="utf-8")
    of_group = text.replace(DEVELOPER[1], GROUP).replace("ServicePrincipal", "Group")
    assert of_group.count(GROUP) == of_group.count("principalType: Group") == 1
    stack.write_text(of_group, encoding="utf-8")
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    spec = str(ROOT / "jobs" / "specs" / "xbox-support.yaml")

    outside = command("foundry-tune", "plan", spec)
    assert outside.returncode == 4, outside.stdout + outside.stderr
    assert "You may not read project 'xbox' (AuthorizationFailed)." in outside.stderr

    joined = command("foundry-emulator", "group", "add", GROUP)
    assert (joined.returncode, joined.stdout) == (0, f"{GROUP}  Developers: {DEVELOPER[1]}\n")
    planned = command("foundry-tune", "plan", spec, "-o", "json")
    assert planned.returncode == 0, planned.stderr
    checks = {check["subject"]: check["status"] for check in json.loads(planned.stdout)["checks"]}
    assert checks["access"] == "pass"
    told = command("foundry-tune", "doctor")
    assert told.returncode == 0, told.stdout
    assert "you may submit jobs and create endpoints" in told.stdout
    assert f"Azure AI Developer on rg-foundry-dev, through group {GROUP}" in told.stdout
    begun = command("foundry-tune", "apply", spec, "--yes", "--no-wait")
    assert begun.returncode == 0, begun.stderr
    assert command("foundry-tune", "cancel", spec, "--yes").returncode == 0

    left = command("foundry-emulator", "group", "remove", GROUP)
    assert left.stdout == f"{GROUP}  Developers: nobody\n"
    assert command("foundry-tune", "plan", spec).returncode == 4
    pulumi("preview", "--expect-no-changes")
    pulumi("destroy", "--yes", "--skip-preview")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("group", "add"), "name the group: foundry-emulator group add OBJECT-ID"),
        (("group", "add", "support-team"), "'support-team' is no object id."),
        (("group", "remove", NO_GROUP), f"There is no group {NO_GROUP} to take anybody out of."),
        (("group", "add", DEVELOPER[1]), "is the ServicePrincipal 'developer', and no group."),
        (("group", "add", GROUP, "--member", NO_GROUP), f"{NO_GROUP} is nobody in this directory."),
    ],
)
def test_what_is_no_group_and_no_member_is_refused(
    arguments: tuple[str, ...], said: str, command: Command
) -> None:
    refused = command("foundry-emulator", *arguments)
    assert refused.returncode == 2
    assert said in refused.stderr
