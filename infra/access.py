"""Who may do what in the environment: people, pipelines, and the workspaces' own identities.

Nothing is granted above the resource group, and nothing wider than what it is for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_azure_native import authorization, managedidentity

from infra import role_sets, roles
from infra.access_settings import Grant, May, PipelineIdentity
from infra.config import Developer
from infra.existing import Found
from infra.foundry import FoundryEnvironment
from infra.naming import role_assignment_name
from infra.parts import Part
from infra.role_sets import ROLE_SETS, CustomRole

GROUP = "group"
STORAGE = "storage"
_EXISTING = {GROUP: "resourceGroup", STORAGE: "storage"}
"""The places that may have been there already, as `existing` calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessArgs:
    """Whose access to what is granted."""

    subscription_id: str
    resource_group: str
    suffix: str
    """What tells the stack's custom roles from another subscription's: names are the tenant's."""
    environment: FoundryEnvironment
    own: str
    """What the stack's assignments on what was there already are named by, beside another's."""
    there: Mapping[str, Found] = field(default_factory=dict[str, Found])
    """The resource group and storage that were there already, by `config_existing.KINDS`."""
    shared: str = ""
    """What tells stacks apart in a resource group that was there already; empty in one's own."""
    developers: tuple[Developer, ...]
    grants: tuple[Grant, ...] = ()
    identities: tuple[PipelineIdentity, ...] = ()
    made: Mapping[str, managedidentity.UserAssignedIdentity] = field(
        default_factory=dict[str, managedidentity.UserAssignedIdentity]
    )
    """The identities as they were made, by name."""


