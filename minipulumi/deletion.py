"""Deletes: what left the program, the old halves of replacements, or everything."""

from minipulumi.deployment import Deployment
from minipulumi.planning import cannot_delete
from minipulumi.provider_entries import provider_of
from minipulumi.resources import Resource, changed_keys, follow_renames
from minipulumi.step import Step
from minipulumi.steps import perform


def delete_what_left(deployment: Deployment) -> None:
    """Deletes what the program no longer has, and the old halves of replacements."""
    condemned = deployment.checkpoint.untouched()
    if deployment.renamed:
        for resource in condemned:
            follow_renames(resource, deployment.renamed)
            deployment.checkpoint.save(put=resource, durable=False)
    if deployment.targets:
        condemned = [resource for resource in condemned if not resource.is_provider]
    _delete(deployment, condemned)


def destroy(deployment: Deployment) -> None:
    """Deletes everything, or the targets."""
    report_unknown_targets(deployment)
    resources, doomed = deployment.checkpoint.resources(), dict[str, Resource]()
    for resource in resources:
        if resource.provider:
            provider_of(deployment, resource)  # all can be reached before anything is deleted
        hit = deployment.is_target(resource) and not (deployment.targets and resource.is_provider)
        if hit or not doomed.keys().isdisjoint(resource.needs):
            doomed[resource.urn] = resource
    _delete(deployment, [resource for resource in resources if resource.urn in doomed])
    for resource in resources:
        if resource.urn not in doomed and not deployment.broken:
            deployment.display.finished(Step("same", resource, resource), 0)


def report_unknown_targets(deployment: Deployment) -> None:
    """Says which targets neither the state nor the program has."""
    known = {resource.urn for resource in deployment.checkpoint.resources()}
    for urn in sorted(deployment.targets - known - deployment.news.keys()):
        text = f"Target '{urn}' could not be found in the stack."
        hint = "Did you forget to escape $ in your shell?"
        deployment.report(deployment.stack_urn, f"{text} {hint}")


def _delete(deployment: Deployment, condemned: list[Resource]) -> None:
    """Deletes resources in waves: nothing before everything that needs it is gone."""
    stays: set[str] = set()
    for resource in reversed(condemned):
        if not resource.delete and not deployment.is_target(resource):
            stays.add(resource.urn)
            text = "will be destroyed but was not specified in --target list.\nEither include"
            hint = "resource in --target list or pass --target-dependents to proceed."
            deployment.forbid(resource.urn, f"Resource '{resource.urn}' {text} {hint}")
        if protected := resource.protect and not resource.delete:
            text = cannot_delete(resource.urn, preview=deployment.preview)
            deployment.forbid(resource.urn, text)
            deployment.display.failed(Step("delete", resource, None))
        if protected or resource.urn in stays:
            stays.update((resource.urn, *resource.needs))
    if deployment.erred and not deployment.preview:
        return
    for wave in _waves(condemned):
        steps = [_step(deployment, resource) for resource in wave if resource.urn not in stays]
        if not all(deployment.side_by_side(lambda step: perform(deployment, step), steps)):
            return


def _step(deployment: Deployment, old: Resource) -> Step:
    if not old.delete:
        return Step("delete", old, None)
    # One that an earlier run left behind says nothing of what this one changed.
    new = None if old in deployment.leftovers else deployment.news.get(old.urn)
    keys = changed_keys(old.inputs, new.inputs) if new else []
    return Step("delete-replaced", old, None, keys=keys)


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
