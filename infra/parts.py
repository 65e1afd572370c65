"""A part of the environment as the others need it, whether the stack made it or it was there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Output
from pulumi_azure_native import machinelearningservices as ml

from infra.existing import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A resource by what is asked of it."""

    id: Output[str]
    name: Output[str]
    address: Output[str] | None = None
    """A vault's URI, the endpoint of AI Services."""
    principal_id: Output[str] | None = None
    """The object id of a workspace's own identity."""
    made: pulumi.CustomResource | None = None
    """The stack's resource; None where it was there already, and isn't the stack's to change."""


def made(workspace: ml.Workspace) -> Part:
    """A hub or project that the stack makes."""
    return Part(
        id=workspace.id,
        name=workspace.name,
        principal_id=workspace.identity.apply(_principal_id),
        made=workspace,
    )


def there(found: Found, first: Sequence[pulumi.Resource]) -> Part:
    """What was there already; whoever uses it waits for `first`, as it waits for what is made."""
    waited = Output.all(*[each.urn for each in first])
    addresses: Mapping[str, str] = found.properties

    def after(text: str) -> Output[str]:
        return waited.apply(lambda _: text)

    address = addresses.get("vaultUri") or addresses.get("endpoint")
    return Part(
        id=after(found.id),
        name=after(found.name),
        address=after(address) if address else None,
        principal_id=after(found.principal_id) if found.principal_id else None,
    )


def _principal_id(identity: ml.outputs.ManagedServiceIdentityResponse | None) -> str:
    if identity is None:
        raise pulumi.RunError("Azure made a workspace without the identity it was asked for.")
    return identity.principal_id
