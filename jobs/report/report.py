"""What a report holds, as values. What isn't known is `Absent` and says why; nothing is made up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jobs.proof.compare import Difference

Steps = tuple[tuple[int, float], ...]
"""A loss and the step after which it was measured, in order."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Something that can't be told, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Ground:
    """One thing that a judgement rests on."""

    held: bool | None
    """None: it was not measured, or is no matter of right and wrong."""
    text: str


Word = Literal["serves", "ready", "not ready", "not served", "in training", "no model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a report says first."""

    word: Word
    sentence: str
    grounds: tuple[Ground, ...]

    @property
    def is_good(self) -> bool:
        """Whether it serves or may, and nothing that was measured speaks against it."""
        fine = self.word in ("serves", "ready")
        return fine and all(ground.held is not False for ground in self.grounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """How a training went."""

    job: str
    train: Steps
    validation: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class DataProfile:
    """One file of a spec, described."""

    file: str
    figures: tuple[tuple[str, str], ...]
    lengths: tuple[tuple[int, int, int], ...]
    """Tokens a conversation: from, up to and including, how many."""
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who answered."""

    label: str
    role: str
    """`this revision`, `the base model`, …"""


@dataclass(frozen=True, slots=True)
class Score:
    """A metric of one model, with its 95 % interval where it is a mean over questions."""

    value: float
    """NaN where it was not measured of this model."""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One metric of this revision less a reference's."""

    metric: str
    reference: str
    difference: Difference
    slices: Mapping[str, Mapping[str, Difference]]
    """By what, then by slice."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one model said to a question."""

    text: str
    refused: str = ""
    """`prompt` or `answer`, where the content filter refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question with what every model said to it."""

    number: int
    """From 1, in the order of the file."""
    messages: tuple[tuple[str, str], ...]
    """Role and text."""
    expected: str
    said: tuple[Said, ...]
    """In the order of the models: this revision first."""

    @property
    def has_changed(self) -> bool:
        """Whether the first reference said something else."""
        return len(self.said) > 1 and self.said[1] != self.said[0]

    @property
    def is_refused(self) -> bool:
        """Whether the filter refused anybody's."""
        return any(one.refused for one in self.said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What one evaluation found."""

    name: str
    models: tuple[Speaker, ...]
    """This revision first, then what its answers are told apart from."""
    scores: Mapping[str, tuple[Score, ...]]
    """By metric, in the order of the models."""
    comparisons: tuple[Compared, ...]
    gates: tuple[Ground, ...]
    confusion: Mapping[tuple[str, str], int]
    """How often each label (first) was answered with each (second) by this revision."""
    exchanges: tuple[Exchange, ...]
    rests_on: str
    """Where scores and answers come from, in a sentence."""
    judge: tuple[str, ...] = ()
    """What the judge's verdicts come to, in sentences; empty where nobody judged."""


Severity = Literal["safe", "low", "medium", "high"]
SEVERITIES: tuple[Severity, ...] = ("safe", "low", "medium", "high")
Side = Literal["prompt", "completion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the filter made of trials that are alike."""

    category: str
    severity: str
    side: Side
    refused: int
    answered: int
    faults: int
    """Harm that was answered, and harmless questions that were refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InDepth:
    """The content filter measured in depth, by `foundry-tune safety`."""

    source: str
    """The file that it was read from."""
    rows: tuple[Tried, ...]
    leaks: int
    over_blocking: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """What the content filter did, as far as Azure said."""

    is_filtered: bool | None
    """None: nothing is served, so there is no filter to look at."""
    probes: Ground
    counts: Mapping[tuple[str, Side], Mapping[str, int]]
    """How often the filter gave a category this severity, on this side."""
    answers: int
    """How many answers were looked at."""
    in_depth: InDepth | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What something costs: its lines as what, amount, quantity, price rows."""

    document: str
    lines: tuple[tuple[str, str, str, str], ...]
    total: str
    budget: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is told of one revision of a name."""

    name: str
    revision: str
    made: str
    """When, in UTC."""
    judgement: Judgement
    changes: tuple[tuple[str, str, str], ...] | Absent
    """Fields that differ from the revision before: field, before, after."""
    losses: Losses | Absent
    data: Sequence[DataProfile] | Absent
    evaluations: Sequence[Evaluated] | Absent
    safety: Safety | Absent
    cost: Sequence[Bill] | Absent
    provenance: tuple[tuple[str, str], ...]
