"""A new repository as `init` writes it, its environment brought up once by the platform team."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.rehearsal.pulumi import find_pulumi
from emulator.server import Emulator
from jobs.cli import main
from tests.conftest import PATH_AT_FIRST, REAL_PULUMI
from tests.integration.infra.conftest import ROOT

REPOSITORY, STACK = "contoso/phi", "prod"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
WHICH = f"the real pulumi, {REAL_PULUMI}" if REAL_PULUMI else "minipulumi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout, the machine's environment, and the identities that the stack made."""

    folder: Path
    environment: Mapping[str, str]
    subscription: str
    clients: Mapping[str, str]
    """Client ids by the identities' names."""


def brought_up(
    emulator: Emulator, root: Path, story: str, edit: Callable[[str], str] = str
) -> Checkout:
    """A repository below `root`, whose spec tells a story of this name; `edit` of its stack file.

    A moment of training is enough; the name is unique, as an endpoint's is in a whole region.
    """
    folder = root / "phi"
    assert main(["init", str(folder), "--repository", REPOSITORY, "--profile", "dev"]) == 0
    spec = folder / "specs" / "support.yaml"
    text = spec.read_text("utf-8").replace("epochs: 3", "epochs: 1")
    (folder / "specs" / f"{story}.yaml").write_text(
        re.sub(r"\bsupport\b(?!/)", story, text), "utf-8"
    )
    spec.unlink()
    stack = folder / f"Pulumi.{STACK}.yaml"
    stack.write_text(edit(stack.read_text("utf-8")), "utf-8")
    subscription = emulator.control.add_subscription(registered=())
    # The real CLI where there is one, as for a user; the tests themselves run without.
    parent = {**os.environ, "PATH": PATH_AT_FIRST}
    environment = emulator.environment(parent, subscription=subscription) | {
        "PULUMI_BACKEND_URL": f"file://{root / 'state'}",
        "PULUMI_HOME": str(root / "home"),
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    find_pulumi(parent).settle(root / "home")
    (root / "state").mkdir()
    for command in (("stack", "init"), ("up", "--yes", "--skip-preview")):
        _pulumi(folder, environment, *command)
    outputs = json.loads(_pulumi(folder, environment, "stack", "output", "--json"))
    clients: dict[str, str] = outputs["identityClientIds"]
    # What docs/gitops.md asks of the platform team for the nightly look.
    monitor = emulator.cloud.access.application(clients["monitor"])
    assert monitor
    emulator.control.assign(monitor.id, READER, f"/subscriptions/{subscription}")
    return Checkout(
        folder=folder, environment=environment, subscription=subscription, clients=clients
    )


def _pulumi(folder: Path, environment: Mapping[str, str], *command: str) -> str:
    """What the platform team types: signed in as Owner."""
    done = subprocess.run(
        ["pulumi", *command, "--stack", STACK, "--non-interactive"],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
