"""Carries steps out and saves what each has done."""

import re
import time
from dataclasses import replace

from minipulumi.deployment import Deployment, Stopped
from minipulumi.plugins import ProviderError
from minipulumi.provider_entries import provider_of
from minipulumi.resources import Resource, now
from minipulumi.step import Step
from minipulumi.values import Props, from_struct

_PENDING = {
    "create": "creating", "create-replacement": "creating", "update": "updating",
    "delete": "deleting", "delete-replaced": "deleting",
}  # fmt: skip


def perform(deployment: Deployment, step: Step) -> bool:
    """Carries out one step; a failure is shown, recorded and answered with False."""
    if deployment.stopping:
        raise Stopped
    started = time.monotonic()
    deployment.display.started(step)
    try:
        _act(deployment, step)
    except ProviderError as error:
        if deployment.terminated:
            raise Stopped from error
        fail(deployment, step, error)
        return False
    deployment.display.finished(step, time.monotonic() - started)
    return True


def fail(deployment: Deployment, step: Step, error: ProviderError) -> None:
    """Shows and remembers that a provider failed at a step."""
    deployment.failed.add(step.resource.urn)
    deployment.broken = True
    deployment.display.message(step.resource.urn, "error", _reason(error))
    deployment.display.failed(step, error.left)


def _act(deployment: Deployment, step: Step) -> None:
    """Asks the provider, between two saves: that it is about to be asked, and what came of it."""
    old, new = step.old, step.new
    if step.op == "replace":
        return  # the replacement's own steps have done it, or will
    if old and new and step.op in ("same", "update"):
        new.id, new.created, new.modified = old.id, old.created, old.modified
        if step.op == "same" or not new.is_provider:
            new.outputs = old.outputs
    if step.op == "same":
        deployment.checkpoint.save(add=new, drop=old, durable=False)
        return
    if new and step.op == "import":  # it is as it is; only the state learns of it
        new.created = new.modified = now()
        deployment.checkpoint.save(add=new)
        return
    asked = step.resource.custom and not step.resource.is_provider
    ticket = deployment.checkpoint.begin(_PENDING[step.op], step.resource) if asked else None
    try:
        if new:
            new.modified = now()
            new.created = new.created or new.modified
        if asked:
            _ask(deployment, step)
    except ProviderError as error:
        if new and error.partial:
            new.id = error.partial.id or new.id
            new.outputs = from_struct(error.partial.properties)
            new.init_errors = list(error.partial.reasons)
            _save(deployment, step, ticket)
        else:
            deployment.checkpoint.save(ended=ticket)
        raise
    _save(deployment, step, ticket)


def _ask(deployment: Deployment, step: Step) -> None:
    old, new, preview = step.old, step.new, deployment.preview
    if new and step.op.startswith("create"):
        new.id, new.outputs = _create(deployment, new)
        deployment.made[new.urn] = new
    elif new and old:
        new.outputs = provider_of(deployment, new).update(old, new, preview=preview)
    elif old and not preview:
        provider_of(deployment, old).delete(old)


def _create(deployment: Deployment, new: Resource) -> tuple[str, Props]:
    """Creates a resource, or takes over what a killed run has made and couldn't save."""
    try:
        return provider_of(deployment, new).create(new, preview=deployment.preview)
    except ProviderError as error:
        exists = re.search(r"cannot create already existing resource '([^']+)'", str(error))
        if not exists or not deployment.was("creating", new):
            raise
        provider = provider_of(deployment, new)
        made = replace(new, id=exists[1])
        if (found := provider.read(made)) is None:
            raise
    made.id, made.inputs, made.outputs = found
    text = "taken over: an interrupted run had begun to create it, and it exists"
    deployment.display.message(new.urn, "warning", text)
    if not provider.diff(made, new.inputs, new.ignore_changes).changed:
        return made.id, made.outputs
    return made.id, provider.update(made, new, preview=False)


def _save(deployment: Deployment, step: Step, ticket: int | None) -> None:
    """Saves what a step has left: the new entry; the old one, if it is still needed."""
    old, save = step.old, deployment.checkpoint.save
    durable = ticket is not None
    if old and step.op == "delete-replaced" and not old.delete:  # deleted before it is made again
        old.pending_replacement = True
        save(put=old, ended=ticket, durable=durable)
    elif old and step.op == "create-replacement" and not old.pending_replacement:
        old.delete = True  # at the end of the run
        save(add=step.new, put=old, ended=ticket, durable=durable)
    else:
        save(add=step.new, drop=old, ended=ticket, durable=durable)


def _reason(error: ProviderError) -> str:
    if not error.partial:
        return str(error)
    reasons = list(error.partial.reasons)
    lines = "".join(f"\n\t* {reason}" for reason in reasons)
    return f"{len(reasons)} error{'s' if len(reasons) > 1 else ''} occurred:{lines}"
