"""Values as the real CLI prints them: aligned, nested, with what changed marked."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
from typing import Any

from minipulumi.values import SIGNATURE, UNKNOWN, Props, is_secret

_GONE: Any = object()


def outputs_block(old: Props, new: Props, *, created: bool, only_changes: bool) -> list[str]:
    """The lines of `Outputs:`; nothing if nothing is to be said."""
    if created:
        return properties(new, new, 4)
    if only_changes:
        keys = [k for k in {*old, *new} if not _alike(old.get(k, _GONE), new.get(k, _GONE))]
        width = max((len(key) for key in {*old, *new}), default=0)
        return properties(
            {k: old[k] for k in keys if k in old}, {k: new[k] for k in keys if k in new}, 4, width
        )
    return properties(old, new, 4)


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
        both = list(enumerate_both(old, new))
        inner = [line for i, a, b in both for line in _change(f"[{i}]: ", a, b, indent + 4)]
        return [f"{pad}~ {label}[", *inner, f"{pad}  ]"]
    return [f"{pad}~ {label}{_inline(old)} => {_inline(new)}"]


def enumerate_both(old: list[Any], new: list[Any]) -> list[tuple[int, Any, Any]]:
    """Pairs two lists by position."""
    return [
        (i, old[i] if i < len(old) else _GONE, new[i] if i < len(new) else _GONE)
        for i in range(max(len(old), len(new)))
    ]


def _whole(label: str, value: Any, indent: int, mark: str) -> list[str]:
    pad = " " * (indent - 2)
    if _is_map(value) and value:
        width = max(len(key) for key in value)
        inner = [
            line
            for key in sorted(value)
            for line in _whole(f"{key:<{width}}: ", value[key], indent + 4, mark)
        ]
        return [f"{pad}{mark}{label}{{", *inner, f"{pad}  }}"]
    if isinstance(value, list) and value:
        inner = [
            line
            for i, item in enumerate(value)
            for line in _whole(f"[{i}]: ", item, indent + 4, mark)
        ]
        return [f"{pad}{mark}{label}[", *inner, f"{pad}  ]"]
    return [f"{pad}{mark}{label}{_inline(value)}"]


def _alike(old: Any, new: Any) -> bool:
    return old == new or (is_secret(old) and is_secret(new))  # a secret's change stays one


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and SIGNATURE not in value


def _inline(value: Any) -> str:
    if is_secret(value):
        return "[secret]"
    if value == UNKNOWN:
        return "[unknown]"
    return json.dumps(value, ensure_ascii=False)
