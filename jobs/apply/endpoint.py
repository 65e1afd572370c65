"""An endpoint from the first PUT to served: made, filter read back, proven, smoke-tested, marked.

The mark is a tag on the endpoint itself, written last. So an `apply` that was killed anywhere
between finds an endpoint without its proof, and proves it; one that finds the proof writes nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from jobs import revision
from jobs.errors import FoundryTuneError, QualityError, RemoteError, SafetyError, SignInError
from jobs.foundry import endpoints, ledger
from jobs.foundry.endpoints import AUTH_MODES, Endpoint
from jobs.foundry.inference import ROUTE, Chat, open_chat
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.plan.desired import Serving
from jobs.plan.rollout import is_proven
from jobs.plan.steps import EndpointStep
from jobs.proof import depth, safety, smoke
from jobs.spec import grid
from jobs.spec.probes import Probe
from jobs.terminal.progress import Reporter

READY_SECONDS = 120.0
"""How long a new endpoint may take to answer after Azure calls it made: routing lags behind ARM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """How long to wait for a filter to come into force, and how to wait."""

    seconds: float
    pause: Callable[[float], None]


def serve(
    session: Session,
    project: Project,
    step: EndpointStep,
    model_id: str,
    report: Reporter,
    settling: Settling,
) -> Endpoint:
    """Bring one endpoint to where its spec wants it, and prove it.

    Raises:
        SafetyError: Its filter isn't in force: the caller takes it down unless a name follows it.
        QualityError: A smoke test failed; likewise.
    """
    serving = step.serving
    endpoint = _bring(session, project, step, model_id, report, settling)
    if is_proven(endpoint, serving):
        return endpoint
    if not serving.spec.is_filtered:
        report.warn(
            f"endpoint '{endpoint.name}' serves WITHOUT a content filter, as the spec says: "
            f"{serving.spec.justification}"
        )
    else:
        _require_on(endpoint)
    with closing(open_chat(session, endpoint)) as chat:
        return _proven(session, endpoint, serving, chat, report, settling)


def require_filter(
    session: Session, endpoint: Endpoint, asked: Sequence[Probe], settling: Settling
) -> str:
    """See the content filter of an endpoint refuse what it must; the line to report.

    Raises:
        SafetyError: It isn't on, or lets a probe through.
    """
    _require_on(endpoint)
    with closing(open_chat(session, endpoint)) as chat:
        _wait_until_it_answers(chat, settling)
        return _probed(chat, asked, settling)


# ── making ──────────────────────────────────────────────────────────────────────────────────────


def _bring(
    session: Session,
    project: Project,
    step: EndpointStep,
    model_id: str,
    report: Reporter,
    settling: Settling,
) -> Endpoint:
    """The endpoint with the settings asked for."""
    serving = step.serving
    # A plan may be minutes old, or rest on a stale list: what is there now decides.
    there = endpoints.find(session, step.name)
    if there is not None:
        # A run that was killed may have begun a change: let Azure finish before anything else.
        there = endpoints.settled(session, there, settling.pause)
        if not _serves(there, model_id):
            _require_as_planned(step, there)
            report.progress("endpoint", step.name, "deleting the one that doesn't serve")
            endpoints.delete(session, there)
            there = None
    if there is not None:
        _require_ours(step, there)
        if not _differs(there, serving):
            return _recognised(session, there, _tags(serving, model_id))
    elif step.replaces is not None:
        report.progress("endpoint", step.replaces.name, "deleting it before the new one is made")
        endpoints.delete(session, step.replaces)
    report.progress("endpoint", step.name, "being made" if there is None else "being changed")
    made = endpoints.put(
        session,
        step.name,
        location=serving.spec.location or project.location,
        model_id=model_id,
        content_safety=serving.spec.is_filtered,
        auth_mode=AUTH_MODES[serving.spec.auth_mode],
        tags=_tags(serving, model_id),
    )
    if serving.spec.cap:
        _remember(session, serving, made)
    if made.provisioning_state != "Succeeded":
        raise RemoteError(
            f"Azure could not make endpoint '{made.name}': it is {made.provisioning_state}.",
            next_step="Run the same command again: it makes the endpoint anew.",
        )
    return made


def _remember(session: Session, serving: Serving, made: Endpoint) -> None:
    """Under a cap it counts from its first hour, also if it is gone before anybody looks."""
    is_tuned = serving.hosting is not None
    ledger.write(session, ledger.begun(made, serving.name, serving.base_model, is_tuned=is_tuned))


def _recognised(session: Session, there: Endpoint, tags: dict[str, str]) -> Endpoint:
    """The endpoint with its tags, put back where somebody wiped them."""
    if revision.TAG_SPEC in there.tags:
        return there
    return endpoints.tag(session, there, tags)


def _serves(there: Endpoint, model_id: str) -> bool:
    """Whether it is up and serves this model already: then there is nothing to make anew."""
    label = endpoints.model_label(model_id)
    return (
        there.provisioning_state == "Succeeded"
        and not there.is_withdrawn
        and endpoints.serves(there).casefold() == label.casefold()
    )


