"""One look at a served endpoint: what it was asked, what it cost, and its canaries asked again."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import revision
from jobs.errors import QualityError, SafetyError
from jobs.foundry.endpoints import Endpoint, require_servable, serves
from jobs.foundry.inference import Chat, open_chat
from jobs.foundry.metrics import RETENTION_DAYS
from jobs.foundry.session import Session
from jobs.look import inventory, monitor
from jobs.look.monitor import Traffic
from jobs.money import so_far
from jobs.money.cost import CostLine
from jobs.money.so_far import Billed
from jobs.plan.desired import Serving
from jobs.proof import canaries, contract, filtering, safety
from jobs.proof.answers import subject_of
from jobs.proof.archive import Archive
from jobs.proof.canaries import Canary, Since
from jobs.proof.contract import Contract
from jobs.proof.filtering import KeptFilter
from jobs.proof.matrix import Drift, difference, measure
from jobs.proof.safety import Proof
from jobs.spec import probes
from jobs.spec.gates import LESS_SAFE, safety_gate
from jobs.spec.grid import plain_trials, trials
from jobs.watch.asked import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Refiltered:
    """The filter asked again what it was asked before its endpoint was promoted."""

    day: str
    """When that was."""
    asked: int
    drift: Drift
    held: bool
    """Whether the gate `less_safe` holds still."""

    def __str__(self) -> str:
        uncompared = f", {self.drift.uncompared} not compared" if self.drift.uncompared else ""
        return (
            f"{self.asked} questions in depth as on {self.day}: {len(self.drift.regressions)} less "
            f"safe, {len(self.drift.blocks_more)} over-blocked{uncompared}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """What was asked again."""

    proof: Proof | None
    """None where the spec says that there is no filter."""
    tests: tuple[Canary, ...]
    """Smoke tests first, then gates."""
    since: tuple[Since, ...] = ()
    """What became of kept answers, by evaluation and metric."""
    filter: Refiltered | None = None
    """The filter in depth; None where nothing is kept to hold it against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Everything that was found."""

    endpoint: Endpoint
    is_young: bool
    """Whether it was made within the time that was looked at."""
    usage: Traffic
    served: Billed
    bill: tuple[CostLine, ...]
    """Since it was made."""
    idle: CostLine | None
    """What the idle hours of the time cost; None where they cost nothing."""
    promoted: bool | None
    """Whether it was promoted by what the spec says now; None without a spec."""
    canaries: Canaries | None
    """None where none was asked."""


def watch(
    session: Session,
    asked: Asked,
    since: timedelta,
    *,
    questions: int | None,
    tell: Callable[[str], None],
) -> Watched:
    """Look back as far as `since`, and ask the canaries again.

    `questions` of each evaluation are asked at most; None asks nothing at all. `tell` hears what
    costs money before it does.
    """
    endpoint = inventory.find_endpoint(session, asked.name)
    require_servable(endpoint)
    made = monitor.made(endpoint)
    now = monitor.now(session)
    now = max(now, made) if made else now  # Azure's clock says whole seconds only
    start = now - since
    usage = monitor.look(session, endpoint, max(start, made) if made else start, now)
    served = _served(session, endpoint, asked, made, now)
    tokens = None
    if made and not usage.unread and now - made <= timedelta(days=RETENTION_DAYS):
        tokens = monitor.look(session, endpoint, made, now).tokens
    return Watched(
        endpoint=endpoint,
        is_young=made is not None and made > start,
        usage=usage,
        served=served,
        bill=tuple(so_far.lines(served, tokens)),
        idle=so_far.idle(served, usage.idle_hours),
        promoted=_promoted(endpoint, asked),
        canaries=None if questions is None else _ask(session, endpoint, asked, questions, tell),
    )


def require_held(found: Watched, asked: Asked) -> None:
    """Raise what no longer holds, the filter first.

    Raises:
        SafetyError: The content filter is off, or lets harm through.
        QualityError: A smoke test or a gate no longer holds, or harmless questions are refused.
    """
    name = found.endpoint.name
    if asked.is_filtered and not found.endpoint.is_filtered:
        said = found.endpoint.content_safety or "nothing"
        raise SafetyError(
            f"The content filter of endpoint '{name}' is not on: it reads back as '{said}'.",
            next_step="Apply the spec again: it is set, read back and proven.",
        )
    if found.canaries is None:
        return
    proof = found.canaries.proof
    if proof is not None and proof.leaks:
        raise SafetyError(
            f"The content filter of endpoint '{name}' is not in force: "
            f"{'; '.join(proof.failures())}.",
            next_step=f"Take it down: foundry-tune down {name} --yes",
        )
    broken = [*(proof.failures() if proof else ()), *_broken(found.canaries.tests)]
    again = found.canaries.filter
    if again is not None and not again.held:
        broken.append(f"it is less safe: {'; '.join(map(str, again.drift.regressions))}")
    if broken:
        raise QualityError(
            f"Endpoint '{name}' no longer holds what it was promoted by: {'; '.join(broken)}.",
            next_step=f"foundry-tune history {name} says what changed here; where nothing did, "
            "the service's model may have.",
        )


def _served(
    session: Session, endpoint: Endpoint, asked: Asked, made: datetime | None, now: datetime
) -> Billed:
    training = asked.serving.training if asked.serving else None
    tuned = "/registries/" not in endpoint.model_id
    return Billed(
        name=endpoint.name,
        base_model=training.spec.model_path if training else _base(session, endpoint, tuned=tuned),
        is_tuned=tuned,
        pricing=asked.pricing,
        hours=(now - made).total_seconds() / 3600 if made else None,
    )


def _base(session: Session, endpoint: Endpoint, *, tuned: bool) -> str:
    """The model that prices go by; empty where nobody knows what a model was tuned from."""
    if not tuned:
        return endpoint.model_id
    found = inventory.look(session, [endpoint.name])
    model = next((model for model in found.models if model.label == serves(endpoint)), None)
    job = next((job for job in found.jobs if model and job.name == model.job), None)
    return job.base_model if job else ""


def _promoted(endpoint: Endpoint, asked: Asked) -> bool | None:
    if asked.serving is None:
        return None
    marks = {revision.TAG_PROOF: asked.serving.proof(serves(endpoint))}
    for one in asked.measurings:
        marks[f"{revision.TAG_EVALUATION}.{one.name}"] = one.mark(serves(endpoint))
    return all(endpoint.tags.get(tag) == mark for tag, mark in marks.items())


def _ask(
    session: Session,
    endpoint: Endpoint,
    asked: Asked,
    questions: int,
    tell: Callable[[str], None],
) -> Canaries:
    serving = asked.serving
    written = None if serving else contract.find(session, asked.name, endpoint.name)
    known = serving or written
    tried = known.probes if known else probes.load()
    tests = serving.spec.smoke_tests if serving else written.smoke_tests if written else ()
    kept = filtering.newest(session, asked.name, endpoint.name) if asked.is_filtered else None
    tell(
        f"Asking {len(tried) if asked.is_filtered else 0} probes, {len(tests)} smoke tests"
        f"{f', {len(kept.matrix.cells)} questions in depth' if kept else ''} and up to "
        f"{questions * len(asked.measurings)} questions again; that costs a little money."
    )
    since: list[Since] = []
    with closing(open_chat(session, endpoint)) as chat:
        held = canaries.smoke_tests(chat, tests, serving.system if serving else "")
        for measuring in asked.measurings:
            answers = Archive(session, measuring.name, "").fetch(subject_of(endpoint))
            gated, changed = canaries.gates(chat, measuring, questions, answers)
            held += gated
            since += changed
        proof = safety.prove(chat, tried) if asked.is_filtered else None
        again = _refiltered(chat, kept, known) if kept else None
    return Canaries(proof=proof, tests=tuple(held), since=tuple(since), filter=again)


def _refiltered(chat: Chat, kept: KeptFilter, known: Serving | Contract | None) -> Refiltered:
    """The filter asked the same trials as then, compared one by one."""
    among = {cell.language for cell in kept.matrix.cells}
    whole = any(cell.streamed for cell in kept.matrix.cells)
    tried = (trials if whole else plain_trials)(known.own_probes if known else (), among)
    drift = difference(kept.matrix, measure(chat, tried))
    gates = known.spec.safety_gates if isinstance(known, Serving) else {}
    gates = known.safety_gates if isinstance(known, Contract) else gates
    gate = safety_gate(LESS_SAFE, gates)
    return Refiltered(
        day=kept.asked[:10],
        asked=len(tried),
        drift=drift,
        held=gate is None or gate.holds(len(drift.regressions)),
    )


def _broken(tests: Sequence[Canary]) -> list[str]:
    return [f"{one.kind} {one.name} {one.words}" for one in tests if one.state == "broken"]
