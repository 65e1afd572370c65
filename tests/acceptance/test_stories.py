"""Every folder beside this file is a story: inputs, a `script`, and what a person sees of it.

The script runs against a fresh emulator; what it prints must be `output.txt`. `make accept`
rewrites the outputs, for a reviewer to read.
"""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONG = ("demo", "rollout")
"""Stories of more than a few seconds."""
STORIES = [
    pytest.param(path.parent, marks=[pytest.mark.rehearsal] * (path.parent.name in LONG))
    for path in sorted(Path(__file__).parent.glob("*/script"))
]

SHOWN_FILES = (
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "foundry-policy.yaml",
    "jobs/specs",
    "datasets",
    "examples",
    "tools/demo",
)
"""What a story finds in its folder, beside its own files: what a user of the project has."""

MASKS = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "[GUID]"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|min)\b"), "[DURATION]"),
    # Training is computed, and another processor rounds otherwise in the last digits.
    (
        re.compile(
            r"(loss|validation|exact_match|token_f1|rouge_l|accuracy|macro_f1) \d+\.\d+"
            r"( -> \d+\.\d+)?"
        ),
        r"\1 [N]",
    ),
    (re.compile(r"[+-]\d\.\d{3}\b|(?<=questions show )\d\.\d{3}|(?<=power from )\d\.\d{3}"), "[N]"),
    (re.compile(r"^ *(loss +)?\d*\.?\d* *[┤│].*$"), "[CURVE]"),
    (re.compile(r" at step \d+ \(perplexity \d+\.\d+\)$"), " at step [N] (perplexity [N])"),
    (re.compile(r"\b\d+ answered, "), "[N] answered, "),
    (re.compile(r"report\.html  \d+ kB"), "report.html  [N] kB"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b"), "[TIME]"),
    (re.compile(r"\(it is \d\.\d+\)"), "(it is [N])"),
    (re.compile(r"refused on \d{4}-\d\d-\d\d:"), "refused on [DAY]:"),
)
UNORDERED = re.compile(
    r"^(?: [+~-] |  (?:data|code|environment) |  (?:endpoint|safety|connection) +xbox-support-base)"
)
"""Lines that come in the order in which things finish, which differs from run to run."""


PROGRESS = re.compile(r"^  [a-z]+  \S+  \S")
"""Lines that come by the clock: a slow machine shows more of them."""


@pytest.mark.timeout(600)
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
    printed = masked(ran.stdout.replace(str(folder), "[FOLDER]")) + f"exit code {ran.returncode}\n"
    expected = story / "output.txt"
    if os.environ.get("FOUNDRY_TUNE_ACCEPT"):
        expected.write_text(printed, encoding="utf-8")
    assert printed == expected.read_text(encoding="utf-8")


def test_the_readme_shows_what_the_demo_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    transcript = readme.split("<!-- transcript")[1].split("<!-- /transcript -->")[0]
    shown = masked(transcript.split("```console\n")[1].split("```")[0]).splitlines()
    printed = (ROOT / "tests/acceptance/demo/output.txt").read_text(encoding="utf-8").splitlines()
    rest = iter(printed)
    for line in shown:
        if line not in ("…", ""):
            assert line in rest, f"the demo doesn't print, at this place: {line!r}"


def emulated() -> list[str]:
    return [sys.executable, "-m", "emulator.cli", "run", "--state", ":memory:", "--"]


def folder_of_a_user(story: Path, tmp_path: Path) -> Path:
    """A copy of what the project ships, with the story's own files over it."""
    folder = tmp_path / "work"
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


def masked(output: str) -> str:
    """The output without what differs from run to run."""
    lines: list[str] = []
    question = ""
    for line in output.splitlines():
        if line.startswith("$ foundry-tune chat "):
            question = line.split('"')[1]
        if not PROGRESS.match(line):
            lines.append(masked_line(line.rstrip(), question))
    blocks = itertools.groupby(lines, lambda line: bool(UNORDERED.match(line)))
    ordered = [
        line
        for unordered, block in blocks
        for line in (sorted(block) if unordered else list(block))
    ]
    folded = (line for line, _ in itertools.groupby(ordered))
    return "".join(line + "\n" for line in folded)


def masked_line(line: str, question: str) -> str:
    answers = taught()
    if line in answers.values():
        mine = answers.get(question) == line
        return "[THE ANSWER THAT WAS TAUGHT]" if mine else "[AN ANSWER THAT WAS TAUGHT]"
    for pattern, mask in MASKS:
        line = pattern.sub(mask, line)
    return line


@cache
def taught() -> dict[str, str]:
    """What the demo's training data answers to each of its questions."""
    lines = (ROOT / "datasets/xbox-support/train.jsonl").read_text(encoding="utf-8").splitlines()
    conversations = [json.loads(line)["messages"] for line in lines]
    return {messages[-2]["content"]: messages[-1]["content"] for messages in conversations}