def _require_as_planned(step: EndpointStep, there: Endpoint) -> None:
    """Before an endpoint is deleted: the plan said so, and of this one."""
    seen = step.endpoint
    if step.action.kind != "replace" or seen is None or not there.is_still(seen):
        raise endpoints.moved(there)


def _require_ours(step: EndpointStep, there: Endpoint) -> None:
    """Before an endpoint is changed that the plan may not have seen: it is foundry-tune's."""
    if step.endpoint is None and revision.TAG_SPEC not in there.tags:
        raise endpoints.moved(there)


def _tags(serving: Serving, model_id: str) -> dict[str, str]:
    made_from = serving.training.revision if serving.training else revision.digest(model_id)
    tags = revision.tags(serving.name, made_from, serving.spec.tags)
    if 0 < len(serving.system) <= revision.LONGEST_TAG_VALUE:
        tags[revision.TAG_SYSTEM] = serving.system
    return tags


def _differs(endpoint: Endpoint, serving: Serving) -> bool:
    auth_mode = AUTH_MODES[serving.spec.auth_mode]
    return (
        endpoint.content_safety != serving.content_safety
        or (endpoint.auth_mode or "Key") != auth_mode
    )


# ── proving ─────────────────────────────────────────────────────────────────────────────────────


def _proven(
    session: Session,
    endpoint: Endpoint,
    serving: Serving,
    chat: Chat,
    report: Reporter,
    settling: Settling,
) -> Endpoint:
    """The endpoint with its marks, each written once what it says was seen."""
    _wait_until_it_answers(chat, settling)
    is_filtered = serving.spec.is_filtered
    line = "OFF, as the spec says; no probes"
    if is_filtered:
        line = _probed(chat, serving.probes, settling)
    report.result("endpoint", endpoint.name, f"answers at {endpoint.uri}")
    report.detail("safety", endpoint.name, line)
    if is_filtered:
        mark = {revision.TAG_PROBED: endpoint.probed_mark}
        endpoint = endpoints.tag(session, endpoint, mark)
        _hold_in_depth(chat, endpoint, serving, report)
    _smoke_test(chat, endpoint, serving, report)
    proof = serving.proof(endpoints.serves(endpoint))
    return endpoints.tag(session, endpoint, {revision.TAG_PROOF: proof})


def _require_on(endpoint: Endpoint) -> None:
    if endpoint.is_filtered:
        return
    said = endpoint.content_safety or "nothing"
    raise SafetyError(
        f"The content filter of endpoint '{endpoint.name}' was asked for, but reads back as "
        f"'{said}'."
    )


def _wait_until_it_answers(chat: Chat, settling: Settling) -> None:
    """Ask something harmless until there is an answer of any kind."""
    waited = 0.0
    while True:
        try:
            chat.ask([{"role": "user", "content": "Hello"}], max_tokens=1, temperature=0.0)
        except (RemoteError, SignInError) as error:
            pause = min(5.0, 1.0 + waited / 4)
            if waited + pause > min(READY_SECONDS, max(settling.seconds, 1.0)):
                raise _not_ready(error) from error
            settling.pause(pause)
            waited += pause
        else:
            return


def _not_ready(error: FoundryTuneError) -> FoundryTuneError:
    return RemoteError(
        f"The endpoint was made but doesn't answer yet: {error.message}",
        next_step="Run the same command again in some minutes: it proves the endpoint then.",
    )


def _probed(chat: Chat, asked: Sequence[Probe], settling: Settling) -> str:
    """Every probe, as often as the filter may need to come into force; the line to report."""
    waited = 0.0

    def may_settle() -> bool:
        nonlocal waited
        if waited >= settling.seconds:
            return False
        pause = min(15.0, settling.seconds - waited, 2.0 + waited / 4)
        settling.pause(pause)
        waited += pause
        return True

    proven = safety.prove(chat, asked, between=may_settle)
    if not proven.passed:
        raise SafetyError(
            f"The content filter is not in force on {ROUTE}: {'; '.join(proven.failures())}."
        )
    return f"on, read back, {proven.summary()}"


def _hold_in_depth(chat: Chat, endpoint: Endpoint, serving: Serving, report: Reporter) -> None:
    gates = serving.spec.safety_gates
    if gates:
        line = depth.hold(
            chat, grid.trials(serving.own_probes, serving.languages), gates, endpoint.name
        )
        report.detail("safety", endpoint.name, line)


def _smoke_test(chat: Chat, endpoint: Endpoint, serving: Serving, report: Reporter) -> None:
    tests = serving.spec.smoke_tests
    if not tests:
        return
    results = smoke.run(chat, tests, serving.system)
    passed = sum(result.passed for result in results)
    report.detail("smoke", endpoint.name, f"{passed} of {len(results)} passed on {ROUTE}")
    if passed < len(results):
        raise QualityError(
            "\n".join(
                f"Smoke test {number} of endpoint '{endpoint.name}': "
                f"{'; '.join(result.problems)}. It said: {result.answer[:200]!r}"
                for number, result in enumerate(results, start=1)
                if not result.passed
            ),
            next_step="Change the test, or train longer or on more data.",
            reason=f"{len(results) - passed} of {len(results)} smoke tests failed",
        )
