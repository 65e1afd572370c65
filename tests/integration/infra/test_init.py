"""What `foundry-tune init` writes comes up on the emulator, and is planned and taken down there."""

import subprocess
import sys
from pathlib import Path

import pytest

from emulator.rehearsal.identities import DEVELOPER
from emulator.server import Emulator
from jobs.cli import main
from tests.integration.infra.conftest import ROOT, runner
from tests.integration.infra.test_profiles import resources

GROUP = "0a11ce00-0000-4000-8000-000000000002"
START = "import sys; from jobs.cli import main; sys.exit(main())"


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_a_new_repository_comes_up_is_planned_and_goes_down(
    emulator: Emulator, subscription_id: str, tmp_path: Path
) -> None:
    folder = tmp_path / "phi"
    asked = ("--repository", "contoso/phi", "--profile", "dev", "--group", GROUP, "--stack", "dev")
    assert main(["init", str(folder), *asked]) == 0
    written = (folder / "Pulumi.dev.yaml").read_text("utf-8")
    environment = emulator.environment(subscription=subscription_id)
    pulumi = runner(environment, folder, tmp_path)
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes")
    pulumi("preview", "--expect-no-changes")
    assert (folder / "Pulumi.dev.yaml").read_text("utf-8") == written, "the checkout stays clean"

    emulator.control.change_group(GROUP, add=[DEVELOPER[1]])
    planned = subprocess.run(
        [sys.executable, "-c", START, "plan", "specs", "--stack", "dev"],
        cwd=folder,
        env={
            **environment,
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "project phi" in planned.stdout
    assert "6 to create" in planned.stdout

    pulumi("destroy", "--yes", "--skip-preview")
    assert resources(emulator, subscription_id) == set()
