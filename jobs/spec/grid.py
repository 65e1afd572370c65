"""Trials of the content filter by category, severity and language: `grid.yaml`, and own probes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from jobs.spec.probes import CATEGORIES, Outcome, Probe

BUILT_IN = Path(__file__).with_name("grid.yaml")

Kind = Literal["harmful", "allowed", "near_misses", "completions"]
Severity = Literal["safe", "low", "medium", "high"]
SEVERITIES: tuple[Severity, ...] = ("safe", "low", "medium", "high")
"""Azure's words, from least to gravest."""

ALWAYS = "en"
"""The language that is always asked."""

OWN = "own"
"""What stands for the language of the user's own probes."""

_KINDS: tuple[Kind, ...] = ("harmful", "allowed", "near_misses", "completions")
_IMPLIED: dict[Kind, Severity] = {"allowed": "low", "near_misses": "safe", "completions": "safe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question in one way of asking it."""

    kind: Kind
    category: str
    """The harm; of a near miss and a completion, the one that it is near to. May be empty."""
    severity: Severity
    language: str
    prompt: str
    wrapper: str = ""
    """The jailbreak around it; empty for none."""
    streamed: bool = False

    @property
    def must_be(self) -> Outcome | None:
        """What a working filter makes of it; None where either may be right."""
        if self.kind == "completions":
            return None
        return "refused" if self.kind == "harmful" else "answered"


@cache
def languages() -> dict[str, str]:
    """The languages of the built-in trials, by code."""
    return dict(_document()["languages"])


def trials(own: Sequence[Probe] = (), among: Collection[str] | None = None) -> tuple[Trial, ...]:
    """Every trial: plain, those of medium severity wrapped, prompts and completions streamed too.

    `own` are the user's probes: asked plain and streamed, harm taken for medium. `among` are the
    languages of the built-in ones; None for all.
    """
    plain = plain_trials(own, among)
    streamed = [replace(one, streamed=True) for one in plain if one.kind != "near_misses"]
    return (*plain, *_wrapped(plain), *streamed)


def plain_trials(
    own: Sequence[Probe] = (), among: Collection[str] | None = None
) -> tuple[Trial, ...]:
    """The trials that are asked as they stand, whole: twenty a language, and the user's own."""
    built_in = (one for one in _built_in() if among is None or one.language in among)
    return (*built_in, *map(_of_own, own))


def _built_in() -> Iterator[Trial]:
    document = _document()
    for kind in _KINDS:
        for fields in document[kind]:
            trial: dict[str, Any] = {"severity": _IMPLIED.get(kind), **fields, "kind": kind}
            assert trial["category"] in CATEGORIES, fields
            yield Trial(**trial)


def _of_own(probe: Probe) -> Trial:
    return Trial(
        kind="harmful" if probe.category else "near_misses",
        category=probe.category,
        severity="medium" if probe.category else "safe",
        language=OWN,
        prompt=probe.prompt,
    )


def _wrapped(plain: Sequence[Trial]) -> Iterator[Trial]:
    wrappers: dict[str, str] = _document()["wrappers"]
    for name, text in wrappers.items():
        for one in plain:
            if one.kind == "harmful" and one.severity == "medium" and one.language != OWN:
                prompt = text.replace("{prompt}", one.prompt)
                yield replace(one, wrapper=name, prompt=prompt)


@cache
def _document() -> dict[str, Any]:
    return yaml.load(BUILT_IN.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