class Access(pulumi.ComponentResource):
    """The role assignments, each no wider than the one resource it is for."""

    assignments: list[authorization.RoleAssignment]

    def __init__(self, name: str, args: AccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("foundry-tune:index:Access", name, {}, opts)
        self._args = args
        self._inside = ResourceOptions(parent=self)
        self._scopes = _scopes(args.environment)
        self.assignments = []
        for developer in args.developers:
            self._grant_developer(developer)
        self._sets = _custom_sets(args.grants, args.identities)
        self._custom = self._make_roles()
        self._grant_each(args.grants)
        for identity in args.identities:
            self._grant_identity(identity)
        self._grant_workspace("hub", args.environment.hub)
        for project, workspace in args.environment.projects.items():
            self._grant_workspace(f"project-{project}", workspace)
        self.register_outputs({})

    def _grant_developer(self, developer: Developer) -> None:
        for purpose, scope, role in (
            ("developer", GROUP, roles.AI_DEVELOPER),
            # Training data goes into the hub's storage under the developer's own name.
            ("blobs", STORAGE, roles.BLOB_DATA_CONTRIBUTOR),
            # foundry-tune monitor asks Azure Monitor, which Azure AI Developer may not.
            ("metrics", GROUP, roles.MONITORING_READER),
        ):
            self._assign_somebody(
                f"{developer.name}-{purpose}",
                place=scope,
                role=role,
                principal_id=developer.principal_id,
                principal_type=developer.principal_type,
            )

    def _make_roles(self) -> dict[str, authorization.RoleDefinition]:
        group, shared = self._args.environment.group.id, self._args.shared
        where = " ".join(filter(None, (self._args.resource_group, shared, self._args.suffix)))
        return {
            role_set: authorization.RoleDefinition(
                f"role-{role_set}",
                role_definition_id=self._guid(role_set),
                role_name=f"foundry-tune {role_set} ({where})",
                role_type="CustomRole",
                description=custom.description,
                scope=group,
                assignable_scopes=[group],
                permissions=[
                    authorization.PermissionArgs(
                        actions=custom.actions, not_actions=[], data_actions=[], not_data_actions=[]
                    )
                ],
                opts=self._inside,
            )
            for role_set, custom in self._sets.items()
        }

    def _grant_each(self, grants: Iterable[Grant]) -> None:
        given: set[tuple[str, str, str]] = set()
        for grant in grants:
            place = f"project-{grant.project}" if grant.project else GROUP
            for scope, role in _parts(grant.role, place):
                key = (scope, role, grant.principal_id)
                if key in given:
                    continue  # one storage account holds the blobs of every project
                given.add(key)
                # Called after what it is, not after who is listed where: a list may be re-ordered
                # and a person renamed without an assignment going and coming.
                self._assign_somebody(
                    f"access-{scope}-{role}-{grant.principal_id}",
                    place=scope,
                    role=role,
                    principal_id=grant.principal_id,
                    principal_type=grant.principal_type,
                )

    def _grant_identity(self, identity: PipelineIdentity) -> None:
        for scope, role in IDENTITY_ROLES[identity.may]:
            condition = None
            if role == roles.RBAC_ADMINISTRATOR:
                condition = roles.only_these(self._assignable())
            self._assign(
                f"identity-{identity.name}-{scope}-{role}",
                scope=self._scopes[scope],
                role=role,
                principal_id=self._args.made[identity.name].principal_id,
                principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
                condition=condition,
            )

    def _assignable(self) -> list[str]:
        """The GUIDs of the roles that this stack gives to anybody, but for `up` itself."""
        named = {grant.role for grant in self._args.grants} - {*ROLE_SETS, roles.CONTRIBUTOR}
        return [
            *(self._guid(role_set) for role_set in self._sets),
            *sorted(
                named
                | {
                    *(roles.AI_DEVELOPER, roles.MONITORING_READER, roles.READER),
                    *(roles.BLOB_DATA_CONTRIBUTOR, roles.BLOB_DATA_READER),
                    *(roles.KEY_VAULT_SECRETS_OFFICER, roles.COGNITIVE_SERVICES_USER),
                }
            ),
        ]

    def _grant_workspace(self, name: str, workspace: Part) -> None:
        environment = self._args.environment
        if workspace.principal_id is None:
            return
        for purpose, part, role in (
            ("blobs", environment.storage_account, roles.BLOB_DATA_CONTRIBUTOR),
            ("secrets", environment.key_vault, roles.KEY_VAULT_SECRETS_OFFICER),
            ("ai-services", environment.ai_services, roles.COGNITIVE_SERVICES_USER),
        ):
            if workspace.made is None and part.made is None:
                continue  # a hub that is there has had what it needs there, and twice is an error
            self._assign(
                f"{name}-{purpose}",
                scope=part.id,
                role=role,
                principal_id=workspace.principal_id,
                principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
            )

    def _assign_somebody(
        self, name: str, *, place: str, role: str, principal_id: str, principal_type: str
    ) -> None:
        """Give a role to somebody of the directory, who may have it there already.

        Azure refuses a second assignment of the same (RoleAssignmentExists). What isn't the
        stack's is never touched: the first one stays, and no second is made.
        """
        found = self._args.there.get(_EXISTING.get(place, ""))
        if found is not None:
            guid = self._guid(role) if role in role_sets.CUSTOM else role
            id = found.assignments.get((principal_id.lower(), guid.lower()), "")
            mine = role_assignment_name(found.id, principal_id, guid, self._args.own)
            if id and id.rpartition("/")[2].lower() != mine:
                pulumi.info(
                    f"{principal_id} has the role {_called(role)} on '{found.name}' already, by an "
                    "assignment that isn't this stack's: it stays as it is. To have the stack keep "
                    f"it: az role assignment delete --ids {id}, and pulumi up"
                )
                return
        self._assign(
            name,
            scope=self._scopes[place],
            role=role,
            principal_id=Output.from_input(principal_id),
            principal_type=principal_type,
            own=self._args.own if found is not None else "",
        )

    def _assign(
        self,
        name: str,
        *,
        scope: Output[str],
        role: str,
        principal_id: Output[str],
        principal_type: str,
        condition: str | None = None,
        own: str = "",
    ) -> None:
        guid = self._guid(role) if role in role_sets.CUSTOM else role

        def name_in_azure(both: list[str]) -> str:
            return role_assignment_name(both[0], both[1], guid, own)

        made_before = [self._custom[role]] if role in role_sets.CUSTOM else []
        self.assignments.append(
            authorization.RoleAssignment(
                name,
                role_assignment_name=Output.all(scope, principal_id).apply(name_in_azure),
                scope=scope,
                role_definition_id=roles.definition_id(self._args.subscription_id, guid),
                principal_id=principal_id,
                # Said outright, Azure doesn't look the principal up in a directory that may
                # not have heard of it yet (PrincipalNotFound right after an identity is made).
                principal_type=principal_type,
                condition=condition,
                condition_version="2.0" if condition else None,
                opts=ResourceOptions(parent=self, depends_on=made_before),
            )
        )

    def _guid(self, role_set: str) -> str:
        group = f"/subscriptions/{self._args.subscription_id}/resourceGroups/"
        own = "|".join(filter(None, (role_set, self._args.shared)))
        return role_sets.guid(group + self._args.resource_group, own)


IDENTITY_ROLES: Mapping[May, tuple[tuple[str, str], ...]] = {
    # `foundry-tune plan` and `pulumi preview` read, and no secret and no data.
    "plan": ((GROUP, roles.READER),),
    # `foundry-tune apply` tunes and serves.
    "apply": (
        (GROUP, "tunes"),
        (GROUP, "serves"),
        (STORAGE, roles.BLOB_DATA_CONTRIBUTOR),
    ),
    # `foundry-tune monitor` asks what is served, which takes its key, and holds it against the
    # answers that are kept; `drift` and `orphans` read.
    "monitor": ((GROUP, roles.READER), (GROUP, "calls"), (STORAGE, roles.BLOB_DATA_READER)),
    # `foundry-tune watch` takes down what is over its time or its cap, and nothing else.
    "watch": ((GROUP, "watches"),),
    # `pulumi up` makes everything in the group, and hands on the roles of this stack only.
    "up": ((GROUP, roles.CONTRIBUTOR), (GROUP, roles.RBAC_ADMINISTRATOR)),
}
"""What an identity may do: places and roles, a role's GUID or a set of this stack's own."""


def _custom_sets(
    grants: Iterable[Grant], identities: Iterable[PipelineIdentity]
) -> dict[str, CustomRole]:
    """The custom roles that are made: those of every stack that tells anybody apart, and wanted.

    Those of every stack come as soon as anybody is: who may hand on roles (`up`) can't make them.
    """
    wanted = {grant.role for grant in grants}
    wanted |= {role for one in identities for _, role in IDENTITY_ROLES[one.may]}
    wanted |= {*role_sets.ALWAYS} if wanted else set()
    return {name: role for name, role in role_sets.CUSTOM.items() if name in wanted}


def _called(role: str) -> str:
    """A role as people know it: a set's word, a built-in's name, or its GUID."""
    return next((f"'{name}'" for name, guid in roles.BUILT_IN.items() if guid == role), role)


def _scopes(environment: FoundryEnvironment) -> dict[str, Output[str]]:
    projects = {f"project-{name}": made.id for name, made in environment.projects.items()}
    return {GROUP: environment.group.id, STORAGE: environment.storage_account.id, **projects}


def _parts(role: str, place: str) -> list[tuple[str, str]]:
    """The places and roles that a grant comes down to."""
    if role not in ROLE_SETS:
        return [(place, role)]
    own = role if role in role_sets.CUSTOM else roles.READER
    data = role_sets.DATA.get(role)
    return [(place, own), *([(STORAGE, data)] if data else [])]
