"""Values as the real CLI prints them: aligned, nested, with what changed marked."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
from itertools import zip_longest
from typing import Any

from minipulumi.values import SIGNATURE, UNKNOWN, Props, is_secret

_GONE: Any = object()


def outputs_block(old: Props, new: Props, *, created: bool, only_changes: bool) -> list[str]:
    """The lines of `Outputs:`; nothing if nothing is to be said."""
    if created or not only_changes:
        return properties(new if created else old, new, 4)
    width = max((len(key) for key in {*old, *new}), default=0)
    same = {k for k in {*old, *new} if _alike(old.get(k, _GONE), new.get(k, _GONE))}
    old, new = ({k: v for k, v in side.items() if k not in same} for side in (old, new))
    return properties(old, new, 4, width)


def properties(old: Props, new: Props, indent: int, width: int = 0) -> list[str]:
    """Lines for a mapping, each key once, marked where old and new differ."""
    lines: list[str] = []
    width = width or max((len(key) for key in {*old, *new}), default=0)
    for key in sorted({*old, *new}):
        lines += _change(f"{key:<{width}}: ", old.get(key, _GONE), new.get(key, _GONE), indent)
    return lines


def _change(label: str, old: Any, new: Any, indent: int) -> list[str]:
    pad = " " * (indent - 2)
    if old is _GONE:
        return _whole(label, new, indent, "+ ")
    if new is _GONE:
        return _whole(label, old, indent, "- ")
    if _alike(old, new):
        return _whole(label, new, indent, "  ")
    if _is_map(old) and _is_map(new):
        return [f"{pad}~ {label}{{", *properties(old, new, indent + 4), f"{pad}  }}"]
    if isinstance(old, list) and isinstance(new, list):
        both = enumerate(zip_longest(old, new, fillvalue=_GONE))
        inner = [line for i, (a, b) in both for line in _change(f"[{i}]: ", a, b, indent + 4)]
        return [f"{pad}~ {label}[", *inner, f"{pad}  ]"]
    return [f"{pad}~ {label}{_inline(old)} => {_inline(new)}"]


def _whole(label: str, value: Any, indent: int, mark: str) -> list[str]:
    """Lines for a value that is the same, or new, or gone, as a whole."""
    pad = " " * (indent - 2)
    if not value or not (_is_map(value) or isinstance(value, list)):
        return [f"{pad}{mark}{label}{_inline(value)}"]
    items, (opening, closing) = [(f"[{i}]", item) for i, item in enumerate(value)], "[]"
    if isinstance(value, dict):
        width = max(len(key) for key in value)
        items, (opening, closing) = [(f"{k:<{width}}", value[k]) for k in sorted(value)], "{}"
    inner = [line for key, item in items for line in _whole(f"{key}: ", item, indent + 4, mark)]
    return [f"{pad}{mark}{label}{opening}", *inner, f"{pad}  {closing}"]


def _alike(old: Any, new: Any) -> bool:
    return old == new or (is_secret(old) and is_secret(new))  # a secret's change stays one


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and SIGNATURE not in value


def _inline(value: Any) -> str:
    if is_secret(value):
        return "[secret]"
    return "[unknown]" if value == UNKNOWN else json.dumps(value, ensure_ascii=False)
