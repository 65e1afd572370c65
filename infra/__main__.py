"""The bill of materials: read the configuration, make the environment, grant access, export.

pulumi stack select --create dev    # offline, in a shell of `foundry-emulator run -- bash`
pulumi up
"""

from pulumi import ResourceOptions
from pulumi_azure_native import authorization

from infra import config, naming, outputs, registration
from infra.access import Access, AccessArgs
from infra.foundry import FoundryEnvironment, FoundryEnvironmentArgs

settings = config.read()
client = authorization.get_client_config()

registrations = registration.register_all(client.subscription_id)

environment = FoundryEnvironment(
    "foundry",
    FoundryEnvironmentArgs(
        names=naming.names(settings.workload, settings.environment, client.subscription_id),
        location=settings.location,
        subscription_id=client.subscription_id,
        tenant_id=client.tenant_id,
        projects=settings.projects,
        tags={**settings.tags, "environment": settings.environment, "made-by": "foundry-tune"},
        public_network_access=settings.public_network_access,
        purge_protection=settings.purge_protection,
        recover_deleted=settings.recover_deleted,
        purge_on_destroy=settings.purge_on_destroy,
    ),
    ResourceOptions(depends_on=registrations),
)

Access(
    "access",
    AccessArgs(
        subscription_id=client.subscription_id,
        environment=environment,
        developers=settings.developers,
    ),
)

outputs.export(settings, client, environment, registrations)
