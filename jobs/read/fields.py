"""Fields of rows that a comparison is cut by, and whether the data has them."""

import codecs
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from jobs.files import open_regular
from jobs.findings import Finding
from jobs.spec.story import Chapter
from jobs.suggestions import did_you_mean

ALWAYS = ("system", "language", "label", "length")
"""What every comparison is cut by."""


def field_findings(chapter: Chapter, fields: Sequence[str], path: Path) -> Iterator[Finding]:
    """Fields that no row of a file has."""
    there = {*ALWAYS, *_fields(path)}
    for index, name in enumerate(fields):
        if name not in there:
            hint = did_you_mean(name, sorted(there)) or f" There is: {', '.join(sorted(there))}."
            message = f"no row of {path.name} has a field '{name[:40]}'.{hint}"
            yield chapter.finding("FT-S048", ("slices", index), message)


def _fields(path: Path) -> set[str]:
    """The fields of the lines that can be read; what can't, the data's own rules tell."""
    found: set[str] = set()
    with open_regular(path) as file:
        for line in file:
            try:
                row: Any = json.loads(line.removeprefix(codecs.BOM_UTF8))
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                found |= set(cast("dict[str, Any]", row)) - {"messages"}
    return found
