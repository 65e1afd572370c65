"""Microsoft's management packages of today, each at the api-version that it comes with."""

import os

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from checks import check

E = os.environ
WHO = ClientSecretCredential(E["ARM_TENANT_ID"], E["ARM_CLIENT_ID"], E["ARM_CLIENT_SECRET"])
SUBSCRIPTION = E["ARM_SUBSCRIPTION_ID"]
GROUP = E["CONFORMANCE_GROUP"].rsplit("/", 1)[-1]
STORAGE, VAULT = E["CONFORMANCE_STORAGE"], E["CONFORMANCE_VAULT"]


def main() -> None:
    """A package after the other."""
    resources = ResourceManagementClient(WHO, SUBSCRIPTION)
    with check("azure-mgmt-resource: a group from its making to its deletion"):
        made = resources.resource_groups.create_or_update("rg-mgmt", {"location": "eastus2"})
        assert made.type == "Microsoft.Resources/resourceGroups", made.type
        assert made.id == f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mgmt", made.id
        resources.resource_groups.begin_delete("rg-mgmt").result(30)
        assert resources.resource_groups.check_existence("rg-mgmt") is False
    with check("azure-mgmt-resource: resources of a group, by filter"):
        of_group = resources.resources.list_by_resource_group(GROUP)
        assert STORAGE in [one.name for one in of_group]
        wanted = "resourceType eq 'Microsoft.Storage/storageAccounts' and name eq '" + STORAGE + "'"
        assert [one.name for one in resources.resources.list(filter=wanted)] == [STORAGE]
    storage = StorageManagementClient(WHO, SUBSCRIPTION)
    with check("azure-mgmt-storage: list, properties, keys"):
        assert STORAGE in [one.name for one in storage.storage_accounts.list()]
        shown = storage.storage_accounts.get_properties(GROUP, STORAGE)
        assert shown.primary_endpoints.blob == f"https://{STORAGE}.blob.core.windows.net/"
        assert len(storage.storage_accounts.list_keys(GROUP, STORAGE).keys_property) == 2
    vaults = KeyVaultManagementClient(WHO, SUBSCRIPTION)
    with check("azure-mgmt-keyvault: list, get, a vault that isn't there"):
        assert VAULT in [one.name for one in vaults.vaults.list_by_subscription()]
        assert vaults.vaults.get(GROUP, VAULT).properties.sku.name == "standard"
        try:
            vaults.vaults.get(GROUP, "none")
        except ResourceNotFoundError as refused:
            assert refused.error is not None
            assert refused.error.code == "ResourceNotFound"
        else:
            raise AssertionError("a vault that isn't there was shown")
    services = CognitiveServicesManagementClient(WHO, SUBSCRIPTION)
    with check("azure-mgmt-cognitiveservices: list, deleted accounts"):
        list(services.accounts.list())
        list(services.deleted_accounts.list())
    roles = AuthorizationManagementClient(WHO, SUBSCRIPTION)
    with check("azure-mgmt-authorization: definitions, assignments at a scope"):
        scope = E["CONFORMANCE_GROUP"]
        named = roles.role_definitions.list(scope, filter="roleName eq 'Azure AI Developer'")
        assert [one.name for one in named] == ["64702f94-c441-49e6-a78b-ef80e0188fee"]
        at_scope = list(roles.role_assignments.list_for_scope(scope, filter="atScope()"))
        assert at_scope and all(one.principal_type for one in at_scope)


if __name__ == "__main__":
    main()
