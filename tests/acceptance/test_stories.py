"""Every folder beside this file is a story: inputs, a `script`, and what a person sees of it.

The script runs against a fresh emulator; what it prints must be `output.txt`. `make accept`
rewrites the outputs, for a reviewer to read.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/script"))

SHOWN_FILES = ("Pulumi.yaml", "Pulumi.dev.yaml", "jobs/specs", "jobs/catalog.yaml", "datasets")
"""What a story finds in its folder, beside its own files: what a user of the project has."""

MASKS = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "[GUID]"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}T[0-9:.]+Z?\b"), "[TIME]"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|min|seconds)\b(?! left)"), "[DURATION]"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:[PORT]"),
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_story(story: Path, tmp_path: Path) -> None:
    folder = folder_of_a_user(story, tmp_path)
    ran = subprocess.run(
        [*emulated(), "bash", "-e", "script"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
    )
    printed = masked(ran.stdout, folder) + f"exit code {ran.returncode}\n"
    expected = story / "output.txt"
    if os.environ.get("FOUNDRY_TUNE_ACCEPT"):
        expected.write_text(printed, encoding="utf-8")
    assert printed == expected.read_text(encoding="utf-8")


def emulated() -> list[str]:
    return [sys.executable, "-m", "emulator.cli", "run", "--state", ":memory:", "--"]


def folder_of_a_user(story: Path, tmp_path: Path) -> Path:
    """A copy of what the project ships, with the story's own files over it."""
    folder = tmp_path / "work"
    folder.mkdir()
    for shown in SHOWN_FILES:
        source, target = ROOT / shown, folder / shown
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    (folder / "infra").symlink_to(ROOT / "infra")
    shutil.copytree(story, folder, dirs_exist_ok=True)
    return folder


def masked(output: str, folder: Path) -> str:
    """The output without what differs from run to run."""
    output = output.replace(str(folder), "[FOLDER]").replace(str(ROOT), "[PROJECT]")
    for pattern, mask in MASKS:
        output = pattern.sub(mask, output)
    return "".join(line.rstrip() + "\n" for line in output.splitlines())
