"""Refresh: reads every resource and takes what it finds into the state."""

from dataclasses import replace

from minipulumi.deployment import Deployment
from minipulumi.plugins import ProviderError
from minipulumi.provider_entries import provider_of
from minipulumi.resources import Resource, changed_keys, now
from minipulumi.step import Step
from minipulumi.steps import fail


def refresh(deployment: Deployment) -> None:
    """Refreshes all targeted resources side by side; the program isn't needed."""
    resources = [
        resource
        for resource in deployment.checkpoint.resources()
        if deployment.is_target(resource) and not (resource.delete or resource.is_provider)
    ]
    for resource in resources:
        if resource.custom:
            provider_of(deployment, resource)
    deployment.side_by_side(lambda resource: _refresh_one(deployment, resource), resources)
    _tidy(deployment)
    deployment.read_state()


def _refresh_one(deployment: Deployment, resource: Resource) -> None:
    deployment.display.started(Step("refresh", resource, resource))
    if not resource.custom:
        deployment.display.finished(Step("same", resource, resource), 0)
        return
    provider, was = provider_of(deployment, resource), replace(resource)
    try:
        found = provider.read(resource)
        if found is None:
            deployment.checkpoint.save(drop=resource)
            deployment.display.finished(Step("delete", resource, None), 0)
            return
        id_, inputs, outputs = found
        seen = replace(was, id=id_, inputs=inputs, outputs=outputs)
        diff = provider.diff(seen, was.inputs, was.ignore_changes)
    except ProviderError as error:
        fail(deployment, Step("refresh", was, was), error)
        return
    resource.id, resource.inputs, resource.outputs, resource.init_errors = *found, []
    if (was.inputs, was.outputs) != (inputs, outputs):
        resource.modified = now()
    deployment.checkpoint.save(put=resource, durable=False)
    keys = changed_keys(was.inputs, inputs) if diff.changed else []
    deployment.display.finished(
        Step("update" if diff.changed else "same", was, seen, diff, keys), 0
    )


def _tidy(deployment: Deployment) -> None:
    """Drops references to what is gone, and empty lists, as the real engine's refresh does."""
    resources = deployment.checkpoint.resources()
    exist = {resource.urn for resource in resources}
    for resource in resources:
        resource.dependencies = [urn for urn in resource.dependencies if urn in exist]
        resource.property_dependencies = {
            key: kept
            for key, urns in resource.property_dependencies.items()
            if (kept := [urn for urn in urns if urn in exist])
        }
        deployment.checkpoint.save(put=resource, durable=False)
