"""Decides what has to be done for one registration of the program."""

import copy
import fnmatch
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from minipulumi.config import parse_path
from minipulumi.errors import PulumiError
from minipulumi.providers import Diff, Provider, changed_keys
from minipulumi.resources import Resource
from minipulumi.steps import Step
from minipulumi.values import UNKNOWN, Props


@dataclass(slots=True, kw_only=True)
class Goal:
    """What the program wants one resource to be."""

    new: Resource
    aliases: list[str] = field(default_factory=list[str])
    delete_before_replace: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The selection of `--target` and `--replace`."""

    urns: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()
    dependents: bool = False


class Unplannable(Exception):  # noqa: N818
    """This resource can't be planned: its own message, for its own row."""


class Planner:
    """Plans registrations against the state as it was before the run."""

    def __init__(
        self,
        olds: list[Resource],
        targets: Targets,
        provider_of: Callable[[Resource], Provider],
        error: Callable[[str, str], None],
        *,
        preview: bool,
        interrupted: Mapping[str, str] | None = None,
    ):
        self._interrupted = interrupted or {}  # URN → what an earlier run was doing with it
        self.olds = {r.urn: r for r in olds if not r.delete}
        self._targets, self._targeted = targets, set(targets.urns)
        self._provider_of, self._error, self._preview = provider_of, error, preview
        self._lock = threading.Lock()
        self.seen: set[str] = set()
        self.renamed: dict[str, str] = {}  # old URN → new URN, of resources found by alias
        self._claimed: set[str] = set()
        self._forced: dict[str, list[str]] = {}  # deleted first for somebody else's replacement
        self.skipped: set[str] = set()

    def plan(self, goal: Goal) -> list[Step]:
        """Plans one registration; completes `goal.new` on the way.

        The bookkeeping is one registration's at a time; the provider is asked side by side.
        """
        new = goal.new
        with self._lock:
            if new.urn in self.seen:
                text = f"Duplicate resource URN '{new.urn}'; try giving it a unique name"
                raise Unplannable(text)
            self.seen.add(new.urn)
            old = self._find(goal)
            if not self.is_target(new):
                return self._leave(old, new)
            recreate = old is not None and (old.pending_replacement or old.urn in self._forced)
        if (gap := next((u for u in new.needs if u in self.skipped), None)) is not None:
            text = (
                f"Resource '{new.urn}' depends on '{gap}' which was not specified in --target list."
            )
            raise Unplannable(text)
        if old:
            new.inputs = ignore_changes(new.inputs, old.inputs, new.ignore_changes)
        wanted = new.inputs
        if new.custom:
            olds = old.inputs if old and not recreate and not old.external else {}
            new.inputs = self._provider_of(new).check(new, olds, wanted)
        if old is None or old.external or self._was_deleted(old):
            return [Step("create", old, new)]
        if recreate:
            keys = changed_keys(old.inputs, new.inputs) or self._forced.get(old.urn, [])
            return [
                Step("replace", old, new, keys=keys),
                Step("create-replacement", old, new, keys=keys),
            ]
        return self._change(goal, old, wanted)

    def _was_deleted(self, old: Resource) -> bool:
        """Whether a delete that was interrupted had come through."""
        if self._interrupted.get(old.urn) != "deleting" or old.pending_replacement:
            return False
        return self._provider_of(old).read(old) is None

    def is_target(self, resource: Resource) -> bool:
        """Whether the run may touch this resource; its dependents join if asked to."""
        if not self._targets.urns or resource.is_provider:
            return True
        if resource.urn in self._targeted:
            return True
        if self._targets.dependents and not self._targeted.isdisjoint(resource.needs):
            self._targeted.add(resource.urn)
            return True
        return False

    def unknown_targets(self) -> list[str]:
        """Targets that neither the state nor the program has."""
        known = {*self.olds, *self.seen}
        return sorted((self._targets.urns | self._targets.replace) - known)

    def _find(self, goal: Goal) -> Resource | None:
        for urn in (goal.new.urn, *goal.aliases):
            if (
                (old := self.olds.get(urn))
                and urn not in self._claimed
                and urn not in self.seen - {goal.new.urn}
            ):
                self._claimed.add(urn)
                if urn != goal.new.urn:
                    self.renamed[urn] = goal.new.urn
                return old
        return None

    def _leave(self, old: Resource | None, new: Resource) -> list[Step]:
        if old is None:
            self.skipped.add(new.urn)
            return []
        kept = copy.copy(old)
        for name in Resource.__slots__:
            setattr(new, name, getattr(kept, name))
        return [Step("same", old, new)]

    def _change(self, goal: Goal, old: Resource, wanted: Props) -> list[Step]:
        new = goal.new
        if new.urn in self._targets.replace:
            diff = Diff(True, keys=changed_keys(old.inputs, new.inputs))
            with self._lock:
                return self._replace(goal, old, diff)
        if not new.custom:
            keys = changed_keys(old.inputs, new.inputs)
            return [Step("update" if keys else "same", old, new, keys=keys)]
        diff = self._diff(old, new)
        if diff.replaces:
            new.inputs = self._provider_of(new).check(new, {}, wanted)
            with self._lock:
                return self._replace(goal, old, diff)
        if diff.changed or old.init_errors or self._interrupted.get(old.urn) == "updating":
            return [
                Step("update", old, new, diff, changed_keys(old.inputs, new.inputs) or diff.keys)
            ]
        keys = ["protect"] if old.protect != new.protect else []
        return [Step("same", old, new, keys=keys)]

    def _diff(self, old: Resource, new: Resource) -> Diff:
        before, after = (r.provider.rsplit("::", 1) for r in (old, new))
        defaults = all("::default" in urn for urn, _ in (before, after))
        if before != after and not defaults and old.provider:
            return Diff(True, ["provider"], keys=["provider"])
        return self._provider_of(new).diff(old, new.inputs, new.ignore_changes, new.urn)

    def _replace(self, goal: Goal, old: Resource, diff: Diff) -> list[Step]:
        new, keys = goal.new, changed_keys(old.inputs, goal.new.inputs) or diff.keys
        if old.protect and new.protect:
            text = (
                f'unable to replace resource "{old.urn}"\nas it is currently marked for protection.'
                " To unprotect the resource, remove the `protect` flag from the resource in your"
                " Pulumi program and run `pulumi up`"
            )
            if not self._preview:
                raise Unplannable(text)
            self._error(old.urn, text)
        delete_first = goal.delete_before_replace
        if delete_first is None:
            delete_first = diff.delete_first
        make = Step("create-replacement", old, new, diff, keys)
        swap = Step("replace", old, new, diff, keys)
        if not delete_first:
            return [make, swap]
        steps: list[Step] = []
        for dependent in reversed(self._forced_dependents(old)):
            if dependent.protect:
                raise Unplannable(cannot_delete(dependent.urn, preview=self._preview))
            steps.append(Step("delete-replaced", dependent, None))
        self._forced[old.urn] = keys
        return [*steps, Step("delete-replaced", old, None), swap, make]

    def _forced_dependents(self, root: Resource) -> list[Resource]:
        """Finds, in order of creation, what can't stay while `root` is deleted and made again."""
        forced, found = {root.urn}, list[Resource]()
        for resource in self.olds.values():
            if not resource.custom or resource.external or resource.is_provider:
                continue
            touched = {
                key
                for key, urns in resource.property_dependencies.items()
                if key in resource.inputs and not forced.isdisjoint(urns)
            }
            done = resource.urn in self._forced or resource.urn in self._claimed
            if not touched or done or resource.pending_replacement:
                continue
            news = {k: UNKNOWN if k in touched else v for k, v in resource.inputs.items()}
            diff = self._provider_of(resource).diff(resource, news, [])
            if diff.replaces:
                forced.add(resource.urn)
                self._forced[resource.urn] = sorted(diff.replaces)
                found.append(resource)
        return found


