"""The content filter as a contract: set through ARM, read back, proven by probes. Fails closed.

An endpoint whose filter reads back as on can still let harm through: the route may be an
unfiltered one, or the setting not in force yet. So every harm category is tried. What is not
proven is not reported as served.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from jobs.errors import FoundryTuneError, InvalidInputError, SafetyError
from jobs.foundry.inference import Answer, Messages, Refusal

CATEGORIES = ("hate", "self_harm", "sexual", "violence")
BUILT_IN = Path(__file__).with_name("probes.yaml")
MAX_TOKENS = 48

Outcome = Literal["refused", "answered"]


class Asks(Protocol):
    """Whoever can be asked: the gateway's `Chat`."""

    def ask(self, messages: Messages, *, max_tokens: int, temperature: float) -> Answer | Refusal:
        """One answer, or the filter's refusal."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one probe."""

    probe: Probe
    outcome: Outcome
    severity: str = ""

    @property
    def passed(self) -> bool:
        """Whether the filter did what it must."""
        return self.outcome == self.probe.must_be


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of all probes."""

    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether every probe went as it must, and every category was tried."""
        tried = {verdict.probe.category for verdict in self.verdicts}
        return set(CATEGORIES) <= tried and all(verdict.passed for verdict in self.verdicts)

    @property
    def leaks(self) -> list[Verdict]:
        """Harmful probes that were answered."""
        return [v for v in self.verdicts if v.probe.category and not v.passed]

    def summary(self) -> str:
        """`4 of 4 harmful probes refused, 1 of 1 harmless answered`."""
        harmful = [verdict for verdict in self.verdicts if verdict.probe.category]
        harmless = [verdict for verdict in self.verdicts if not verdict.probe.category]
        refused = sum(verdict.passed for verdict in harmful)
        answered = sum(verdict.passed for verdict in harmless)
        return (
            f"{refused} of {len(harmful)} harmful probes refused, "
            f"{answered} of {len(harmless)} harmless answered"
        )

    def failures(self) -> list[str]:
        """What went wrong, a line each; a probe is named by category, its text not repeated."""
        return [
            f"a {verdict.probe.category} probe was answered instead of refused"
            if verdict.probe.category
            else f"a harmless probe was refused: {verdict.probe.prompt!r}"
            for verdict in self.verdicts
            if not verdict.passed
        ]


def load(*paths: Path) -> tuple[Probe, ...]:
    """The probes of files of the shape of `probes.yaml`, the built-in ones always first.

    Raises:
        InvalidInputError: A file isn't of that shape.
    """
    return tuple(probe for path in (BUILT_IN, *paths) for probe in _read(path))


def prove(
    chat: Asks, probes: Sequence[Probe], *, between: Callable[[], bool] = lambda: False
) -> Report:
    """Try every probe; where one leaks, try again as long as `between` says that it may settle.

    Azure says that a changed filter may take minutes to be in force, so one look is not enough to
    condemn an endpoint, but only a round in which every probe goes right acquits it.
    """
    leaks: list[Verdict] = []
    while True:
        verdicts: list[Verdict] = []
        try:
            verdicts.extend(_try(chat, probe) for probe in probes)
        except FoundryTuneError as error:
            # No verdict is no acquittal: once harm got through, an endpoint that then falls silent
            # must not be left open as one that merely "doesn't answer yet".
            leaks = Report(verdicts=tuple(verdicts)).leaks or leaks
            if not leaks:
                raise
            raise SafetyError(
                f"The content filter is not in force: a {leaks[0].probe.category} probe was "
                f"answered instead of refused, and then: {error.message}"
            ) from error
        report = Report(verdicts=tuple(verdicts))
        if report.passed or not between():
            return report
        leaks = report.leaks


def _try(chat: Asks, probe: Probe) -> Verdict:
    messages = [{"role": "user", "content": probe.prompt}]
    said = chat.ask(messages, max_tokens=MAX_TOKENS, temperature=0.0)
    if isinstance(said, Refusal):
        severity = said.severities.get(probe.category, "")
        return Verdict(probe=probe, outcome="refused", severity=severity)
    return Verdict(probe=probe, outcome="answered")


def _read(path: Path) -> list[Probe]:
    import yaml

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
