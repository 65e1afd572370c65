"""Identities that pipelines sign in as, each with its own token and no secret anywhere.

User-assigned managed identities: whoever holds the token that a federated credential names (issuer
and subject, to the letter) is that identity. There is nothing to rotate, to leak or to expire.
"""

import hashlib
import re
from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_azure_native import managedidentity

from infra.access_settings import PipelineIdentity
from infra.foundry import FoundryEnvironment

AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitiesArgs:
    """Which identities are made, and where."""

    environment: FoundryEnvironment
    location: str
    prefix: str
    """What their names start with: `id-<workload>-<environment>`."""
    tags: dict[str, str]
    identities: tuple[PipelineIdentity, ...]


class Identities(pulumi.ComponentResource):
    """The identities of the repository's pipelines, with whose tokens they trust."""

    made: dict[str, managedidentity.UserAssignedIdentity]

    def __init__(
        self, name: str, args: IdentitiesArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("foundry-tune:index:Identities", name, {}, opts)
        self.made = {each.name: self._make(args, each) for each in args.identities}
        self.register_outputs({})

    def _make(
        self, args: IdentitiesArgs, wanted: PipelineIdentity
    ) -> managedidentity.UserAssignedIdentity:
        group = args.environment.group.name
        identity = managedidentity.UserAssignedIdentity(
            f"identity-{wanted.name}",
            resource_name_=f"{args.prefix}-{wanted.name}",
            resource_group_name=group,
            location=args.location,
            tags=args.tags,
            opts=ResourceOptions(parent=self),
        )
        before: list[pulumi.Resource] = []
        for subject in wanted.subjects:
            # One after the other: Azure refuses credentials of one identity that are written
            # side by side (entra, workload-identity-federation-considerations).
            name = credential_name(subject)
            before = [
                managedidentity.FederatedIdentityCredential(
                    f"identity-{wanted.name}-{name}",
                    federated_identity_credential_resource_name=name,
                    resource_name_=identity.name,
                    resource_group_name=group,
                    issuer=wanted.issuer,
                    subject=subject,
                    audiences=[AUDIENCE],
                    opts=ResourceOptions(parent=self, depends_on=before),
                )
            ]
        return identity

    def client_ids(self) -> dict[str, Output[str]]:
        """What a workflow names to sign in as each."""
        return {name: identity.client_id for name, identity in self.made.items()}


def credential_name(subject: str) -> str:
    """The name of a subject's credential: readable, and its own (3 to 120 letters)."""
    words = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:80]
    return f"{words}-{hashlib.sha256(subject.encode()).hexdigest()[:6]}"