def ignore_changes(news: Props, olds: Props, paths: list[str]) -> Props:
    """Puts the old values back where the program said that changes don't matter."""
    result = copy.deepcopy(news) if paths else news
    for path in paths:
        *steps, last = parse_path(path)
        source: Any = olds
        node: Any = result
        try:
            for step in steps:
                source, node = source[step], node[step]
            value = source[last]
        except (KeyError, IndexError, TypeError):
            if isinstance(node, dict):
                cast("Props", node).pop(str(last), None)
            continue
        node[last] = copy.deepcopy(value)
    return result


def cannot_delete(urn: str, *, preview: bool) -> str:
    """The real engine's words for a protected resource."""
    return (
        f'{"Preview" if preview else "Update"} failed: resource "{urn}" cannot be deleted\n'
        "because it is protected. To unprotect the resource, either remove the `protect` flag from"
        " the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
        f"`pulumi state unprotect '{urn}'`"
    )


def not_targeted(urn: str) -> str:
    """The real engine's words for a delete that the targets don't include."""
    return (
        f"Resource '{urn}' will be destroyed but was not specified in --target list.\n"
        "Either include resource in --target list or pass --target-dependents to proceed."
    )


def expand(patterns: list[str], known: list[str]) -> frozenset[str]:
    """Resolves `*` in targets against the state; plain URNs stay as they are."""
    found = {u for p in patterns for u in (fnmatch.filter(known, p) if "*" in p else [p])}
    if patterns and not found:
        raise PulumiError(f"no resource matches --target {' '.join(patterns)}")
    return frozenset(found)
