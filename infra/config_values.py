"""What the subjects of the configuration share: how a key is documented and a map is read."""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol, cast

Get = Callable[[str], str | None]
"""A key's value as Pulumi's string."""


class Key(NamedTuple):
    """One key of the stack's configuration, as docs/stack.md shows it."""

    what: str
    allowed: str
    default: str
    example: str
    """As it stands under `config:`, after `foundry-tune:`."""


class Findings(Protocol):
    """Where mistakes are collected, and the values are from."""

    def find(self, key: str, what: str, next_step: str) -> None:
        """Note what is wrong with a key, and one next step."""
        ...

    def value(self, key: str, default: object) -> object:
        """The value of a key as JSON."""
        ...


class MapReader:
    """Reads a map below a key: each value checked, each mistake found with its path."""

    def __init__(self, where: str, value: object, known: tuple[str, ...], to: Findings) -> None:
        self._where = where
        self._to = to
        self._known = known
        self._values: Mapping[str, object] = {}
        if not isinstance(value, dict):
            to.find(where, f"{value!r} isn't a map", f"Give it some of {', '.join(known)}.")
            return
        self._values = cast("dict[str, object]", value)
        for unknown in sorted(set(self._values) - set(known)):
            self.find(unknown, "unknown key", suggest(unknown, known))

    def find(self, name: str, what: str, next_step: str) -> None:
        """Note what is wrong with one of the map's values."""
        self._to.find(f"{self._where}.{name}", what, next_step)

    def number(self, name: str, example: str) -> float:
        """A number above 0, which must be there."""
        value = self._values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return value
        what = "missing" if value is None else f"{value!r} isn't a number above 0"
        self.find(name, what, f"Write {example}")
        return 1

    def integer(self, name: str, low: int, high: int, default: int) -> int:
        """A whole number between two, both included."""
        value = self._values.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        what = f"{value!r} isn't a whole number between {low} and {high}"
        self.find(name, what, f"Write {name}: {default}")
        return default

    def numbers(self, name: str, default: tuple[float, ...], high: int) -> tuple[float, ...]:
        """A list of numbers above 0 and up to `high`, none of them twice."""
        value = self._values.get(name, list(default))
        items = cast("list[object]", value) if isinstance(value, list) else []
        numbers = [each for each in items if _is_number(each) and 0 < float(str(each)) <= high]
        if isinstance(value, list) and len(numbers) == len(items) == len(set(map(str, items))):
            return tuple(float(str(each)) for each in numbers)
        what = f"{value!r} isn't a list of different numbers above 0, at most {high}"
        self.find(name, what, f"Write {name}: [{', '.join(f'{each:g}' for each in default)}]")
        return default

    def texts(
        self, name: str, pattern: re.Pattern[str], what: str, example: str, *, required: bool
    ) -> tuple[str, ...]:
        """A list of texts of a form."""
        value = self._values.get(name)
        if value is None and not required:
            return ()
        if not isinstance(value, list) or (required and not value):
            reason = "missing" if value is None else f"{value!r} isn't a list with an entry"
            self.find(name, reason, f"Write {name}: [{example}]")
            return ()
        found: list[str] = []
        for index, each in enumerate(cast("list[object]", value)):
            if isinstance(each, str) and pattern.fullmatch(each):
                found.append(each)
            else:
                self.find(f"{name}[{index}]", f"{each!r} isn't {what}", f"For example: {example}")
        return tuple(found)

    def text(self, name: str, pattern: re.Pattern[str], what: str, example: str) -> str:
        """A text of a form; "" where it isn't said."""
        value = self._values.get(name, "")
        if value == "" or (isinstance(value, str) and pattern.fullmatch(value)):
            return str(value)
        self.find(name, f"{value!r} isn't {what}", f"For example: {example}")
        return ""


class Row(NamedTuple):
    """One map of a list."""

    at: str
    """Where it stands: `developers[0]`."""
    texts: Mapping[str, str]
    values: Mapping[str, object]
    """All of it: also what is no text and left to the caller."""


def items(where: str, value: object, to: Findings) -> list[object]:
    """The entries of a list; none where it isn't one."""
    if isinstance(value, list):
        return cast("list[object]", value)
    to.find(where, "not a list", f"Write {where}: and one '- …' line each.")
    return []


def rows(
    where: str,
    value: object,
    required: tuple[str, ...],
    to: Findings,
    *,
    optional: tuple[str, ...] = (),
    besides: tuple[str, ...] = (),
) -> Iterator[Row]:
    """The maps of a list whose texts are all there and known; `besides` are no texts."""
    known = (*required, *optional)
    for index, value_of_row in enumerate(items(where, value, to)):
        at = f"{where}[{index}]"
        if not isinstance(value_of_row, dict):
            to.find(at, f"{value_of_row!r} isn't a map", f"Give it {', '.join(required)}.")
            continue
        row = cast("dict[str, object]", value_of_row)
        given = {name: row[name] for name in known if name in row}
        for unknown in sorted(set(row) - {*known, *besides}):
            to.find(f"{at}.{unknown}", "unknown key", suggest(unknown, known))
        for name in known:
            if name in required and name not in row:
                to.find(f"{at}.{name}", "missing", f"Every entry of {where} has one.")
            elif not isinstance(given.get(name, ""), str):
                to.find(f"{at}.{name}", f"{row[name]!r} isn't a text", "Quote it.")
        texts = {name: text for name, text in given.items() if isinstance(text, str)}
        if len(texts) == len(given) and set(required) <= set(texts):
            yield Row(at, texts, row)


def json_of(get: Get, key: str, default: object) -> object:
    """Pulumi hands lists and maps to the program as JSON; what is none comes back as it is."""
    text = get(key)
    if text is None:
        return default
    try:
        return json.loads(text)
    except ValueError:
        return text


def suggest(word: str, known: tuple[str, ...]) -> str:
    """The known word that is meant, or all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"There are {', '.join(known)}."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
