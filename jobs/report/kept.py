"""The kept answers of an evaluation in the project, by who gave them; nobody is asked anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jobs.foundry import data
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session
from jobs.proof.answers import KeptAnswer, from_lines
from jobs.proof.archive import TAG_ENDPOINT, TAG_LOOK, TAG_MODEL, TAG_SUBJECT
from jobs.proof.judge import KEPT_AS

_SUFFIX = "-answers"
_VERDICTS = f"-{KEPT_AS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """A model behind a filter, with all that it has answered."""

    identity: str
    model: str = ""
    """`name:version`, or the base model's name."""
    endpoints: frozenset[str] = frozenset()
    """Those that it was asked behind."""
    answers: Mapping[str, KeptAnswer] = field(default_factory=dict[str, KeptAnswer])
    """By question."""
    looks: Mapping[str, int] = field(default_factory=dict[str, int])
    """By a reference's identity: the how-manieth model it was that was held against it."""

    @property
    def label(self) -> str:
        """The model's alone: behind an online endpoint a deployment stands beside it."""
        return self.model.partition(" ")[0]

    def to(self, questions: Sequence[str]) -> tuple[KeptAnswer, ...] | None:
        """The answers to these questions, in their order, if it has answered them all."""
        found = tuple(self.answers[one] for one in questions if one in self.answers)
        return found if len(found) == len(questions) else None


def evaluations(session: Session) -> list[str]:
    """The names of the evaluations that have kept answers in the project."""
    return [name.removesuffix(_SUFFIX) for name in data.names(session) if name.endswith(_SUFFIX)]


def answerers(session: Session, datastore: Datastore, evaluation: str) -> list[Answerer]:
    """Everybody who has answered questions of an evaluation, archived answers among them."""
    return _answerers(session, datastore, evaluation + _SUFFIX)


def judges(session: Session, datastore: Datastore, evaluation: str) -> list[Answerer]:
    """Everybody who has judged answers of an evaluation."""
    return _answerers(session, datastore, evaluation + _VERDICTS)


def _answerers(session: Session, datastore: Datastore, asset_name: str) -> list[Answerer]:
    found: dict[str, Answerer] = {}
    for asset in data.versions(session, asset_name):
        identity = asset.tags.get(TAG_SUBJECT, "")
        if not identity:
            continue
        before = found.get(identity) or Answerer(identity=identity)
        answers = from_lines(data.download(session, datastore, asset) or b"")
        looks = {
            tag.removeprefix(f"{TAG_LOOK}."): int(value)
            for tag, value in asset.tags.items()
            if tag.startswith(f"{TAG_LOOK}.") and value.isdecimal()
        }
        found[identity] = Answerer(
            identity=identity,
            model=asset.tags.get(TAG_MODEL, ""),
            endpoints=before.endpoints | {asset.tags.get(TAG_ENDPOINT, "")},
            answers={**before.answers, **answers},
            looks={**before.looks, **looks},
        )
    return list(found.values())
