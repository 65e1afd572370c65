"""What the parts of one run over a stack share."""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from minipulumi.backend import Stack
from minipulumi.checkpoint import Checkpoint
from minipulumi.display import Display
from minipulumi.errors import Refused
from minipulumi.plugins import PluginHost
from minipulumi.policies import PolicyPack
from minipulumi.providers import Provider
from minipulumi.resources import STACK, Resource, make_urn
from minipulumi.settings import Setting
from minipulumi.values import Props, has_unknown


class Stopped(Exception):  # noqa: N818
    """The operation was canceled; no new step may start."""


@dataclass(slots=True)
class Deployment:
    """The state of one run: a preview, or the update itself."""

    stack: Stack
    settings: Mapping[str, Setting]
    checkpoint: Checkpoint
    display: Display
    host: PluginHost
    _: KW_ONLY
    preview: bool
    parallel: int = 8
    targets: frozenset[str] = frozenset()

    olds: dict[str, Resource] = field(default_factory=dict[str, Resource])  # not yet registered
    leftovers: list[Resource] = field(default_factory=list[Resource])  # an earlier run's to delete
    # All that the program has registered: what it is now, None as long as that isn't in order.
    news: dict[str, Resource | None] = field(default_factory=dict[str, Resource | None])
    made: dict[str, Resource] = field(default_factory=dict[str, Resource])  # created in this run
    renamed: dict[str, str] = field(default_factory=dict[str, str])  # old URN → new URN (aliases)
    forced: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # deleted first
    skipped: set[str] = field(default_factory=set[str])  # new ones that aren't among the targets
    failed: set[str] = field(default_factory=set[str])
    left: list[str] = field(default_factory=list[str])  # not attempted, as what they need failed
    providers: dict[str, Provider] = field(default_factory=dict[str, Provider])  # configured
    plugins: list[Provider] = field(default_factory=list[Provider])  # all that were started
    packs: list[PolicyPack] = field(default_factory=list[PolicyPack])
    outputs: Props | None = None  # the stack's, as the program says
    erred: bool = False
    broken: bool = False  # a provider failed, or something must not happen
    stopping: bool = False
    terminated: bool = False  # what is still under way is given up
    refusal: Refused | None = None
    on_halt: Callable[[], None] = lambda: None  # stops the program

    lock: threading.RLock = field(default_factory=threading.RLock)  # around the tables above
    replacing: threading.Lock = field(default_factory=threading.Lock)  # by one at a time
    locks: dict[str, threading.RLock] = field(default_factory=dict[str, threading.RLock])
    slots: threading.Semaphore = field(init=False)  # what may be under way at once
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(64))

    def __post_init__(self) -> None:
        self.slots = threading.Semaphore(self.parallel)
        self.read_state()

    def read_state(self) -> None:
        """Plans from the checkpoint as it is now; a refresh changes it."""
        resources = self.checkpoint.resources()
        self.olds = {resource.urn: resource for resource in resources if not resource.delete}
        self.leftovers = [resource for resource in resources if resource.delete]

    def urn(self, parent: str, type_: str, name: str) -> str:
        """The URN of a resource of this stack."""
        return make_urn(self.stack.name, self.stack.project.name, parent, type_, name)

    @property
    def stack_urn(self) -> str:
        """The URN of the stack itself."""
        return self.urn("", STACK, f"{self.stack.project.name}-{self.stack.name}")

    @property
    def unsuccessful(self) -> bool:
        """Whether anything went wrong so far."""
        return bool(self.failed) or self.erred

    def is_target(self, resource: Resource) -> bool:
        """Whether the run may touch this resource."""
        return not self.targets or resource.is_provider or resource.urn in self.targets

    def was(self, operation: str, resource: Resource) -> bool:
        """Whether an earlier run was doing this to the resource when it was killed."""
        known = self.checkpoint.interrupted.values()
        return any(
            (each["type"], each["resource"]["urn"]) == (operation, resource.urn) for each in known
        )

    def lock_of(self, urn: str) -> threading.RLock:
        """Held by whoever sees to it that a provider is configured, and once only."""
        with self.lock:
            return self.locks.setdefault(urn, threading.RLock())

    def told(self, line: str) -> None:
        """Shows what the program prints."""
        if not self.stopping:
            self.display.message(self.stack_urn, "info", line)

    def report(self, urn: str, text: str) -> None:
        """Shows an error that fails the run."""
        self.erred = True
        self.display.message(urn, "error", text)

    def forbid(self, urn: str, text: str) -> None:
        """Shows why something planned must not happen."""
        self.broken = True
        self.report(urn, text)

    def halt(self) -> None:
        """Starts no further step and stops the program."""
        self.stopping = True
        self.on_halt()

    def judge(self, resource: Resource) -> bool:
        """Holds a resource against the policies; False where it must not be made."""
        found = [one for pack in self.packs for one in pack.judge(resource)]
        return self._allowed(any(one.mandatory for one in found))

    def judge_stack(self) -> bool:
        """Holds the whole stack against the policies."""
        resources = [one for one in self.news.values() if one is not None]
        found = [one for pack in self.packs for one in pack.judge_stack(resources)]
        return self._allowed(any(one.mandatory for one in found))

    def _allowed(self, broken: bool) -> bool:
        if broken:
            self.broken = self.erred = True
        return self.preview or not broken  # a preview goes on, to tell all of it

    def drain(self) -> None:
        """Waits until everything under way has ended, and lets nothing begin."""
        for _ in range(self.parallel):
            self.slots.acquire()

    def side_by_side(self, action: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Does the same with many, as many at a time as allowed."""

        def one(item: Any) -> Any:
            with self.slots:
                if self.stopping:
                    raise Stopped
                return action(item)

        return list(self.threads.map(one, items))

    def register_outputs(self, urn: str, outputs: Props) -> None:
        """Takes the outputs of a component, or of the stack: they count if all ends well."""
        if urn == self.stack_urn:
            self.outputs = outputs
        elif (resource := self.news.get(urn)) and (self.preview or not has_unknown(outputs)):
            resource.outputs = outputs
            self.checkpoint.save(put=resource, durable=False)

    def save_outputs(self) -> None:
        """Saves the stack's outputs; after a failure they stay as they were."""
        stack = self.news.get(self.stack_urn)
        if stack and self.outputs is not None and not self.unsuccessful:
            # What a skipped resource left unknown stays as it was.
            known = {k: v for k, v in self.outputs.items() if not has_unknown(v)}
            rest = {k: v for k, v in stack.outputs.items() if k in self.outputs}
            stack.outputs = dict(sorted({**rest, **known}.items()))
            self.checkpoint.save(put=stack)

    def settled(self, *, refreshed: bool) -> list[int]:
        """The places of what an earlier run left unfinished and this one has brought in order.

        A pending create stays until the very same thing has been made: it may exist unseen. (The
        real engine keeps it even then.)
        """
        exists = {resource.urn for resource in self.checkpoint.resources()}
        found = list[int]()
        for place, pending in self.checkpoint.interrupted.items():
            urn, inputs = pending["resource"]["urn"], pending["resource"].get("inputs", {})
            done = refreshed or self.news.get(urn) or urn not in exists
            if pending["type"] == "creating":
                made = self.made.get(urn)
                done = made is not None and made.inputs == self.checkpoint.cipher.open(inputs)
            if done:
                found.append(place)
        return found

    def close(self) -> None:
        """Ends every plugin; nothing is left running."""
        for provider in self.plugins:
            provider.close()
        for pack in self.packs:
            pack.plugin.close()
        self.host.close()
