"""Entries of providers in the state: making or changing one means configuring its plugin.

To planning and steps they are resources like all others, and this is their provider.
"""

import uuid

from minipulumi.deployment import Deployment
from minipulumi.errors import PulumiError, Refused
from minipulumi.providers import Diff, Provider
from minipulumi.resources import Resource, urn_type
from minipulumi.values import UNKNOWN, Props, has_unknown


class ProviderEntries:
    """Checks, compares, makes and changes entries of providers."""

    def __init__(self, deployment: Deployment):
        self._deployment = deployment

    def check(self, new: Resource, olds: Props, news: Props) -> Props:
        """Starts the plugin, and has it check its settings."""
        if has_unknown(news):
            raise Refused(f"provider '{new.name}' with settings known only after an update")
        provider = _start(self._deployment, new.urn)
        checked = provider.check_config(_visible(olds), _visible(news))
        return {"__internal": {}, **checked} if "version" in checked else checked

    def diff(self, old: Resource, news: Props, _ignore: list[str], urn: str = "") -> Diff:
        """Compares settings; where the plugin sees no change it goes on with the old ones."""
        provider = self._deployment.started[urn or old.urn]
        diff = provider.diff_config(old.outputs, _visible(old.inputs), _visible(news))
        if diff.replaces:
            raise Refused(f"the replacement of provider '{old.name}' ({diff.replaces[0]})")
        if not diff.changed and old.urn not in self._deployment.providers:
            self._configure(provider, old.urn, old.inputs, old.id)
        return diff

    def create(self, new: Resource, *, preview: bool) -> tuple[str, Props]:
        """Configures the plugin for a new entry."""
        id_ = UNKNOWN if preview else str(uuid.uuid4())
        self._configure(self._deployment.started[new.urn], new.urn, new.inputs, id_)
        return id_, _visible(new.inputs)

    def update(self, old: Resource, new: Resource, *, preview: bool) -> Props:
        """Configures the plugin with new settings."""
        del preview
        self._configure(self._deployment.started[new.urn], new.urn, new.inputs, old.id)
        return _visible(new.inputs)

    def _configure(self, provider: Provider, urn: str, inputs: Props, id_: str) -> None:
        provider.configure(_visible(inputs), id_)
        self._deployment.providers[urn] = provider


def provider_for(deployment: Deployment, resource: Resource) -> Provider | ProviderEntries:
    """Whoever checks, compares, makes and changes the resource."""
    if resource.is_provider:
        return ProviderEntries(deployment)
    return provider_of(deployment, resource)


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
    deployment.started[urn] = provider
    return provider


def _visible(inputs: Props) -> Props:
    return {key: value for key, value in inputs.items() if key != "__internal"}
