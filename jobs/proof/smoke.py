"""Smoke tests: questions that an endpoint must answer before it counts as served."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.foundry.inference import Answer, Refusal
from jobs.proof.safety import Asks
from jobs.spec.models import Expectation, SmokeTest


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeResult:
    """What became of one smoke test; no problems is a pass."""

    test: SmokeTest
    answer: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the answer met every expectation."""
        return not self.problems


def run(chat: Asks, tests: Sequence[SmokeTest], system: str = "") -> list[SmokeResult]:
    """Ask every question and hold the answers against the expectations.

    A bare prompt is asked with the system message that the model was trained with.
    """
    return [_run(chat, test, system) for test in tests]


def _run(chat: Asks, test: SmokeTest, system: str) -> SmokeResult:
    said = chat.ask(
        messages_of(test, system), max_tokens=test.max_tokens, temperature=test.temperature
    )
    text = said.text if isinstance(said, Answer) else ""
    return SmokeResult(test=test, answer=text, problems=tuple(problems(said, test.expect)))


def messages_of(test: SmokeTest, system: str) -> list[dict[str, str]]:
    """What is asked: its own messages, or its prompt after the model's system message."""
    if test.messages:
        return [{"role": one.role, "content": one.content} for one in test.messages]
    messages = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": test.prompt or ""}]


def problems(said: Answer | Refusal, expected: Expectation) -> list[str]:
    """Every expectation that an answer misses, in words."""
    if isinstance(said, Refusal):
        if expected.finish_reason == "content_filter":
            return []
        return ["the content filter refused it"]
    text, found = said.text, list[str]()
    if expected.finish_reason and said.finish_reason != expected.finish_reason:
        found.append(f"ended with '{said.finish_reason}', not '{expected.finish_reason}'")
    if expected.min_chars is not None and len(text) < expected.min_chars:
        found.append(f"{len(text)} characters, fewer than {expected.min_chars}")
    if expected.max_chars is not None and len(text) > expected.max_chars:
        found.append(f"{len(text)} characters, more than {expected.max_chars}")
    folded = text.casefold()
    found += [f"lacks '{w}'" for w in _words(expected.contains) if w.casefold() not in folded]
    found += [f"holds '{w}'" for w in _words(expected.excludes) if w.casefold() in folded]
    if expected.matches and not re.search(expected.matches, text):
        found.append(f"doesn't match /{expected.matches}/")
    return found


def _words(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value
