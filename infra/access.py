"""Who may do what in the environment: people and groups, and the workspaces' own identities."""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_azure_native import authorization
from pulumi_azure_native import machinelearningservices as ml

from infra import roles
from infra.config import Developer
from infra.foundry import FoundryEnvironment
from infra.naming import role_assignment_name


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessArgs:
    """Whose access to what is granted."""

    subscription_id: str
    environment: FoundryEnvironment
    developers: tuple[Developer, ...]


class Access(pulumi.ComponentResource):
    """The role assignments, each no wider than the one resource it is for."""

    assignments: list[authorization.RoleAssignment]

    def __init__(self, name: str, args: AccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("foundry-tune:index:Access", name, {}, opts)
        self._subscription_id = args.subscription_id
        self.assignments = []
        for developer in args.developers:
            self._grant_developer(args.environment, developer)
        self._grant_workspace(args.environment, "hub", args.environment.hub)
        for project, workspace in args.environment.projects.items():
            self._grant_workspace(args.environment, f"project-{project}", workspace)
        self.register_outputs({})

    def _grant_developer(self, environment: FoundryEnvironment, developer: Developer) -> None:
        grants = (
            ("developer", environment.group.id, roles.AI_DEVELOPER),
            # Training data goes into the hub's storage under the developer's own name.
            ("blobs", environment.storage_account.id, roles.BLOB_DATA_CONTRIBUTOR),
        )
        for purpose, scope, role in grants:
            self._assign(
                f"{developer.name}-{purpose}",
                scope=scope,
                role=role,
                principal_id=Output.from_input(developer.principal_id),
                principal_type=developer.principal_type,
            )

    def _grant_workspace(
        self, environment: FoundryEnvironment, name: str, workspace: ml.Workspace
    ) -> None:
        grants = (
            ("blobs", environment.storage_account.id, roles.BLOB_DATA_CONTRIBUTOR),
            ("secrets", environment.key_vault.id, roles.KEY_VAULT_SECRETS_OFFICER),
            ("ai-services", environment.ai_services.id, roles.COGNITIVE_SERVICES_USER),
        )
        for purpose, scope, role in grants:
            self._assign(
                f"{name}-{purpose}",
                scope=scope,
                role=role,
                principal_id=principal_of(workspace),
                principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
            )

    def _assign(
        self,
        name: str,
        *,
        scope: Output[str],
        role: str,
        principal_id: Output[str],
        principal_type: str,
    ) -> None:
        def name_in_azure(both: list[str]) -> str:
            return role_assignment_name(both[0], both[1], role)

        self.assignments.append(
            authorization.RoleAssignment(
                name,
                role_assignment_name=Output.all(scope, principal_id).apply(name_in_azure),
                scope=scope,
                role_definition_id=roles.definition_id(self._subscription_id, role),
                principal_id=principal_id,
                # Said outright, Azure doesn't look the principal up in a directory that may
                # not have heard of it yet (PrincipalNotFound right after an identity is made).
                principal_type=principal_type,
                opts=ResourceOptions(parent=self),
            )
        )


def principal_of(workspace: ml.Workspace) -> Output[str]:
    """The object id of the workspace's own identity."""

    def principal_id(identity: ml.outputs.ManagedServiceIdentityResponse | None) -> str:
        if identity is None:
            raise pulumi.RunError("Azure made a workspace without the identity it was asked for.")
        return identity.principal_id

    return workspace.identity.apply(principal_id)
