"""One run over a stack: registrations in, steps out, then what has to be deleted."""

import json
import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from minipulumi.checkpoint import Checkpoint
from minipulumi.config import Setting
from minipulumi.display import Progress
from minipulumi.errors import PulumiError, Refused
from minipulumi.planner import (
    Goal,
    Planner,
    Targets,
    Unplannable,
    cannot_delete,
    not_targeted,
)  # fmt: skip
from minipulumi.plugins import PluginHost, ProviderError
from minipulumi.project import Project
from minipulumi.providers import CheckFailed, Provider, changed_keys
from minipulumi.resources import PROVIDERS, STACK, Resource, make_urn, normalize, urn_type
from minipulumi.steps import Runner, Step, Stopped, now
from minipulumi.values import UNKNOWN, Props, has_unknown, mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says about a run."""

    preview: bool
    parallel: int = 8
    targets: Targets = field(default_factory=Targets)


class Deployment:
    """The state of a run that the program's registrations, deletes and refreshes share."""

    def __init__(
        self,
        project: Project,
        stack: str,
        settings: dict[str, Setting],
        checkpoint: Checkpoint,
        display: Progress,
        options: Options,
    ):
        self.project, self.stack, self.settings = project, stack, settings
        self.checkpoint, self.display, self.options = checkpoint, display, options
        self.preview = options.preview
        self.stack_urn = make_urn(stack, project.name, "", STACK, f"{project.name}-{stack}")
        self.runner = Runner(
            checkpoint, display, self.provider_of,
            preview=options.preview, parallel=options.parallel,
        )  # fmt: skip
        self.replan()
        self.news: dict[str, Resource] = {}
        self.halted = threading.Event()  # set when the program has to be stopped
        self.errors = 0
        self.stack_outputs: Props | None = None
        self.left: list[str] = []  # not attempted, because of a failure elsewhere
        self._asking = threading.Semaphore(options.parallel)  # registrations being planned
        self._providers: dict[str, Provider] = {}
        self._started: list[Provider] = []
        self._provider_locks: dict[str, threading.RLock] = {}
        self._spawner = ThreadPoolExecutor(1, "spawner")
        self._engine = ""
        self._host: PluginHost | None = None

    def replan(self) -> None:
        """Starts planning from the checkpoint as it is now (after a refresh it has changed)."""
        # Old halves of replacements that an earlier run could not delete.
        self._leftovers = [r for r in self.checkpoint.resources() if r.delete]
        interrupted = {op["resource"]["urn"]: op["type"] for op in self.checkpoint.interrupted}
        self.planner = Planner(
            self.checkpoint.resources(), self.options.targets, self.provider_of, self.refuse,
            preview=self.preview, interrupted=interrupted,
        )  # fmt: skip

    @property
    def failed(self) -> bool:
        """Whether anything went wrong so far."""
        return bool(self.runner.failed) or self.errors > 0

    def attach(self, engine: str) -> None:
        """Tells where plugins and the program reach this engine."""
        self._engine = engine
        packages: dict[str, Props] = {}
        for key, setting in self.settings.items():
            packages.setdefault(key.split(":")[0], {})[key.split(":", 1)[1]] = setting.text
        config = {package: json.dumps(values) for package, values in packages.items()}
        self._host = PluginHost(self.project, self._spawner, engine, config)

    def report(self, urn: str, text: str) -> None:
        """Shows an error that fails the run."""
        self.errors += 1
        self.display.message(urn, "error", text)

    def refuse(self, urn: str, text: str) -> None:
        """Shows why something planned must not happen."""
        self.runner.broken = True
        self.report(urn, text)

    def halt(self) -> None:
        """Starts no further step and has the program stopped."""
        self.runner.stopping = True
        self.halted.set()

    def close(self) -> None:
        """Ends every plugin; nothing is left running."""
        for provider in self._started:
            provider.cancel()
        for plugin in self._host.running if self._host else []:
            plugin.close()
        self._spawner.shutdown()

    def register(self, goal: Goal) -> Resource | None:
        """Brings one resource to what the program wants; None if that failed or wasn't tried."""
        new = goal.new
        if self.runner.stopping:
            raise Stopped
        if not self.runner.failed.keys().isdisjoint(new.needs):
            self.runner.failed[new.urn] = "not attempted"
            self.left.append(new.urn)
            self.planner.seen.add(new.urn)
            return None
        try:
            with self._asking:
                steps = self.planner.plan(goal)
        except (Unplannable, CheckFailed, ProviderError) as error:
            return self._unplanned(new, error)
        if not steps:
            return None
        if not all(self.runner.run(step) for step in steps):
            return None
        self.news[new.urn] = new
        return new

    def _unplanned(self, new: Resource, error: Exception) -> None:
        self.runner.failed[new.urn] = str(error)
        texts = [str(error)]
        if isinstance(error, CheckFailed):
            texts = [f"{new.type} resource '{new.name}': {text}" for _, text in error.failures]
        self.runner.broken |= not isinstance(error, CheckFailed)
        for text in texts:
            self.report(new.urn, text)

    def register_outputs(self, urn: str, outputs: Props) -> None:
        """Takes the outputs of the stack or a component."""
        if urn == self.stack_urn:
            self.stack_outputs = outputs  # they count once the program has ended well
        elif (resource := self.news.get(urn)) and (self.preview or not has_unknown(outputs)):
            resource.outputs = outputs
            self.checkpoint.save(put=[resource], durable=False)

    def save_stack_outputs(self) -> None:
        """Saves the stack's outputs; after a failure they stay as they were."""
        stack = self.news.get(self.stack_urn)
        if stack and self.stack_outputs is not None and not self.failed:
            # What a skipped resource left unknown stays as it was.
            known = {k: v for k, v in self.stack_outputs.items() if not has_unknown(v)}
            rest = {k: v for k, v in stack.outputs.items() if k in self.stack_outputs}
            stack.outputs = dict(sorted({**rest, **known}.items()))
            self.checkpoint.save(put=[stack])

    def settle(self, *, refreshed: bool = False, clear_creates: bool = False) -> None:
        """Forgets what an earlier run left unfinished and this one has brought in order.

        A pending create stays until the very same thing has been made: it may exist unseen. (The
        real engine keeps it even then.)
        """
        exists = {resource.urn for resource in self.checkpoint.resources()}

        def settled(pending: Props) -> bool:
            urn = pending["resource"]["urn"]
            if pending["type"] == "creating":
                inputs = self.checkpoint.cipher.open(pending["resource"].get("inputs") or {})
                made = self.runner.made.get(urn)
                return clear_creates or bool(made and made.inputs == inputs)
            return refreshed or urn in self.news or urn not in exists

        self.checkpoint.forget_pending(op for op in self.checkpoint.interrupted if settled(op))

    def delete_what_left(self) -> None:
        """Deletes what the program no longer has, and the old halves of replacements."""
        if self.planner.renamed:
            for resource in self.checkpoint.kept():
                if normalize(resource, self.planner.renamed):
                    self.checkpoint.save(put=[resource], durable=False)
        condemned = self.checkpoint.kept()
        if outside := [r for r in condemned if not r.delete and not self.planner.is_target(r)]:
            for resource in outside:
                if not resource.is_provider:
                    self.refuse(resource.urn, not_targeted(resource.urn))
            return
        if self.options.targets.urns:
            condemned = [r for r in condemned if not r.is_provider]
        self.delete(condemned)

    def delete(self, condemned: list[Resource]) -> None:
        """Deletes resources in waves: nothing before everything that needs it is gone."""
        stays: set[str] = set()
        for resource in reversed(condemned):
            if resource.protect and not resource.delete:
                self.refuse(resource.urn, cannot_delete(resource.urn, preview=self.preview))
                self.display.failed(Step("delete", resource, None))
            if resource.urn in stays or (resource.protect and not resource.delete):
                stays.update((resource.urn, *resource.needs))
        if stays and not self.preview:
            return
        pool = ThreadPoolExecutor(self.options.parallel)
        try:
            for wave in _waves(condemned):
                steps = [self._delete_step(r) for r in wave if r.urn not in stays]
                if not all(side_by_side(pool, self.runner.run, steps)):
                    return
        finally:
            pool.shutdown(wait=False)

    def _delete_step(self, old: Resource) -> Step:
        if not old.delete:
            return Step("delete", old, None)
        new = self.news.get(old.urn) if old not in self._leftovers else None
        keys = changed_keys(old.inputs, new.inputs) if new else []
        return Step("delete-replaced", old, None, keys=keys)

    def destroy(self) -> None:
        """Deletes everything, or the targets and, if asked for, what depends on them."""
        resources = self.checkpoint.resources()
        for urn in self.planner.unknown_targets():
            self.report(self.stack_urn, unknown_target(urn))
        for resource in resources:
            if resource.provider and not resource.external:
                self.provider_of(resource)  # all of them can be reached, before anything is deleted
        if not self.options.targets.urns:
            self.delete(resources)
            return
        doomed, urns = list[Resource](), set[str]()
        for resource in resources:
            hit = not resource.is_provider and self.planner.is_target(resource)
            if hit or not urns.isdisjoint(resource.needs):
                doomed.append(resource)
                urns.add(resource.urn)
                if not hit:
                    self.refuse(resource.urn, not_targeted(resource.urn))
        if not self.failed:
            self.checkpoint_order(doomed)
            self.delete(doomed)

    def checkpoint_order(self, doomed: list[Resource]) -> None:
        """Counts what stays as unchanged."""
        urns = {resource.urn for resource in doomed}
        for resource in self.checkpoint.resources():
            if resource.urn not in urns:
                self.display.finished(Step("same", resource, resource), 0)

    def default_provider(self, package: str, version: str) -> str:
        """Registers the package's default provider once; gives its reference."""
        suffix = (
            f"_{version.replace('.', '_').replace('-', '_').replace('+', '_')}" if version else ""
        )
        name, type_ = f"default{suffix}", f"{PROVIDERS}{package}"
        urn = make_urn(self.stack, self.project.name, "", type_, name)
        with self._lock_of(urn):
            if (made := self.news.get(urn)) is None:
                inputs = self._settings_of(package)
                if version:
                    inputs |= {"version": version}
                inputs = dict(sorted(inputs.items()))
                made = self.register_provider(
                    Resource(urn=urn, custom=True, type=type_, inputs=inputs)
                )
            if made is None:
                raise ProviderError(f"the default provider of '{package}' failed", None, {})  # pyright: ignore[reportArgumentType]
            return f"{made.urn}::{made.id}"

    def _settings_of(self, package: str) -> Props:
        def value(setting: Setting) -> Any:
            return mark(setting.text) if setting.secret else setting.text

        if package == "pulumi-python":  # dynamic providers see all of the stack's settings
            return {key: value(setting) for key, setting in self.settings.items()}
        return {
            key.split(":", 1)[1]: value(setting)
            for key, setting in self.settings.items()
            if key.startswith(f"{package}:")
        }

    def register_provider(self, new: Resource) -> Resource | None:
        """Checks, compares and configures a provider entry, default or explicit."""
        if has_unknown(new.inputs):
            raise Refused(f"provider '{new.name}' with settings known only after an update")
        old = self.planner.olds.get(new.urn)
        self.planner.seen.add(new.urn)
        wanted = {k: v for k, v in new.inputs.items() if k != "__internal"}
        before = {k: v for k, v in old.inputs.items() if k != "__internal"} if old else {}
        provider = self._start(new.urn, new.type.rsplit(":", 1)[-1], str(wanted.get("version", "")))
        step = Step("same" if old else "create", old, new)
        try:
            checked = provider.check_config(before, wanted)
            new.inputs = {"__internal": {}, **checked} if "version" in checked else checked
            if old is None:
                new.id = UNKNOWN if self.preview else str(uuid.uuid4())
                provider.configure(checked, new.id)
            else:
                diff = provider.diff_config(old.outputs, before, checked)
                if diff.replaces:
                    raise Refused(f"the replacement of provider '{new.name}' ({diff.replaces[0]})")
                step.op, new.id = "update" if diff.changed else "same", old.id
                if diff.changed or new.urn not in self._providers:
                    provider.configure(checked if diff.changed else before, old.id)
                else:
                    provider = self._providers[new.urn]  # configured by a refresh, and unchanged
        except (ProviderError, CheckFailed) as error:
            return self._unplanned(new, error)
        self._providers[new.urn] = provider
        self._save_provider(step, checked)
        self.news[new.urn] = new
        return new

    def _save_provider(self, step: Step, outputs: Props) -> None:
        """Saves a provider as the real engine does, pending operation and all; shows nothing."""
        old, new = step.old, step.resource
        if old and step.op == "same":
            new.outputs, new.created, new.modified = old.outputs, old.created, old.modified
            self.checkpoint.save(add=[new], drop=[old], durable=False)
            return
        new.outputs, new.modified = outputs, now()
        new.created = old.created if old else new.modified
        self.checkpoint.save(add=[new], drop=[old] if old else [], durable=False)

    def provider_of(self, resource: Resource) -> Provider:
        """The configured provider of a resource; one that only the state knows is started now."""
        urn, id_ = resource.provider.rsplit("::", 1)
        if urn in self._providers:
            return self._providers[urn]
        with self._lock_of(urn):
            if urn in self._providers:
                return self._providers[urn]
            entry = self.planner.olds.get(urn)
            if entry is None:
                raise PulumiError(
                    f"the state has no entry of {urn}, the provider of {resource.urn}"
                )
            version = str(entry.inputs.get("version", ""))
            provider = self._start(urn, urn_type(urn).rsplit(":", 1)[-1], version)
            provider.configure(entry.inputs, id_)
            self._providers[urn] = provider
            return provider

    def _start(self, urn: str, package: str, version: str) -> Provider:
        assert self._host
        plugin, ambient = self._host.start(package, version)
        if ambient:
            text = f"using pulumi-resource-{package} from $PATH at {ambient}"
            self.display.message(self.stack_urn, "warning", text)
        provider = Provider(plugin, urn, self._engine)
        self._started.append(provider)
        return provider

    def _lock_of(self, urn: str) -> threading.RLock:
        return self._provider_locks.setdefault(urn, threading.RLock())


def side_by_side(pool: Executor, action: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Maps in parallel; waits so that signals are handled meanwhile."""
    futures = [pool.submit(action, item) for item in items]
    while wait(futures, timeout=0.5).not_done:
        pass
    return [future.result() for future in futures]


def unknown_target(urn: str) -> str:
    """The real engine's words for a target that nobody knows."""
    return (
        f"Target '{urn}' could not be found in the stack. Did you forget to escape $ in your shell?"
    )


def _waves(condemned: list[Resource]) -> list[list[Resource]]:
    """Sorts deletes into waves as the real engine does: by depth from the roots, deepest first."""
    depth: dict[str, int] = {}
    waves: list[list[Resource]] = []
    for resource in condemned:  # in dependency order: what is needed comes first
        level = 1 + max((depth.get(urn, -1) for urn in resource.needs), default=-1)
        depth[resource.urn] = max(level, depth.get(resource.urn, 0))
        while len(waves) <= level:
            waves.append([])
        waves[level].append(resource)
    return [list(reversed(wave)) for wave in reversed(waves)]
