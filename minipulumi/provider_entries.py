"""Entries of providers in the state: planning one means starting and configuring its plugin."""

import uuid

from minipulumi.deployment import Deployment
from minipulumi.errors import PulumiError, Refused
from minipulumi.providers import Provider
from minipulumi.resources import Resource, urn_type
from minipulumi.step import Step
from minipulumi.values import UNKNOWN, Props, has_unknown


def plan_provider(deployment: Deployment, old: Resource | None, new: Resource) -> Step:
    """Has a provider check, compare and take its settings; what is left to do is to save them."""
    if has_unknown(new.inputs):
        raise Refused(f"provider '{new.name}' with settings known only after an update")
    provider, known = _start(deployment, new.urn), deployment.providers
    before = _visible(old.inputs) if old else {}
    checked = provider.check_config(before, _visible(new.inputs))
    new.inputs = {"__internal": {}, **checked} if "version" in checked else checked
    new.outputs = checked
    if old is None:
        new.id = UNKNOWN if deployment.preview else str(uuid.uuid4())
        provider.configure(checked, new.id)
        known[new.urn] = provider
        return Step("create", old, new)
    diff = provider.diff_config(old.outputs, before, checked)
    if diff.replaces:
        raise Refused(f"the replacement of provider '{new.name}' ({diff.replaces[0]})")
    new.id = old.id
    if diff.changed or new.urn not in known:  # where it sees no change, it goes on with the old
        provider.configure(checked if diff.changed else before, old.id)
        known[new.urn] = provider
    return Step("update" if diff.changed else "same", old, new)


def provider_of(deployment: Deployment, resource: Resource) -> Provider:
    """The configured provider of a resource; one that only the state knows is started now."""
    urn, id_ = resource.provider.rsplit("::", 1)
    with deployment.lock_of(urn):
        if provider := deployment.providers.get(urn):
            return provider
        entry = deployment.olds.get(urn)
        if entry is None:
            raise PulumiError(f"the state has no entry of {urn}, the provider of {resource.urn}")
        provider = _start(deployment, urn)
        provider.configure(_visible(entry.inputs), id_)
        deployment.providers[urn] = provider
        return provider


def _start(deployment: Deployment, urn: str) -> Provider:
    package = urn_type(urn).rsplit(":", 1)[-1]
    plugin, ambient = deployment.host.start(package)
    if ambient:
        text = f"using pulumi-resource-{package} from $PATH at {ambient}"
        deployment.display.message(deployment.stack_urn, "warning", text)
    provider = Provider(plugin, urn, deployment.host.engine)
    deployment.plugins.append(provider)
    return provider


def _visible(inputs: Props) -> Props:
    return {key: value for key, value in inputs.items() if key != "__internal"}
