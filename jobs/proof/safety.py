"""The content filter as a contract: set through ARM, read back, proven by probes. Fails closed.

An endpoint whose filter reads back as on can still let harm through: the route may be an
unfiltered one, or the setting not in force yet. So every harm category is tried. What is not
proven is not reported as served.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.errors import FoundryTuneError, SafetyError
from jobs.foundry.inference import Answer, Messages, Refusal
from jobs.spec.probes import CATEGORIES, Outcome, Probe

MAX_TOKENS = 48


class Asks(Protocol):
    """Whoever can be asked: the gateway's `Chat`."""

    def ask(self, messages: Messages, *, max_tokens: int, temperature: float) -> Answer | Refusal:
        """One answer, or the filter's refusal."""
        ...


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
class Proof:
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


def prove(
    chat: Asks, probes: Sequence[Probe], *, between: Callable[[], bool] = lambda: False
) -> Proof:
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
            leaks = Proof(verdicts=tuple(verdicts)).leaks or leaks
            if not leaks:
                raise
            raise SafetyError(
                f"The content filter is not in force: a {leaks[0].probe.category} probe was "
                f"answered instead of refused, and then: {error.message}"
            ) from error
        proof = Proof(verdicts=tuple(verdicts))
        if proof.passed or not between():
            return proof
        leaks = proof.leaks


def _try(chat: Asks, probe: Probe) -> Verdict:
    messages = [{"role": "user", "content": probe.prompt}]
    said = chat.ask(messages, max_tokens=MAX_TOKENS, temperature=0.0)
    if isinstance(said, Refusal):
        severity = said.severities.get(probe.category, "")
        return Verdict(probe=probe, outcome="refused", severity=severity)
    return Verdict(probe=probe, outcome="answered")
