"""What a comparison is cut by: system message, language, label, length, or a field of the rows."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jobs.dataset.scripts import characters, dominant
from jobs.errors import InvalidInputError
from jobs.suggestions import did_you_mean

_LONGEST = 60
_LENGTHS = ("short", "medium", "long")


def slices(rows: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """The name of each row's slice, for `compare_slices`.

    A language is told by its script, so Hindi and Nepali are one. Lengths are thirds of the rows,
    by the characters of what is asked. A row without the field is in the slice `(none)`.

    Args:
        rows: Whole rows of a data file, with their `messages`.
        by: `system`, `language`, `label`, `length`, or a field that some row has.

    Raises:
        InvalidInputError: It is none of them.
    """
    if by == "length":
        return _thirds([len(_asked(row)) for row in rows])
    if by in _BY:
        return [_BY[by](row)[:_LONGEST] or "(none)" for row in rows]
    fields = {field for row in rows for field in row if field != "messages"}
    if by not in fields:
        known = sorted({*_BY, "length", *fields})
        raise InvalidInputError(f"no row has a field '{by}'.{did_you_mean(by, known)}")
    return [_text(row[by])[:_LONGEST] if by in row else "(none)" for row in rows]


def _thirds(lengths: Sequence[int]) -> list[str]:
    ranked = sorted(lengths)
    # By value and not by place: rows of one length are in one slice.
    bounds = [ranked[len(ranked) * part // 3] for part in (1, 2)] if ranked else []
    return [_LENGTHS[sum(length >= bound for bound in bounds)] for length in lengths]


def _said(row: Mapping[str, Any], role: str) -> list[str]:
    return [str(m.get("content") or "") for m in row["messages"] if m["role"] == role]


def _asked(row: Mapping[str, Any]) -> str:
    return "\n".join(_said(row, "user"))


_BY: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "system": lambda row: "\n".join(_said(row, "system")),
    "language": lambda row: dominant(characters([_asked(row)])),
    "label": lambda row: str(row["messages"][-1].get("content") or "").strip(),
}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
