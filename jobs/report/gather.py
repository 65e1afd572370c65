"""Gathering what a report holds, from Azure and from the spec's files: reads only, asks nobody."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jobs.arguments import is_spec_file, require_name
from jobs.catalog.catalog import registry_model
from jobs.dataset.page import rows_of
from jobs.dataset.survey import histogram
from jobs.errors import NotFoundError, UsageError
from jobs.findings import Finding
from jobs.foundry import history, projects
from jobs.foundry.endpoints import serves
from jobs.foundry.history import TRAIN_LOSS, VALIDATION_LOSS
from jobs.foundry.session import Session
from jobs.look import inventory, revisions
from jobs.look.inventory import Holding
from jobs.look.revisions import Revision
from jobs.money.cost import Cost
from jobs.plan import desired
from jobs.plan.desired import Desired, Measuring, Serving, Training
from jobs.proof import filtering
from jobs.read.examine import CheckedSpecs, checked
from jobs.report import evaluations
from jobs.report.evaluations import Cast
from jobs.report.in_depth import in_depth, kept
from jobs.report.judgement import Standing, filter_ground, judged
from jobs.report.origin import provenance
from jobs.report.report import Absent, Bill, DataProfile, Losses, Report, Safety
from jobs.report.scores import severities
from jobs.revision import TAG_HASH

_MOST_FINDINGS = 12
_NO_SPEC = "a name alone doesn't say; name the spec file in its place."


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a spec file says of the name that is told of."""

    file: str
    specs: CheckedSpecs
    desired: Desired
    training: Training
    serving: Serving | None

    @property
    def measurings(self) -> list[Measuring]:
        """The evaluations of its endpoint."""
        serving = self.serving
        return [one for one in self.desired.measurings if serving and one.measures(serving)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Whom a report is about: the revisions of a name, and what is written of it."""

    name: str
    led: str
    """The name that applications follow: the endpoint document's."""
    written: Written | None


def subjects(argument: str) -> Subjects:
    """What an argument means: a name in Azure, or a spec file with the name of its training.

    Raises:
        UsageError: The file has no job.
        InvalidInputError: The file or its data is invalid.
    """
    if not is_spec_file(argument):
        name = require_name(argument)
        return Subjects(name=name, led=name, written=None)
    specs = checked([argument], strict=False)
    asked = desired.read(specs.chapters)
    if asked.runnings and not asked.trainings:
        name = asked.runnings[0].name
        return Subjects(name=name, led=name, written=None)
    if not asked.trainings:
        raise UsageError(
            f"{argument} has no finetuning or command document, so there is no revision to tell "
            "of.",
            next_step="Name a spec file that trains, or a name: foundry-tune status",
        )
    training = asked.trainings[0]
    serving = next((one for one in asked.servings if one.training is training), None)
    written = Written(file=argument, specs=specs, desired=asked, training=training, serving=serving)
    led = serving.name if serving else training.name
    return Subjects(name=training.name, led=led, written=written)


def holding_of(session: Session, about: Subjects) -> Holding:
    """What the name has: jobs and models by the training's name, endpoints by the one followed."""
    found = inventory.look(session, list(dict.fromkeys((about.name, about.led))))
    own, led = found.of(about.name), found.of(about.led)
    return own if own is led else replace(own, endpoints=led.endpoints, pointer=led.pointer)


def chosen(found: Sequence[Revision], about: Subjects, wanted: str) -> Revision:
    """The revision that is told of: the wanted one, else the spec's, else the newest.

    Raises:
        NotFoundError: There is no such revision.
        UsageError: Several begin so, or the spec has a sweep.
    """
    if not found:
        raise NotFoundError(
            f"The project has no training of '{about.name}'.",
            next_step="foundry-tune status lists what there is.",
        )
    if wanted:
        return revisions.beginning({one.id: one for one in found}, wanted, about.name)
    if about.written is None:
        return found[0]
    if about.written.training.spec.sweep is not None:
        raise UsageError(
            f"{about.written.file} has a sweep: several revisions, of which one is told.",
            next_step=f"Name one of: foundry-tune trials {about.written.file}",
        )
    made_from = about.written.training.revision
    own = next((one for one in found if one.job.tags.get(TAG_HASH) == made_from), None)
    if own is None:
        raise NotFoundError(
            f"{about.written.file} as it is was not trained yet: there is no revision {made_from}.",
            next_step=f"Apply it first: foundry-tune apply {about.written.file}\n"
            f"Or an earlier one:  foundry-tune history {about.name}",
        )
    return own


def gather(session: Session, about: Subjects, wanted: str = "", matrix: str = "") -> Report:
    """Everything that is told of a revision; `matrix` is a file of `safety -o json`, or empty.

    Raises:
        NotFoundError: There is no such revision.
        InvalidInputError: The matrix is of another endpoint.
    """
    holding = holding_of(session, about)
    found = revisions.of(holding)
    revision = chosen(found, about, wanted)
    label = revision.model.label if revision.model else ""
    standing = Standing(
        name=about.led,
        revision=revision,
        endpoint=next((one for one in holding.endpoints if label and serves(one) == label), None),
        pointer=holding.pointer,
    )
    written = about.written
    base = registry_model(revision.job.base_model)
    roles = _roles(found, revision)
    if matrix:
        tried = in_depth(matrix, standing.endpoint)
    else:
        kept_filters = filtering.by_model(session, about.led)
        tried = kept(kept_filters, about.led, label, {**roles, base: "the base model"})
    told = evaluations.told(
        session,
        written.measurings if written else None,
        Cast(
            ours=label,
            revisions=roles,
            base=base,
        ),
    )
    return Report(
        name=about.name,
        revision=revision.id or revision.job.name,
        made=f"{session.arm.now:%Y-%m-%d %H:%M} UTC",
        judgement=judged(standing, told.evaluations, tried),
        changes=Absent("it is the first revision, as far as Azure still has their jobs.")
        if revision.changes is None
        else tuple((field, old, new) for field, (old, new) in revision.changes.items()),
        losses=_losses(session, revision),
        data=tuple(_profiles(written)) if written else Absent(_NO_SPEC),
        evaluations=told.evaluations,
        safety=Safety(
            is_filtered=standing.endpoint.is_filtered if standing.endpoint else None,
            probes=filter_ground(standing.endpoint),
            counts=severities(told.answers),
            answers=len(told.answers),
            in_depth=tried,
        ),
        cost=tuple(map(_bill, written.specs.costs)) if written else Absent(_NO_SPEC),
        provenance=tuple(
            provenance(
                standing, written.file if written else "", written.desired if written else None
            )
        ),
    )


def _roles(found: Sequence[Revision], own: Revision) -> dict[str, str]:
    """What the other revisions are called: what serves first, then the ones before, then later."""
    at = next(place for place, one in enumerate(found) if one is own)
    others = [one for one in (*found[at + 1 :], *found[:at]) if one.model is not None]
    others.sort(key=lambda one: not one.is_served)
    return {
        one.model.label: f"revision {one.id}{', which serves' if one.is_served else ''}"
        for one in others
        if one.model is not None
    }


# ── learning, data, cost ────────────────────────────────────────────────────────────────────────


def _losses(session: Session, revision: Revision) -> Losses | Absent:
    job = revision.job
    api = projects.data_plane(session, projects.get(session))
    try:
        train, validation = (
            tuple((p.step, p.value) for p in history.series(session, api, job.name, metric))
            for metric in (TRAIN_LOSS, VALIDATION_LOSS)
        )
    except NotFoundError:
        return Absent(f"Azure has no metrics of job {job.name} any more.")
    if not train and not validation:
        return Absent(f"job {job.name} is {job.status} and has logged no loss.")
    return Losses(job=job.name, train=train, validation=validation)


def _profiles(written: Written) -> Iterator[DataProfile]:
    data = written.specs.data.get(written.training.spec.reference)
    for item in data.files if data else ():
        found = [one for one in written.specs.findings if one.file == item.file.name]
        yield DataProfile(
            file=item.file.name,
            figures=tuple(rows_of(item)),
            lengths=tuple(histogram(item.survey.token_counts)),
            findings=tuple(_in_words(found)),
        )


def _in_words(findings: Sequence[Finding]) -> Iterator[str]:
    for one in findings[:_MOST_FINDINGS]:
        yield f"{one} [{one.rule}, {one.severity}]"
    if len(findings) > _MOST_FINDINGS:
        yield f"{len(findings) - _MOST_FINDINGS:,} more: foundry-tune dataset check"


def _bill(cost: Cost) -> Bill:
    budget = (
        f"budget {cost.budget.max_usd:,.2f} USD: {cost.verdict}" if cost.budget else "no budget"
    )
    return Bill(
        document=cost.reference,
        lines=tuple(
            (one.what, str(one.money), one.quantity, "; ".join(price.words for price in one.prices))
            for one in cost.lines
        ),
        total=str(cost.total),
        budget=budget,
    )
