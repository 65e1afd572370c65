"""Decides what has to be done for one registration of the program."""

import copy
import re
from dataclasses import dataclass, field, replace
from typing import Any, cast

from minipulumi.deployment import Deployment
from minipulumi.errors import Refused
from minipulumi.provider_entries import plan_provider, provider_of
from minipulumi.providers import Diff
from minipulumi.resources import Resource, changed_keys
from minipulumi.step import Step
from minipulumi.values import UNKNOWN, Props


@dataclass(slots=True, kw_only=True)
class Goal:
    """What the program wants one resource to be."""

    new: Resource
    aliases: list[str] = field(default_factory=list[str])
    delete_before_replace: bool | None = None


class Unplannable(Exception):  # noqa: N818
    """This resource can't be planned: its own message, for its own row."""


def plan(deployment: Deployment, goal: Goal) -> list[Step]:
    """Plans one registration; completes `goal.new` on the way."""
    steps = _plan(deployment, goal)
    if any(step.op.startswith("create") for step in steps):
        # What an earlier run replaced and couldn't delete may have the name that is wanted now.
        halves = [old for old in deployment.leftovers if old.urn == goal.new.urn]
        steps = [*(Step("delete-replaced", old, None) for old in halves), *steps]
    return steps


def _plan(deployment: Deployment, goal: Goal) -> list[Step]:
    new = goal.new
    old = _claim(deployment, goal)
    if not deployment.is_target(new):
        if old:
            return [Step("same", old, replace(old))]
        deployment.skipped.add(new.urn)
        return []
    if gap := [urn for urn in new.needs if urn in deployment.skipped]:
        raise Unplannable(
            f"Resource '{new.urn}' depends on '{gap[0]}' which was not specified in --target list."
        )
    if new.is_provider:
        return [plan_provider(deployment, old, new)]
    if new.import_id and (old is None or old.id != new.import_id):
        if old:
            raise Refused(f"'import' over what the state has already (resource '{new.name}')")
        return [_import(deployment, new)]
    recreate = old is not None and (old.pending_replacement or old.urn in deployment.forced)
    if old:
        new.inputs = ignore_changes(new.inputs, old.inputs, new.ignore_changes)
    wanted = new.inputs
    if new.custom:
        olds = old.inputs if old and not recreate else {}
        new.inputs = provider_of(deployment, new).check(new, olds, wanted)
    if old is None or _was_deleted(deployment, old):
        return [Step("create", old, new)]
    keys = changed_keys(old.inputs, new.inputs)
    if recreate:
        keys = keys or deployment.forced.get(old.urn, [])
        return [
            Step("replace", old, new, keys=keys),
            Step("create-replacement", old, new, keys=keys),
        ]
    if not new.custom:
        return [Step("update" if keys else "same", old, new, keys=keys)]
    diff = _diff(deployment, old, new)
    if diff.replaces:
        new.inputs = provider_of(deployment, new).check(new, {}, wanted)
        return _replace(deployment, goal, old, diff)
    if diff.changed or old.init_errors or deployment.was("updating", old):
        return [Step("update", old, new, diff, keys or diff.keys)]
    return [Step("same", old, new, keys=["protect"] if old.protect != new.protect else [])]


def _import(deployment: Deployment, new: Resource) -> Step:
    """Looks at what is to be adopted; the program has to ask for just what is there."""
    provider, wanted = provider_of(deployment, new), new.inputs
    there = replace(new, id=new.import_id, inputs={}, outputs={})
    if (found := provider.read(there)) is None:
        raise Unplannable(f"resource '{new.import_id}' does not exist")
    there.id, there.inputs, there.outputs = found
    new.inputs = provider.check(new, there.inputs, wanted)
    new.inputs = ignore_changes(new.inputs, there.inputs, new.ignore_changes)
    if (diff := provider.diff(there, new.inputs, new.ignore_changes)).changed:
        text = f"inputs to import do not match the existing resource ({', '.join(diff.keys)})"
        if not deployment.preview:
            raise Unplannable(text)
        text = f"{text}; importing this resource will fail"
        deployment.display.message(new.urn, "warning", text)
    new.id, new.outputs = there.id, there.outputs
    return Step("import", None, new)


