"""Which `pulumi`, and which azure-native plugin, a rehearsed command finds: the real ones first."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

OURS = Path(__file__).parents[3] / "minipulumi" / "bin"
TOOL = Path(sys.executable).with_name("foundry-emulator")
ASK = (
    'command -v pulumi pulumi-resource-azure-native; ls "$PULUMI_HOME/plugins" 2>/dev/null || true'
)


def executable(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def rehearsed(folder: Path, places: list[str]) -> tuple[list[str], str]:
    """What the command finds, and what the emulator has said."""
    usual = [place for place in os.environ["PATH"].split(":") if not Path(place, "pulumi").exists()]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
    ran = subprocess.run(
        [TOOL, "run", "--state", str(folder / "state"), "--", "bash", "-c", ASK],
        env={**environment, "HOME": str(folder), "PATH": ":".join([*places, *usual])},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines(), ran.stderr


@pytest.fixture
def cli(tmp_path: Path) -> Path:
    return executable(tmp_path / "real" / "pulumi")


def plugin(folder: Path, number: str) -> None:
    name = f"resource-azure-native-v{number}"
    executable(folder / ".pulumi" / "plugins" / name / "pulumi-resource-azure-native")


def test_without_a_cli_both_are_ours_and_the_emulator_leaves_it_to_them_to_say_so(
    tmp_path: Path,
) -> None:
    found, told = rehearsed(tmp_path, [])
    assert found == [str(OURS / "pulumi"), str(OURS / "pulumi-resource-azure-native")]
    assert "pulumi" not in told


@pytest.mark.parametrize("other", [False, True], ids=["no plugin", "another version's plugin"])
def test_a_cli_without_its_plugin_gets_ours_on_path_and_no_download(
    other: bool, tmp_path: Path, cli: Path
) -> None:
    if other:
        plugin(tmp_path, "1.0.0")
    found, told = rehearsed(tmp_path, [str(cli.parent)])
    assert found == [str(cli), str(OURS / "pulumi-resource-azure-native")]
    stand_in = "with foundry-tune's stand-in for the azure-native plugin"
    assert told.splitlines() == [f"foundry-emulator: pulumi is {cli}, {stand_in}"]


def test_a_cli_with_its_plugin_installed_keeps_it_and_ours_is_out_of_sight(
    tmp_path: Path, cli: Path
) -> None:
    number = version("pulumi-azure-native")
    plugin(tmp_path, number)
    found, told = rehearsed(tmp_path, [str(cli.parent)])
    assert found == [str(cli), f"resource-azure-native-v{number}"]
    assert told.splitlines() == [
        f"foundry-emulator: pulumi is {cli}, with its own azure-native plugin"
    ]
