"""What several steps of a workflow printed, in one text: what failed is open, the rest folded."""

import json
from collections.abc import Mapping
from pathlib import Path

from jobs.errors import UsageError
from jobs.files import UnreadableFileError, read_bounded
from jobs.terminal.github import fenced, folded, plain
from jobs.terminal.output import plain as printable
from jobs.values import mapping

_ROOM = 60_000
"""Characters of an issue that the sections share."""

_LARGEST = 16 << 20
_FAILED = "failure"


def sections(files: list[str], outcomes: Mapping[str, str]) -> str:
    """A section a file, called after it as the step's id is, its end shown where it is too long."""
    room = _ROOM // max(1, len(files))
    failed: list[str] = []
    rest: list[str] = []
    for file in files:
        name = Path(file).stem
        text = _text(file)
        shown = fenced(_end(text, room))
        if outcomes.get(name) == _FAILED:
            failed += [f"### ❌ {plain(name)}", "", *shown, ""]
        else:
            sign = "✅" if outcomes.get(name) == "success" else "▫️"
            rest += folded(f"{sign} {name}: {_headline(text)}", shown)
    return "\n".join([*failed, *rest])


def outcomes_of(steps: str) -> dict[str, str]:
    """How each step ended, by its id: of what GitHub writes as `toJSON(steps)`.

    Raises:
        UsageError: It is something else.
    """
    try:
        found = mapping(json.loads(steps))
    except ValueError:
        found = None
    if found is None:
        raise UsageError(
            "--steps isn't what GitHub writes of a job's steps.",
            next_step="In the workflow's step:  env: {STEPS: ${{ toJSON(steps) }}}",
        )
    return {name: str((mapping(step) or {}).get("outcome", "")) for name, step in found.items()}


def _text(file: str) -> str:
    try:
        return printable(read_bounded(file, _LARGEST).decode("utf-8", "replace")).strip()
    except UnreadableFileError as error:
        return f"It said nothing: {error}."


def _headline(text: str) -> str:
    """The last line, which says how it ended."""
    last = text.splitlines()[-1].strip() if text else "it said nothing"
    return last if len(last) <= 100 else f"{last[:99]}…"


def _end(text: str, room: int) -> str:
    return (
        text if len(text) <= room else f"… {len(text) - room:,} characters before\n{text[-room:]}"
    )
