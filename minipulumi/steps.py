"""The steps of a deployment, and how each is carried out and saved."""

import re
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from minipulumi.plugins import ProviderError
from minipulumi.providers import Diff, Provider
from minipulumi.resources import Resource
from minipulumi.values import Props, from_struct

if TYPE_CHECKING:
    from minipulumi.checkpoint import Checkpoint
    from minipulumi.display import Progress


@dataclass(slots=True)
class Step:
    """One operation on one resource, as planned."""

    op: str  # same create update delete replace create-replacement delete-replaced read refresh
    old: Resource | None
    new: Resource | None
    diff: Diff | None = None
    keys: list[str] = field(default_factory=list[str])  # the properties to name in a row

    @property
    def resource(self) -> Resource:
        """The resource after the step, or before it if nothing is left."""
        resource = self.new or self.old
        assert resource
        return resource


class Stopped(Exception):  # noqa: N818
    """The operation was canceled; no new step may start."""


class Runner:
    """Carries steps out, as many at a time as allowed, and saves each one's result."""

    def __init__(
        self,
        checkpoint: "Checkpoint",
        display: "Progress",
        provider_of: Callable[[Resource], Provider],
        *,
        preview: bool,
        parallel: int,
    ):
        self._checkpoint, self._display, self._provider_of = checkpoint, display, provider_of
        self._preview = preview
        self._slots = threading.Semaphore(parallel)
        self._idle = threading.Condition()
        self._active = 0
        self.stopping = False
        self.failed: dict[str, str] = {}  # URN → message
        self.made: dict[str, Resource] = {}  # created or taken over by this run
        self.broken = False  # a provider failed in a step, not only in a check

    def run(self, step: Step) -> bool:
        """Carries out one step; a failure is shown, recorded and answered with False."""
        with self._slots, self._counted():
            if self.stopping:
                raise Stopped
            return self._act(step)

    def _act(self, step: Step) -> bool:
        act: Callable[[Step], None] = getattr(self, f"_{step.op.replace('-', '_')}")
        started = time.monotonic()
        self._display.started(step)
        try:
            act(step)
        except ProviderError as error:
            self.fail(step, _reason(error))
            return False
        self._display.finished(step, time.monotonic() - started)
        return True

    @contextmanager
    def _counted(self) -> Generator[None]:
        with self._idle:
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def drain(self) -> None:
        """Waits until every step under way has ended."""
        with self._idle:
            while self._active:
                self._idle.wait(0.5)  # with a timeout, so that signals are handled meanwhile

    def fail(self, step: Step, message: str) -> None:
        """Shows and remembers that a step failed."""
        self.failed[step.resource.urn] = message
        self.broken = True
        self._display.message(step.resource.urn, "error", message)
        self._display.failed(step)

    def _same(self, step: Step) -> None:
        old, new = _both(step)
        new.id, new.outputs = old.id, old.outputs
        new.created, new.modified = old.created, old.modified
        self._checkpoint.save(add=[new], drop=[old], durable=False)

    def _create(self, step: Step) -> None:
        new = step.resource
        self._make(new, drop=[step.old] if step.old else [])

    def _create_replacement(self, step: Step) -> None:
        old, new = _both(step)
        if old.pending_replacement:  # deleted first
            self._make(new, drop=[old])
            return
        old.delete = True
        try:
            self._make(new, put=[old])
        except ProviderError as error:
            old.delete = error.partial is not None
            raise

    def _make(
        self, new: Resource, *, put: Sequence[Resource] = (), drop: Sequence[Resource] = ()
    ) -> None:
        new.created = new.modified = now()
        if not new.custom:
            self._checkpoint.save(add=[new], put=put, drop=drop, durable=False)
            return
        ticket = self._checkpoint.begin("creating", new)
        try:
            new.id, new.outputs = self._create_or_take_over(new)
        except ProviderError as error:
            _take_partial(new, error)
            if error.partial:
                self._checkpoint.save(add=[new], put=put, drop=drop, ended=ticket)
            else:
                self._checkpoint.save(ended=ticket)
            raise
        self.made[new.urn] = new
        self._checkpoint.save(add=[new], put=put, drop=drop, ended=ticket)

    def _create_or_take_over(self, new: Resource) -> tuple[str, Props]:
        """Creates a resource, or takes over what a killed run has made and couldn't save."""
        provider = self._provider_of(new)
        try:
            return provider.create(new, preview=self._preview)
        except ProviderError as error:
            exists = re.search(r"cannot create already existing resource '([^']+)'", str(error))
            begun = [op["resource"]["urn"] for op in self._checkpoint.interrupted]
            if not exists or new.urn not in begun:
                raise
            made = replace(new, id=exists[1])
            if (found := provider.read(made)) is None:
                raise
        made.id, made.inputs, made.outputs = found
        text = "taken over: an interrupted run had begun to create it, and it exists"
        self._display.message(new.urn, "warning", text)
        if not provider.diff(made, new.inputs, new.ignore_changes).changed:
            return made.id, made.outputs
        return made.id, provider.update(made, new, preview=False)

    def _update(self, step: Step) -> None:
        old, new = _both(step)
        new.id, new.outputs = old.id, old.outputs
        new.created, new.modified = old.created, now()
        if not new.custom:
            self._checkpoint.save(add=[new], drop=[old], durable=False)
            return
        ticket = self._checkpoint.begin("updating", new)
        try:
            new.outputs = self._provider_of(new).update(old, new, preview=self._preview)
        except ProviderError as error:
            _take_partial(new, error)
            if error.partial:
                self._checkpoint.save(add=[new], drop=[old], ended=ticket)
            else:
                self._checkpoint.save(ended=ticket)
            raise
        self._checkpoint.save(add=[new], drop=[old], ended=ticket)

    def _replace(self, step: Step) -> None:
        """Nothing to do: the replacement's own steps have done it, or will."""

    def _delete(self, step: Step) -> None:
        self._unmake(step.resource, keep=False)

    def _delete_replaced(self, step: Step) -> None:
        self._unmake(step.resource, keep=not step.resource.delete)

    def _unmake(self, old: Resource, *, keep: bool) -> None:
        ticket = None
        if old.custom and not old.external and not old.is_provider and not self._preview:
            ticket = self._checkpoint.begin("deleting", old)
            try:
                self._provider_of(old).delete(old)
            except ProviderError:
                self._checkpoint.save(ended=ticket)
                raise
        if keep:  # deleted before its replacement is made
            old.pending_replacement = True
            self._checkpoint.save(put=[old], ended=ticket)
        else:
            self._checkpoint.save(drop=[old], ended=ticket, durable=ticket is not None)

    def _read(self, step: Step) -> None:
        new = step.resource
        found = self._provider_of(new).read(new)
        if found is None:
            raise missing(new)
        new.id, _, new.outputs = found
        self._checkpoint.save(add=[new], drop=[step.old] if step.old else [])


def missing(resource: Resource) -> ProviderError:
    """The error for a resource that should be read and isn't there."""
    import grpc

    return ProviderError(f"resource '{resource.id}' does not exist", grpc.StatusCode.NOT_FOUND, {})


def _both(step: Step) -> tuple[Resource, Resource]:
    assert step.old and step.new  # noqa: PT018
    return step.old, step.new


def now() -> str:
    """This moment, as checkpoints write it."""
    return f"{datetime.now(UTC).isoformat()[:-6]}Z"


def _take_partial(new: Resource, error: ProviderError) -> None:
    if error.partial:
        new.id = error.partial.id or new.id
        new.outputs = from_struct(error.partial.properties)
        new.init_errors = list(error.partial.reasons)


def _reason(error: ProviderError) -> str:
    if not error.partial:
        return str(error)
    reasons: list[Any] = list(error.partial.reasons)
    lines = "".join(f"\n\t* {reason}" for reason in reasons)
    return f"{len(reasons)} error{'s' if len(reasons) > 1 else ''} occurred:{lines}"
