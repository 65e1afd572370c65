"""The doors between the rooms: what a folder may import, kept by a test and not by memory."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("infra", "jobs", "emulator", "minipulumi")


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_no_other_room(room: str) -> None:
    others = set(ROOMS) - {room}
    for source in sorted((ROOT / room).rglob("*.py")):
        doors = imported_packages(source) & others
        assert not doors, f"{source.relative_to(ROOT)} imports {sorted(doors)}"


def test_only_the_gateway_of_jobs_imports_azure() -> None:
    for source in sorted((ROOT / "jobs").rglob("*.py")):
        if "foundry" in source.relative_to(ROOT).parts:
            continue
        assert not imported_packages(source) & {"azure", "openai", "pulumi", "msal"}, source


def test_the_emulator_imports_nothing_of_azures_sdks() -> None:
    for source in sorted((ROOT / "emulator").rglob("*.py")):
        assert not imported_packages(source) & {"azure", "openai", "pulumi", "msal"}, source


def test_no_file_is_longer_than_600_lines() -> None:
    for room in ROOMS:
        for source in sorted((ROOT / room).rglob("*.py")):
            lines = len(source.read_text(encoding="utf-8").splitlines())
            assert lines <= 600, f"{source.relative_to(ROOT)} has {lines} lines"


def imported_packages(source: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in the file it does so."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
