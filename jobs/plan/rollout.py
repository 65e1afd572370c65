"""Deciding how a revision comes to be served: beside the one that serves, proven, then by its name.

Each revision has an endpoint of its own, since Azure neither changes an endpoint's model nor serves
a custom model twice. What applications follow is the pointer of the document's name.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from jobs import revision
from jobs.foundry import endpoints
from jobs.foundry.endpoints import AUTH_MODES, Endpoint
from jobs.foundry.pointers import Pointer
from jobs.look import monitor
from jobs.plan import ends
from jobs.plan.actual import Actual
from jobs.plan.desired import Serving
from jobs.plan.steps import (
    Action,
    Change,
    EndpointStep,
    MeasureStep,
    ModelStep,
    PointerStep,
    RetireStep,
    Step,
)

LEFT_ALONE = timedelta(hours=1)
"""How long an endpoint that no name follows is taken for the work of another run."""

_FIXED_FIELDS = frozenset({"model", "provisioning_state", "withdrawn"})
"""What Azure doesn't change in place, or should not be trusted to: these make the endpoint anew."""


def endpoint_step(serving: Serving, model: ModelStep | None, actual: Actual) -> EndpointStep:
    """The endpoint that is to serve this revision: one that does already, or its own."""
    made_from = model.made_from if model else revision.digest(serving.model_path)
    name = revision.endpoint_name(serving.name, made_from)
    wanted = model.action.name if model else endpoints.model_label(serving.model_path)
    endpoint = _serving_already(serving, model, wanted, actual) or actual.endpoints.get(name)
    step = EndpointStep(
        action=_endpoint_action(serving, model, name, endpoint, actual),
        needs=(model,) if model else (),
        serving=serving,
        name=endpoint.name if endpoint else name,
        endpoint=endpoint,
    )
    served = actual.served(serving.name)
    if not serving.spec.is_recreated or step.action.kind != "create" or served is None:
        return step
    change = Change("model", endpoints.serves(served), wanted)
    action = Action(
        kind="replace",
        type="endpoint",
        name=name,
        changes=(change,),
        note="the old one is deleted first: down for some minutes, new key",
    )
    return replace(step, action=action, replaces=served)


def around(
    candidate: EndpointStep, gates: Sequence[MeasureStep], actual: Actual, now: datetime
) -> list[Step]:
    """An endpoint's step and what comes after it: its evaluations, its name, what it replaces."""
    pointer = _pointer_step(candidate, gates, actual)
    name = candidate.serving.name
    others = [
        _retire_step(endpoint, pointer, actual, now)
        for endpoint in actual.endpoints.values()
        if endpoint.tags.get(revision.TAG_SPEC) == name
        and endpoint.name != candidate.name
        and endpoint is not candidate.replaces
    ]
    return [candidate, *gates, pointer, *others]


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def _serving_already(
    serving: Serving, model: ModelStep | None, wanted: str, actual: Actual
) -> Endpoint | None:
    """An endpoint of this document, whatever it is called, that serves the wanted model."""
    if model and model.model is None:
        return None
    found = [
        endpoint
        for endpoint in actual.endpoints.values()
        # Its tags first: a project may have thousands of others.
        if endpoint.is_of(serving.name, _labels(model))
        and endpoints.serves(endpoint).casefold() == wanted.casefold()
    ]
    followed = actual.served(serving.name)
    return followed if followed in found else next(iter(found), None)


def _labels(model: ModelStep | None) -> tuple[str, ...]:
    """The models of this document that are known, as labels."""
    return (model.model.label,) if model and model.model else ()


def _endpoint_action(
    serving: Serving,
    model: ModelStep | None,
    name: str,
    endpoint: Endpoint | None,
    actual: Actual,
) -> Action:
    spec = serving.spec
    if model and model.action.kind == "blocked":
        return _waits("endpoint", name, "the model", model.action)
    for other in (endpoint, actual.endpoints.get(serving.name)):
        if (
            other
            and revision.TAG_SPEC not in other.tags
            and not other.is_of(serving.name, _labels(model))
        ):
            return Action(
                kind="blocked",
                type="endpoint",
                name=other.name,
                note="is there, and foundry-tune didn't make it",
                next_step="Give the endpoint in the spec another name, or delete the one in Azure.",
                rule="FT-R010",
            )
    if endpoint is None:
        safety = "content safety on" if spec.is_filtered else "content safety OFF"
        said = ends.limits(spec.ttl, spec.lives, spec.cap, serving.hosting, 1)
        note = f"{safety}, {spec.auth_mode.replace('_', ' ')}{said}"
        return Action(kind="create", type="endpoint", name=name, note=note)
    wanted = model.action.name if model else endpoints.model_label(serving.model_path)
    changes = _endpoint_changes(endpoint, serving, wanted)
    if any(change.field in _FIXED_FIELDS for change in changes):
        note = "made anew, with new keys"
        return Action(
            kind="replace", type="endpoint", name=endpoint.name, changes=changes, note=note
        )
    if changes:
        return Action(kind="update", type="endpoint", name=endpoint.name, changes=changes)
    if not is_proven(endpoint, serving):
        note = "to be proven: the filter's probes and the smoke tests"
        return Action(kind="update", type="endpoint", name=endpoint.name, note=note)
    note = ends.at(monitor.made(endpoint), spec.lives)
    return Action(kind="unchanged", type="endpoint", name=endpoint.name, note=note)


