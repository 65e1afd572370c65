"""The bill of materials: read the configuration, make the environment, grant, guard, export.

pulumi stack select --create dev    # offline, in a shell of `foundry-emulator run -- bash`
pulumi up
"""

from dataclasses import replace

import pulumi
from pulumi import Resource
from pulumi_azure_native import authorization

from infra import config, existing, naming, outputs, registration
from infra.access import Access, AccessArgs
from infra.foundry import FoundryEnvironment, FoundryEnvironmentArgs
from infra.identities import Identities, IdentitiesArgs

settings = config.read()
client = authorization.get_client_config()

names = naming.names(settings.workload, settings.environment, client.subscription_id)
there = existing.look(settings, client.subscription_id)
suffix = f"{settings.workload}-{settings.environment}"
shared = ""
if "resourceGroup" in there:
    names = replace(names, resource_group=there["resourceGroup"].name)
    # Other stacks may be in that group as well: what hangs on the group is called after this one.
    shared = suffix
for warning in existing.untouched(there, settings):
    pulumi.warn(warning)
watch = settings.guards
tags = {**settings.tags, "environment": settings.environment, "made-by": "foundry-tune"}
registrations = registration.register_all(
    client.subscription_id, (*registration.NAMESPACES, *config.namespaces(settings))
)

environment = FoundryEnvironment(
    "foundry",
    FoundryEnvironmentArgs(
        names=names,
        location=settings.location,
        subscription_id=client.subscription_id,
        tenant_id=client.tenant_id,
        projects=settings.projects,
        tags=tags,
        public_network_access=settings.public_network_access,
        purge_protection=settings.purge_protection,
        recover_deleted=settings.recover_deleted,
        purge_on_destroy=settings.purge_on_destroy,
        protect=watch.protect,
        diagnostics=watch.diagnostics,
        network=settings.network,
        existing=there,
        registrations=registrations,
    ),
)

identities = None
if settings.identities:
    identities = Identities(
        "identities",
        IdentitiesArgs(
            environment=environment,
            location=settings.location,
            prefix=names.identity,
            tags=tags,
            identities=settings.identities,
        ),
    )

access = Access(
    "access",
    AccessArgs(
        subscription_id=client.subscription_id,
        resource_group=names.resource_group,
        suffix=naming.unique_suffix(client.subscription_id),
        environment=environment,
        own=suffix,
        there=there,
        shared=shared,
        developers=settings.developers,
        grants=settings.access,
        identities=settings.identities,
        made=identities.made if identities else {},
    ),
)

# From here on modules of azure-native are imported where the configuration asks for them: a stack
# without guards and private endpoints would wait for them in every preview.
kept: list[Resource] = [*access.assignments]
if watch.budget is not None:
    from infra import guards

    called = f"{guards.SETTING}-{shared}" if shared else guards.SETTING
    guards.CostGuard("cost-guard", watch.budget, environment.group.id, called)
if environment.observability is not None:
    from infra import guards

    diagnostics = guards.DiagnosticSettings(
        "diagnostics", environment, environment.observability.workspace
    )
    kept += diagnostics.settings
if watch.alerts is not None:
    from infra.alerts import AlertRules, AlertRulesArgs

    AlertRules(
        "alert-rules",
        AlertRulesArgs(environment=environment, alerts=watch.alerts, suffix=suffix, tags=tags),
    )
if settings.network is not None and settings.network.is_private:
    from infra.network import PrivateNetwork, PrivateNetworkArgs

    private = PrivateNetwork(
        "network",
        PrivateNetworkArgs(
            environment=environment,
            network=settings.network,
            suffix=suffix,
            location=settings.location,
            tags=tags,
        ),
    )
    kept += private.endpoints
if watch.locks:
    from infra import guards

    guards.Locks("locks", environment, kept)

client_ids = identities.client_ids() if identities else {}
outputs.export(settings, client, environment, registrations, client_ids)
