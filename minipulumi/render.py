"""Values as the real CLI prints them: aligned, nested, with what changed marked."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
from typing import Any

from minipulumi.values import SIGNATURE, UNKNOWN, Props, is_secret

_GONE: Any = object()
Items = dict[Any, Any]


def outputs_block(old: Props, new: Props, *, created: bool, only_changes: bool) -> list[str]:
    """The lines of `Outputs:`; nothing if nothing is to be said."""
    if created or not only_changes:
        return properties(new if created else old, new, 4)
    width = max((len(key) for key in {*old, *new}), default=0)
    same = {k for k in {*old, *new} if _alike(old.get(k, _GONE), new.get(k, _GONE))}
    old, new = ({k: v for k, v in side.items() if k not in same} for side in (old, new))
    return properties(old, new, 4, width)


def properties(old: Items, new: Items, indent: int, width: int = 0) -> list[str]:
    """Lines for a mapping or the items of a list, each once, marked where old and new differ."""
    lines: list[str] = []
    width = width or max((len(str(key)) for key in {*old, *new}), default=0)
    for key in sorted({*old, *new}):
        label = f"[{key}]: " if isinstance(key, int) else f"{key:<{width}}: "
        lines += _value(label, old.get(key, _GONE), new.get(key, _GONE), indent)
    return lines


def _value(label: str, old: Any, new: Any, indent: int) -> list[str]:
    pad, value = " " * (indent - 2), old if new is _GONE else new
    mark = "  " if _alike(old, new) else "+ " if old is _GONE else "- " if new is _GONE else "~ "
    olds, news = _items(old, type(value)), _items(new, type(value))
    if olds is not None and news is not None and (olds or news):
        opening, closing = "[]" if isinstance(value, list) else "{}"
        inner = properties(olds, news, indent + 4)
        return [f"{pad}{mark}{label}{opening}", *inner, f"{pad}  {closing}"]
    before = f"{_inline(old)} => " if mark == "~ " else ""
    return [f"{pad}{mark}{label}{before}{_inline(value)}"]


def _items(value: Any, kind: type) -> Items | None:
    """What is in a mapping or a list; None for a scalar, or something of another kind."""
    if value is _GONE:
        return {} if kind in (dict, list) else None
    if not isinstance(value, kind) or (isinstance(value, dict) and SIGNATURE in value):
        return None
    if isinstance(value, list):
        return dict(enumerate(value))
    return value if isinstance(value, dict) else None


def _alike(old: Any, new: Any) -> bool:
    return old == new or (is_secret(old) and is_secret(new))  # a secret's change stays one


def _inline(value: Any) -> str:
    if is_secret(value):
        return "[secret]"
    return "[unknown]" if value == UNKNOWN else json.dumps(value, ensure_ascii=False)
