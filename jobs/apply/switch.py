"""A name led to another revision by hand: back to an earlier one, or on to one that is ready.

At once while the revision's endpoint lives; otherwise its model is served again. Nothing is
trained. Before the name moves it is proven by what it was promoted with, which was kept: where its
endpoint lives by its probes, where it is made again by its smoke tests and gates too.
"""

from dataclasses import dataclass
from datetime import timedelta

from jobs import revision
from jobs.apply import rollout
from jobs.apply.endpoint import Settling, require_filter, serve
from jobs.errors import NotFoundError, QualityError, SafetyError, UsageError
from jobs.foundry import endpoints, projects
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.models import ModelVersion
from jobs.foundry.pointers import Pointer
from jobs.foundry.session import Session
from jobs.look import revisions
from jobs.look.inventory import Holding
from jobs.plan.steps import Action, EndpointStep
from jobs.proof import contract
from jobs.proof.contract import Contract
from jobs.spec import probes
from jobs.terminal.progress import Reporter

KEPT = timedelta(hours=1)
"""How long the revision that is left stays up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The revision that a name is to be led to."""

    name: str
    endpoint: str
    """What its endpoint is called."""
    alive: Endpoint | None
    """That endpoint, if it is there."""
    model: ModelVersion | None
    """The model to serve again, where it isn't."""


def earlier(holding: Holding, wanted: str) -> Goal:
    """The revision to go back to: the one that is asked for, or the one that served before.

    Raises:
        NotFoundError: There is none, or its model is gone.
        UsageError: The name follows it already.
    """
    pointer = _pointer(holding)
    if wanted:
        return _goal(holding, _endpoint_of(holding, wanted))
    before = (one.endpoint for one in pointer.served if one.endpoint != pointer.endpoint)
    last = next((one for one in before if one != pointer.withdrawn), "")
    if not last:
        raise NotFoundError(
            f"'{holding.name}' has served nothing else before, as far as is remembered.",
            next_step=f"foundry-tune history {holding.name}",
        )
    return _goal(holding, last)


def ready(holding: Holding, wanted: str) -> Goal:
    """The revision to go on to: the one that is asked for, or the only one that is ready.

    Raises:
        NotFoundError: There is none.
        UsageError: There are several, or it is the one that serves.
    """
    pointer = holding.pointer
    if wanted:
        return _goal(holding, _endpoint_of(holding, wanted))
    if pointer and pointer.withdrawn:
        return _goal(holding, pointer.withdrawn)
    followed = pointer.endpoint if pointer else ""
    previous = pointer.previous if pointer else ""
    waiting = [
        endpoint.name
        for endpoint in holding.endpoints
        if endpoint.is_ready and endpoint.name not in (followed, previous)
    ]
    if not waiting:
        raise NotFoundError(
            f"No revision of '{holding.name}' is ready and waits to be promoted.",
            next_step="foundry-tune apply SPEC --no-promote makes one ready.",
        )
    if len(waiting) > 1:
        raise UsageError(
            f"Several revisions of '{holding.name}' are ready: {', '.join(waiting)}.",
            next_step=f"Name one: foundry-tune promote {holding.name} "
            f"{revision.of_endpoint(waiting[0])}",
        )
    return _goal(holding, waiting[0])


def lead(
    session: Session,
    holding: Holding,
    goal: Goal,
    report: Reporter,
    settling: Settling,
    *,
    rolling_back: bool,
) -> Pointer:
    """Prove the goal's endpoint, making it where it is gone, and lead the name to it.

    Raises:
        SafetyError: Its filter isn't on, or lets a probe through: the name stays where it is.
        QualityError: A smoke test or gate of an endpoint that was made again failed; likewise.
    """
    kept = contract.find(session, holding.name, goal.endpoint)
    told = str(kept) if kept else "none was kept of it: the built-in probes are asked"
    report.detail("contract", goal.endpoint, told)
    endpoint = goal.alive
    if endpoint is None:
        endpoint = _serve_again(session, holding, goal, kept, report, settling)
    else:
        report.progress("endpoint", endpoint.name, "its filter is being probed")
        asked = kept.probes if kept else probes.load()
        line = require_filter(session, endpoint, asked, settling)
        report.result("endpoint", endpoint.name, "is there, answers")
        report.detail("safety", endpoint.name, line)
    endpoint = rollout.make_ready(session, endpoint)
    return rollout.promote(
        session,
        holding.name,
        endpoint,
        holding.pointer,
        keep=KEPT,
        rolling_back=rolling_back,
    )


