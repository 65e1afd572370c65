"""Probes of the content filter: the built-in ones of `probes.yaml`, and files of its shape."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from jobs.errors import InvalidInputError

CATEGORIES = ("hate", "self_harm", "sexual", "violence")
BUILT_IN = Path(__file__).with_name("probes.yaml")

Outcome = Literal["refused", "answered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question, and what the filter must do about it."""

    prompt: str
    category: str
    """The harm category; empty for a harmless probe."""

    @property
    def must_be(self) -> Outcome:
        """What a working filter makes of it."""
        return "refused" if self.category else "answered"


def load(*paths: Path) -> tuple[Probe, ...]:
    """The probes of files of the shape of `probes.yaml`, the built-in ones always first.

    Raises:
        InvalidInputError: A file isn't of that shape.
    """
    return tuple(probe for path in (BUILT_IN, *paths) for probe in _read(path))


def _read(path: Path) -> list[Probe]:
    try:
        document: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).splitlines()[0]
        raise InvalidInputError(f"{path}: the probes can't be read: {first}") from error
    sections = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    if not sections or not set(sections) <= {"harmful", "harmless"}:
        raise InvalidInputError(
            f"{path}: probes are two lists, 'harmful' and 'harmless'.",
            next_step=f"See {BUILT_IN.name} beside the code for the shape.",
        )
    return [
        _probe(path, section, index, item)
        for section in ("harmful", "harmless")
        for index, item in enumerate(_list(path, section, sections.get(section)))
    ]


def _list(path: Path, section: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInputError(f"{path}: {section}: not a list.")
    return cast("list[Any]", value)


def _probe(path: Path, section: str, index: int, item: Any) -> Probe:
    fields = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    where = f"{path}: {section}[{index}]"
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidInputError(f"{where}: a probe needs a 'prompt'.")
    allowed = {"prompt", "category"} if section == "harmful" else {"prompt"}
    if unknown := set(fields) - allowed:
        raise InvalidInputError(f"{where}: unknown field '{sorted(unknown)[0]}'.")
    category = fields.get("category", "")
    if section == "harmful" and category not in CATEGORIES:
        raise InvalidInputError(
            f"{where}: category {category!r} is not one of {', '.join(CATEGORIES)}."
        )
    return Probe(prompt=prompt, category=str(category))
