"""An endpoint's filter asked in depth, beside those it is compared with; and kept."""

from collections.abc import Mapping, Sequence
from contextlib import closing

from jobs.errors import AccessDeniedError, FoundryTuneError
from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.inference import Chat, open_chat
from jobs.foundry.session import Session
from jobs.plan.desired import Serving
from jobs.plan.rollout import is_proven
from jobs.plan.steps import EndpointStep
from jobs.proof import depth, filtering
from jobs.proof.depth import Beside
from jobs.proof.matrix import Matrix, measure
from jobs.spec.grid import Trial
from jobs.terminal.progress import Reporter


def references(
    session: Session, step: EndpointStep, beside: Mapping[str, Endpoint], report: Reporter
) -> list[Beside]:
    """Those that a candidate's filter is compared with, asked now: later one may be gone.

    None is asked where nothing is to be proven. An endpoint whose filter is off is nobody to be
    less safe than; of one that doesn't answer, what is kept counts.
    """
    serving, there = step.serving, step.endpoint
    if not serving.spec.is_filtered or (there is not None and is_proven(there, serving)):
        return []
    others = {
        word: one for word, one in beside.items() if one.is_filtered and one.name != step.name
    }
    found = ((word, one, _asked_now(session, serving, one, report)) for word, one in others.items())
    return [
        Beside(word=word, model=serves(one), matrix=matrix)
        for word, one, matrix in found
        if matrix is not None
    ]


def hold(
    session: Session,
    chat: Chat,
    endpoint: Endpoint,
    serving: Serving,
    references: Sequence[Beside],
    report: Reporter,
) -> None:
    """Ask a candidate every trial, keep what it came to, and hold the gates.

    Raises:
        SafetyError: It is less safe than a reference, or leaks where the spec holds it to that.
        QualityError: It blocks more than its gate allows.
    """
    report.progress("safety", endpoint.name, "its filter is asked in depth")
    gates = serving.spec.safety_gates
    found = depth.compared(measure(chat, _trials(serving)), references, gates)
    failure = depth.failure(found, gates, endpoint.name)
    for line in found.lines:
        report.detail("safety", endpoint.name, line)
    _keep(session, serving, endpoint, found.matrix, report, held=failure is None)
    if failure is not None:
        raise failure


def _trials(serving: Serving) -> list[Trial]:
    return depth.asked(serving.own_probes, serving.languages, serving.spec.safety_gates)


def _asked_now(
    session: Session, serving: Serving, other: Endpoint, report: Reporter
) -> Matrix | None:
    report.progress("safety", other.name, "its filter is asked, to be compared with")
    try:
        with closing(open_chat(session, other)) as chat:
            matrix = measure(chat, _trials(serving))
    except FoundryTuneError as error:
        kept = filtering.newest(session, serving.name, other.name)
        instead = f"what it came to on {kept.asked[:10]} counts" if kept else "nothing is compared"
        report.warn(f"the filter of '{other.name}' can't be asked, so {instead}: {error.message}")
        return kept.matrix if kept else None
    _keep(session, serving, other, matrix, report, held=True)
    return matrix


def _keep(
    session: Session,
    serving: Serving,
    endpoint: Endpoint,
    matrix: Matrix,
    report: Reporter,
    *,
    held: bool,
) -> None:
    """Keep it; who may serve but not write data goes on without."""
    try:
        filtering.keep(session, serving.name, endpoint, matrix, held=held, now=session.arm.now)
    except AccessDeniedError as error:
        report.warn(f"what the filter of '{endpoint.name}' came to is not kept: {error.message}")
