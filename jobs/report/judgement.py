"""The first thing that a report says: whether a revision serves, may serve, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.foundry.endpoints import Endpoint
from jobs.foundry.online import Managed
from jobs.foundry.pointers import Pointer
from jobs.look.revisions import Revision
from jobs.report.in_depth import ground
from jobs.report.report import Absent, Evaluated, Ground, InDepth, Judgement, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A revision with what Azure has of it."""

    name: str
    """That applications follow."""
    revision: Revision
    endpoint: Endpoint | None
    """Of this very revision."""
    pointer: Pointer | None
    """Where the name leads."""
    deployed: tuple[Managed, ...] = ()
    """The online endpoints that have its model deployed."""


def judged(
    standing: Standing,
    evaluations: Sequence[Evaluated] | Absent,
    tried: InDepth | Absent,
) -> Judgement:
    """Where a revision stands, and everything measured that speaks for or against it."""
    word, sentence = _place(standing)
    return Judgement(
        word=word,
        sentence=sentence,
        grounds=(*_grounds(standing), *_in_depth(tried), *_gates(evaluations)),
    )


def _place(standing: Standing) -> tuple[Word, str]:
    job, name, endpoint = standing.revision.job, standing.name, standing.endpoint
    if standing.revision.model is None:
        if not job.is_finished:
            return "in training", f"job {job.name} is {job.status}."
        return "no model", f"job {job.name} is {job.status}, and no model of it is there."
    if endpoint is None and standing.deployed:
        return _deployed(standing.revision.model.label, standing.deployed)
    if endpoint is None:
        return "not served", f"{standing.revision.model.label} is there, and no endpoint serves it."
    since = standing.revision.since[:16].replace("T", " ")
    if standing.revision.is_served:
        return "serves", f"'{name}' leads to it" + (f" since {since} UTC." if since else ".")
    elsewhere = f"'{name}' leads to {standing.pointer.endpoint}" if standing.pointer else "no name"
    if endpoint.is_ready:
        led = f"; {elsewhere}" if standing.pointer else ", and no name leads to it yet"
        return "ready", f"everything asked of it has held{led}."
    return "not ready", f"endpoint {endpoint.name} is there, and not everything asked has held."


def _deployed(label: str, deployed: Sequence[Managed]) -> tuple[Word, str]:
    """Where it stands by the online endpoints that have its model."""
    serving = [one for one in deployed if one.model == label]
    if serving:
        names = ", ".join(f"'{one.name}'" for one in serving)
        return "serves", f"online endpoint {names} sends its calls to it; Azure filters none."
    ready = [one for one in deployed if any(it.is_ready for it in one.of(label))]
    names = ", ".join(f"'{one.name}'" for one in ready or deployed)
    if ready:
        return (
            "ready",
            f"everything asked of it has held; online endpoint {names} sends it no call.",
        )
    return "not ready", f"online endpoint {names} has it, and not everything asked has held."


def filter_ground(endpoint: Endpoint | None) -> Ground:
    """Whether the content filter was seen refusing; an endpoint carries the mark of its probes."""
    if endpoint is None:
        return Ground(None, "no endpoint serves this revision, so there is no filter to look at")
    if not endpoint.is_filtered:
        said = "OFF" if endpoint.content_safety == "Disabled" else "not known to be on"
        return Ground(False, f"the content filter of {endpoint.name} is {said}")
    if not endpoint.is_probed:
        return Ground(False, f"the content filter of {endpoint.name} is on, but was not probed")
    return Ground(
        True,
        f"the content filter of {endpoint.name} is on and was probed: it refused harmful prompts "
        "of every category and let harmless ones through",
    )


def _grounds(standing: Standing) -> list[Ground]:
    job = standing.revision.job
    completed = job.status == "Completed" if job.is_finished else None
    return [Ground(completed, f"job {job.name} is {job.status}"), filter_ground(standing.endpoint)]


def _in_depth(tried: InDepth | Absent) -> list[Ground]:
    return [] if isinstance(tried, Absent) else [ground(tried)]


def _gates(evaluations: Sequence[Evaluated] | Absent) -> list[Ground]:
    if isinstance(evaluations, Absent):
        return [Ground(None, f"evaluation: {evaluations.why}")]
    return [
        Ground(gate.held, f"evaluation {one.name}: {gate.text}")
        for one in evaluations
        for gate in one.gates
    ]
