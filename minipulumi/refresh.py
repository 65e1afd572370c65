"""Refresh: reads every resource and takes what it finds into the state."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from minipulumi.deployment import Deployment, side_by_side
from minipulumi.plugins import ProviderError
from minipulumi.providers import changed_keys
from minipulumi.resources import Resource
from minipulumi.steps import Step, Stopped, now


def refresh(deployment: Deployment) -> None:
    """Refreshes all targeted resources side by side; the program isn't needed."""
    resources = [
        resource
        for resource in deployment.checkpoint.resources()
        if deployment.planner.is_target(resource) and not resource.delete
    ]
    for provider in {r.provider: r for r in resources if r.provider}.values():
        deployment.provider_of(provider)
    pool = ThreadPoolExecutor(deployment.options.parallel)
    try:
        found = side_by_side(pool, lambda r: _refresh_one(deployment, r), resources)
    finally:
        pool.shutdown(wait=False)
    gone: list[Resource] = [resource for resource in found if resource]
    _tidy(deployment, {resource.urn for resource in gone})


def _refresh_one(deployment: Deployment, resource: Resource) -> Resource | None:
    """Refreshes one resource; returns it if it is gone."""
    step = Step("refresh", resource, resource)
    if resource.is_provider:
        return None
    if deployment.runner.stopping:
        raise Stopped
    deployment.display.started(step)
    if not resource.custom:
        deployment.display.finished(Step("same", resource, resource), 0)
        return None
    provider = deployment.provider_of(resource)
    try:
        found = provider.read(resource)
        if found is None:
            deployment.checkpoint.save(drop=[resource])
            deployment.display.finished(Step("delete", resource, None), 0)
            return resource
        was = replace(resource)
        resource.id, inputs, outputs = found
        step.keys = changed_keys(was.inputs, inputs)
        seen = replace(was)
        seen.inputs, seen.outputs = inputs, outputs
        diff = provider.diff(seen, was.inputs, resource.ignore_changes)
    except ProviderError as error:
        deployment.runner.fail(step, str(error))
        return None
    resource.inputs, resource.outputs = ({} if resource.external else inputs), outputs
    resource.init_errors = []
    if (was.inputs, was.outputs) != (resource.inputs, outputs):
        resource.modified = now()
    deployment.checkpoint.save(put=[resource], durable=False)
    changed = diff.changed and not resource.external
    shown = Step("update" if changed else "same", was, seen, diff, step.keys if changed else [])
    deployment.display.finished(shown, 0)
    return None


def _tidy(deployment: Deployment, gone: set[str]) -> None:
    """Drops references to what is gone, and empty lists, as the real engine's refresh does."""
    for resource in deployment.checkpoint.resources():
        resource.dependencies = [urn for urn in resource.dependencies if urn not in gone]
        resource.property_dependencies = {
            key: kept
            for key, urns in resource.property_dependencies.items()
            if (kept := [urn for urn in urns if urn not in gone])
        }
        deployment.checkpoint.save(put=[resource], durable=False)