def _claim(deployment: Deployment, goal: Goal) -> Resource | None:
    """Finds what the state has of the resource, under its name or an earlier one."""
    new = goal.new
    with deployment.lock:
        if new.urn in deployment.news:
            raise Unplannable(f"Duplicate resource URN '{new.urn}'; try giving it a unique name")
        deployment.news[new.urn] = None
        for urn in (new.urn, *goal.aliases):
            if old := deployment.olds.pop(urn, None):
                if urn != new.urn:
                    deployment.renamed[urn] = new.urn
                return old
    return None


def _was_deleted(deployment: Deployment, old: Resource) -> bool:
    """Whether a delete that was interrupted had come through."""
    if not deployment.was("deleting", old) or old.pending_replacement:
        return False
    return provider_of(deployment, old).read(old) is None


def _diff(deployment: Deployment, old: Resource, new: Resource) -> Diff:
    before, after = (r.provider.rsplit("::", 1) for r in (old, new))
    if before != after and not all("::default" in urn for urn, *_ in (before, after)):
        return Diff(True, ["provider"], keys=["provider"])
    return provider_of(deployment, new).diff(old, new.inputs, new.ignore_changes, new.urn)


def _replace(deployment: Deployment, goal: Goal, old: Resource, diff: Diff) -> list[Step]:
    new, keys = goal.new, changed_keys(old.inputs, goal.new.inputs) or diff.keys
    if old.protect and new.protect:
        text = (
            f'unable to replace resource "{old.urn}"\nas it is currently marked for protection.'
            " To unprotect the resource, remove the `protect` flag from the resource in your"
            " Pulumi program and run `pulumi up`"
        )
        if not deployment.preview:
            raise Unplannable(text)
        deployment.forbid(old.urn, text)
    make = Step("create-replacement", old, new, diff, keys)
    swap = Step("replace", old, new, diff, keys)
    delete_first = goal.delete_before_replace
    if not (diff.delete_first if delete_first is None else delete_first):
        return [make, swap]
    with deployment.replacing:
        dependents = _forced_dependents(deployment, old)
    for dependent in dependents:
        if dependent.protect:
            raise Unplannable(cannot_delete(dependent.urn, preview=deployment.preview))
    deletes = [Step("delete-replaced", each, None) for each in (*reversed(dependents), old)]
    return [*deletes, swap, make]


def _forced_dependents(deployment: Deployment, root: Resource) -> list[Resource]:
    """Finds, in order of creation, what can't stay while `root` is deleted and made again."""
    gone, found = {root.urn}, list[Resource]()
    for resource in list(deployment.olds.values()):
        touched = {
            key
            for key, urns in resource.property_dependencies.items()
            if key in resource.inputs and not gone.isdisjoint(urns)
        }
        done = resource.urn in deployment.forced or resource.pending_replacement
        if not touched or not resource.provider or done:
            continue
        news = {k: UNKNOWN if k in touched else v for k, v in resource.inputs.items()}
        diff = provider_of(deployment, resource).diff(resource, news, [])
        with deployment.lock:
            if diff.replaces and resource.urn in deployment.olds:  # still not registered
                gone.add(resource.urn)
                deployment.forced[resource.urn] = sorted(diff.replaces)
                found.append(resource)
    return found


def ignore_changes(news: Props, olds: Props, paths: list[str]) -> Props:
    """Puts the old values back where the program said that changes don't matter."""
    result: Any = copy.deepcopy(news) if paths else news
    for path in paths:
        *steps, last = property_path(path)
        source: Any = olds
        node = result
        try:
            for step in steps:
                source, node = source[step], node[step]
            node[last] = copy.deepcopy(source[last])
        except (KeyError, IndexError, TypeError):
            if isinstance(node, dict):
                cast("Props", node).pop(str(last), None)
    return result


def property_path(path: str) -> list[str | int]:
    """Splits `a.b[0]["c.d"]` into its steps."""
    steps = re.findall(r'([^.\[\]]+)|\[(\d+)\]|\["([^"]*)"\]', path)
    return [int(index) if index else quoted or name for name, index, quoted in steps]


def cannot_delete(urn: str, *, preview: bool) -> str:
    """The real engine's words for a protected resource."""
    return (
        f'{"Preview" if preview else "Update"} failed: resource "{urn}" cannot be deleted\n'
        "because it is protected. To unprotect the resource, either remove the `protect` flag from"
        " the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
        f"`pulumi state unprotect '{urn}'`"
    )
