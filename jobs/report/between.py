"""Two revisions of a name held against each other: fields, data, scores, answers that changed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.foundry import data, projects
from jobs.foundry.data import label_of
from jobs.foundry.jobs import Job, differences, made_from
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session
from jobs.look import revisions
from jobs.proof import filtering
from jobs.proof.matrix import Drift, difference
from jobs.report import evaluations
from jobs.report.evaluations import Cast
from jobs.report.gather import Subjects, chosen, holding_of
from jobs.report.report import Absent, Evaluated, Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMoved:
    """A data file of which each revision had another version."""

    role: str
    before: str
    after: str
    lines: tuple[int, int] | Absent
    """How many came, and how many went; the same lines in another order are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """What lies between two revisions."""

    name: str
    before: str
    after: str
    fields: tuple[tuple[str, str, str], ...]
    data: tuple[DataMoved, ...]
    filter: Drift | Absent
    """What the content filter made of the same questions."""
    evaluations: Sequence[Evaluated] | Absent

    @property
    def changed(self) -> Iterator[tuple[Evaluated, Exchange]]:
        """Every question that the two answered differently."""
        for one in () if isinstance(self.evaluations, Absent) else self.evaluations:
            yield from ((one, exchange) for exchange in one.exchanges if exchange.has_changed)


def between(session: Session, about: Subjects, before: str, after: str) -> Between:
    """What changed from one revision to another.

    Raises:
        NotFoundError: One of them isn't there.
    """
    holding = holding_of(session, about)
    found = revisions.of(holding)
    old, new = chosen(found, about, before), chosen(found, about, after)
    store = projects.default_datastore(session)
    return Between(
        name=about.name,
        before=old.id,
        after=new.id,
        fields=tuple(
            (field, was, now)
            for field, (was, now) in differences(made_from(old.job), made_from(new.job)).items()
        ),
        data=tuple(_data(session, store, old.job, new.job)),
        filter=_filter(session, about, old, new),
        evaluations=_evaluations(session, about, old, new),
    )


def _filter(
    session: Session, about: Subjects, old: revisions.Revision, new: revisions.Revision
) -> Drift | Absent:
    if old.model is None or new.model is None:
        return _without_model(old, new)
    kept = filtering.by_model(session, about.led)
    for model in (old.model, new.model):
        if model.label not in kept:
            return Absent(f"the project keeps nothing of {model.label}'s filter.")
    return difference(kept[old.model.label].matrix, kept[new.model.label].matrix)


def _without_model(old: revisions.Revision, new: revisions.Revision) -> Absent:
    without = old if old.model is None else new
    return Absent(f"revision {without.id} has no model.")


def _evaluations(
    session: Session, about: Subjects, old: revisions.Revision, new: revisions.Revision
) -> Sequence[Evaluated] | Absent:
    if old.model is None or new.model is None:
        return _without_model(old, new)
    if old.model.label == new.model.label:
        return Absent("both are the same revision.")
    cast = Cast(
        ours=new.model.label, revisions={old.model.label: f"revision {old.id}"}, base="", most=1
    )
    measurings = about.written.measurings if about.written else None
    told = evaluations.told(session, measurings, cast).evaluations
    if isinstance(told, Absent):
        return told
    both = tuple(one for one in told if old.model.label in [who.label for who in one.models])
    return both or Absent(f"{old.model.label} has no kept answers to the same questions.")


def _data(session: Session, store: Datastore, old: Job, new: Job) -> Iterator[DataMoved]:
    pairs = (
        ("training_data", old.training_data, new.training_data),
        ("validation_data", old.validation_data, new.validation_data),
    )
    for role, was, now in pairs:
        if was != now:
            lines = [_lines(session, store, label_of(uri)) for uri in (was, now)]
            yield DataMoved(
                role=role, before=label_of(was), after=label_of(now), lines=_moved(*lines)
            )


def _moved(old: Counter[bytes] | Absent, new: Counter[bytes] | Absent) -> tuple[int, int] | Absent:
    if isinstance(old, Absent):
        return old
    if isinstance(new, Absent):
        return new
    return (new - old).total(), (old - new).total()


def _lines(session: Session, store: Datastore, label: str) -> Counter[bytes] | Absent:
    """The lines of a data version, each as often as it is there."""
    name, _, version = label.partition(":")
    asset = data.find(session, name, version) if version and "/" not in label else None
    content = data.download(session, store, asset) if asset else None
    if content is None:
        return Absent(f"{label or 'what the service split off'} can't be read in the project.")
    return Counter(line for line in content.splitlines() if line.strip())