def is_proven(endpoint: Endpoint, serving: Serving) -> bool:
    """Whether the endpoint, as it is, has passed its probes and smoke tests."""
    proof = serving.proof(endpoints.serves(endpoint))
    return endpoint.tags.get(revision.TAG_PROOF) == proof


def _endpoint_changes(endpoint: Endpoint, serving: Serving, wanted: str) -> tuple[Change, ...]:
    asked = {
        "model": wanted,
        "content_safety": serving.content_safety,
        "auth_mode": AUTH_MODES[serving.spec.auth_mode],
    }
    there = {
        "model": endpoints.serves(endpoint),
        "content_safety": endpoint.content_safety or "unknown",
        # A service that doesn't say has its default.
        "auth_mode": endpoint.auth_mode or "Key",
    }
    changes = [Change(field, there[field], asked[field]) for field in asked]
    if endpoint.is_settled and endpoint.provisioning_state != "Succeeded":
        changes.append(Change("provisioning_state", endpoint.provisioning_state, "Succeeded"))
    if endpoint.is_withdrawn:
        changes.append(Change("withdrawn", "yes", "no"))
    return tuple(change for change in changes if change.before.lower() != change.after.lower())


# ── the name ────────────────────────────────────────────────────────────────────────────────────


def _pointer_step(
    candidate: EndpointStep, gates: Sequence[MeasureStep], actual: Actual
) -> PointerStep:
    pointer = actual.pointers.get(candidate.serving.name)
    return PointerStep(
        action=_pointer_action(candidate, pointer),
        needs=(candidate, *gates),
        serving=candidate.serving,
        candidate=candidate,
        pointer=pointer,
    )


def _waits(type: str, name: str, what: str, blocked: Action) -> Action:
    """What can't be done before something that is blocked, by the rule that blocks that."""
    return Action(kind="blocked", type=type, name=name, note=f"needs {what}", rule=blocked.rule)


def _pointer_action(candidate: EndpointStep, pointer: Pointer | None) -> Action:
    name, endpoint = candidate.serving.name, candidate.endpoint
    if candidate.action.kind == "blocked":
        return _waits("connection", name, "the endpoint", candidate.action)
    once = "once every gate holds"
    if pointer is None:
        return Action(
            kind="create", type="connection", name=name, note=f"-> {candidate.name}, {once}"
        )
    if not pointer.is_ours:
        return Action(
            kind="blocked",
            type="connection",
            name=name,
            note="is there, and foundry-tune didn't make it",
            next_step="Give the endpoint in the spec another name, or delete the connection.",
            rule="FT-R010",
        )
    if candidate.name == pointer.withdrawn:
        return Action(
            kind="blocked",
            type="connection",
            name=name,
            note=f"was rolled back from {candidate.name} to {pointer.endpoint}",
            next_step=f"Change the spec, or serve it after all: foundry-tune promote {name}",
            rule="FT-R011",
        )
    if pointer.endpoint != candidate.name:
        change = Change("endpoint", pointer.endpoint, candidate.name)
        return Action(kind="update", type="connection", name=name, changes=(change,), note=once)
    if endpoint is None or pointer.target.casefold() != endpoint.uri.casefold():
        return Action(kind="update", type="connection", name=name, note="its address and key")
    if candidate.action.kind == "replace" or candidate.action.changes:
        return Action(kind="update", type="connection", name=name, note="with its new key")
    return Action(kind="unchanged", type="connection", name=name)


# ── what it takes the place of ──────────────────────────────────────────────────────────────────


def _retire_step(
    endpoint: Endpoint, pointer: PointerStep, actual: Actual, now: datetime
) -> RetireStep:
    return RetireStep(
        action=_retire_action(endpoint, pointer, actual, now),
        needs=(pointer,),
        name=pointer.serving.name,
        endpoint=endpoint,
    )


def _retire_action(
    endpoint: Endpoint, pointer: PointerStep, actual: Actual, now: datetime
) -> Action:
    served, serving = actual.served(pointer.serving.name), pointer.serving
    if endpoint is served and (pointer.action.kind == "blocked" or serving.spec.keeps_previous):
        stays = pointer.action.kind == "blocked"
        note = "goes on serving" if stays else _kept(serving)
    elif endpoint is served:
        return Action(kind="delete", type="endpoint", name=endpoint.name, note="after that")
    else:
        note = why_kept(endpoint, actual.pointer(pointer.serving.name), now)
    if note:
        return Action(kind="unchanged", type="endpoint", name=endpoint.name, note=note)
    return Action(kind="delete", type="endpoint", name=endpoint.name, note="no name follows it")


def _kept(serving: Serving) -> str:
    hours = serving.spec.keeps_previous / timedelta(hours=1)
    note = f"kept {serving.spec.keep_previous} after that, and billed"
    if serving.hosting is None or serving.hosting.usd is None:
        return note
    return f"{note}: {serving.hosting.times(hours, hours, per=1)}"


def why_kept(endpoint: Endpoint, pointer: Pointer | None, now: datetime) -> str:
    """Why an endpoint that no name follows is left for now; empty where it may go."""
    if pointer and pointer.keeps(endpoint.name, now):
        until = datetime.fromisoformat(pointer.kept_until)
        return f"kept until {until:%Y-%m-%d %H:%M} UTC, and billed"
    if endpoint.is_younger_than(LEFT_ALONE, now):
        return "no name follows it yet; left for an hour to the run that made it, and billed"
    return ""