def _pointer(holding: Holding) -> Pointer:
    if holding.pointer is None:
        raise NotFoundError(
            f"The project has no connection '{holding.name}' that foundry-tune made.",
            next_step="foundry-tune status lists what there is.",
        )
    return holding.pointer


def _endpoint_of(holding: Holding, wanted: str) -> str:
    """The endpoint of a revision, named by its hash or the start of it."""
    served = [one.endpoint for one in holding.pointer.served] if holding.pointer else []
    made = [revision.endpoint_name(holding.name, j.revision) for j in holding.jobs if j.revision]
    names = dict.fromkeys([*(e.name for e in holding.endpoints), *served, *made])
    if wanted in names:
        return wanted
    found = {made_from: one for one in names if (made_from := revision.of_endpoint(one))}
    return revisions.beginning(found, wanted, holding.name)


def _goal(holding: Holding, endpoint: str) -> Goal:
    if holding.pointer and holding.pointer.endpoint == endpoint and holding.endpoint:
        raise UsageError(
            f"'{holding.name}' follows {endpoint} already.",
            next_step=f"foundry-tune history {holding.name} shows the others.",
        )
    alive = next((one for one in holding.endpoints if one.name == endpoint), None)
    if alive and (alive.is_withdrawn or alive.provisioning_state != "Succeeded"):
        raise NotFoundError(
            f"Endpoint '{endpoint}' doesn't serve: it is "
            f"{'about to go' if alive.is_withdrawn else alive.provisioning_state}.",
            next_step="foundry-tune gc removes it; then run the same command again.",
        )
    job = next(
        (j for j in holding.jobs if revision.endpoint_name(holding.name, j.revision) == endpoint),
        None,
    )
    model = next((m for m in holding.models if job and m.job == job.name), None)
    if alive is None and model is None:
        raise NotFoundError(
            f"The model of revision '{revision.of_endpoint(endpoint)}' is gone, and so is its "
            "endpoint.",
            next_step="Apply the spec as it was then: it trains, and costs, once more.",
        )
    return Goal(name=holding.name, endpoint=endpoint, alive=alive, model=model)


def _serve_again(
    session: Session,
    holding: Holding,
    goal: Goal,
    kept: Contract | None,
    report: Reporter,
    settling: Settling,
) -> Endpoint:
    """An endpoint for the goal's model, set up and proven as it was, else as what serves."""
    assert goal.model is not None
    _require_filtered(holding, goal, kept)
    project = projects.get(session)
    model_id = endpoints.model_id(
        project.location, project.workspace_id, goal.model.name, goal.model.version
    )
    like = holding.endpoint
    serving = (kept or _like(like)).serving(holding.name, model_id)
    step = EndpointStep(
        action=Action(kind="create", type="endpoint", name=goal.endpoint),
        serving=serving,
        name=goal.endpoint,
        endpoint=None,
    )
    try:
        endpoint = serve(session, project, step, model_id, report, settling)
    except (SafetyError, QualityError) as error:
        done, _ = rollout.withdraw(session, holding.name, goal.endpoint)
        error.message = f"{error.message}\n{done}"
        raise
    tags = {revision.TAG_HASH: revision.of_endpoint(goal.endpoint)[: revision.HASH_LENGTH]}
    system = kept.system if kept else like.tags.get(revision.TAG_SYSTEM, "") if like else ""
    if 0 < len(system) <= revision.LONGEST_TAG_VALUE:
        tags[revision.TAG_SYSTEM] = system
    if kept is not None:
        # It has passed the very same again, so an apply of that spec has nothing to prove.
        tags[revision.TAG_PROOF] = kept.proof
    return endpoints.tag(session, endpoint, tags)


def _require_filtered(holding: Holding, goal: Goal, kept: Contract | None) -> None:
    """Nothing is served again without a filter, whatever it was or is: that takes its spec.

    Raises:
        SafetyError: It was, or what it would be set up like is.
    """
    like = holding.endpoint
    is_off = not kept.is_filtered if kept else like is not None and not like.is_filtered
    if is_off:
        whose = f"'{goal.endpoint}' was" if kept or like is None else f"'{like.name}' is"
        raise SafetyError(
            f"The filter of {whose} off, and what is served again gets the same settings.",
            next_step="Apply the spec as it was then: it says what the filter is to be.",
        )


def _like(endpoint: Endpoint | None) -> Contract:
    """What a revision without a contract is set up and proven by: the built-in probes."""
    return Contract(
        proof="",
        is_filtered=True,
        auth_mode=endpoints.auth_mode_word(endpoint.auth_mode if endpoint else "Key"),
        system="",
        smoke_tests=(),
        own_probes=(),
        languages=(),
        safety_gates={},
    )
