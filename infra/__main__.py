"""The bill of materials: read the configuration, make the environment, grant access, export.

pulumi stack select --create dev    # offline, in a shell of `foundry-emulator run -- bash`
pulumi up
"""

from pulumi import ResourceOptions
from pulumi_azure_native import authorization

from infra import config, naming, outputs, registration
from infra.access import Access, AccessArgs
from infra.foundry import FoundryEnvironment, FoundryEnvironmentArgs
from infra.identities import Identities, IdentitiesArgs

settings = config.read()
client = authorization.get_client_config()

names = naming.names(settings.workload, settings.environment, client.subscription_id)
tags = {**settings.tags, "environment": settings.environment, "made-by": "foundry-tune"}
registrations = registration.register_all(
    client.subscription_id, ["Microsoft.ManagedIdentity"] if settings.identities else []
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
    ),
    ResourceOptions(depends_on=registrations),
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

Access(
    "access",
    AccessArgs(
        subscription_id=client.subscription_id,
        resource_group=names.resource_group,
        suffix=naming.unique_suffix(client.subscription_id),
        environment=environment,
        developers=settings.developers,
        grants=settings.access,
        identities=settings.identities,
        made=identities.made if identities else {},
    ),
)

client_ids = identities.client_ids() if identities else {}
outputs.export(settings, client, environment, registrations, client_ids)
