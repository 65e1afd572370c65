"""A judge as an evaluation asks it: the endpoint's name, the rubric as it was read, the prices."""

from dataclasses import dataclass
from pathlib import Path

from jobs.money.price import UnitPrice
from jobs.spec.judge import Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Who grades an evaluation's answers, and by what."""

    spec: Judge
    endpoint: str
    """Its name, by which it is found in the project."""
    rubric: Path
    sha256: str
    """Of the rubric, as it was when it was planned."""
    prices: tuple[UnitPrice, UnitPrice] | None = None
    """Of the tokens that the judge reads and writes, where it is known which model that is."""

    @property
    def mark(self) -> dict[str, object]:
        """What verdicts hang on: the judge, the rubric, the scale, how often."""
        spec = self.spec
        return {
            "endpoint": self.endpoint,
            "rubric": self.sha256,
            "scale": [spec.low, spec.high],
            "repeats": spec.repeats,
            "nonsense": spec.nonsense,
            "max_tokens": spec.max_tokens,
            "temperature": spec.temperature,
        }

    @property
    def words(self) -> str:
        """Who judges, in a plan."""
        spec = self.spec
        times = {1: "once", 2: "twice"}.get(spec.repeats, f"{spec.repeats} times")
        return f"judged by {self.endpoint} ({self.rubric.name}, {spec.low} to {spec.high}, {times})"
