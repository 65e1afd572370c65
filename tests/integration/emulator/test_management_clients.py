"""Today's management clients, each at its own api-version: newer than all known here, maybe."""

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Account, AccountProperties, Deployment, Sku
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.storage import StorageManagementClient

from emulator.server import Emulator

AI_SERVICES = Account(
    location="eastus2", kind="AIServices", sku=Sku(name="S0"), properties=AccountProperties()
)


@pytest.fixture
def credential(emulator: Emulator) -> Iterator[ClientSecretCredential]:
    who = emulator.identities.platform
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as signed_in:
        yield signed_in


def test_todays_clients_work_at_their_own_api_version(
    credential: Any, group: str, subscription: str, caplog: pytest.LogCaptureFixture
) -> None:
    mark = subscription[:8]
    with (
        caplog.at_level(logging.WARNING, "emulator"),
        StorageManagementClient(credential, subscription) as storage,
        KeyVaultManagementClient(credential, subscription) as vaults,
        CognitiveServicesManagementClient(credential, subscription) as services,
    ):
        storage.storage_accounts.begin_create(
            "rg-test",
            f"sttoday{mark}",
            {"location": "eastus2", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
        ).result()
        assert [one.name for one in storage.storage_accounts.list()] == [f"sttoday{mark}"]
        keys = storage.storage_accounts.list_keys("rg-test", f"sttoday{mark}").keys_property
        assert keys is not None
        assert len(keys) == 2
        vault = vaults.vaults.begin_create_or_update(
            "rg-test",
            f"kv-{mark}",
            {
                "location": "eastus2",
                "properties": {
                    "tenantId": os.environ["ARM_TENANT_ID"],
                    "sku": {"family": "A", "name": "standard"},
                    "accessPolicies": [],
                },
            },
        ).result()
        assert [one.id for one in vaults.vaults.list_by_subscription()] == [vault.id]
        made = services.accounts.begin_create("rg-test", f"ai-{mark}", AI_SERVICES).result()
        assert made.id == f"{group}/providers/Microsoft.CognitiveServices/accounts/ai-{mark}"
        assert services.accounts.list_keys("rg-test", f"ai-{mark}").key1
        assert list(services.deployments.list("rg-test", f"ai-{mark}")) == []
    newer = [line.getMessage() for line in caplog.records if line.name == "emulator"]
    assert len(newer) == len(set(newer)), "each says so once"
    assert all("is newer than this emulator" in line for line in newer)


def test_a_newer_version_is_served_as_the_newest_known_and_an_unknown_older_one_refused(
    arm: Any, group: str, caplog: pytest.LogCaptureFixture
) -> None:
    vaults = f"{group}/providers/Microsoft.KeyVault/vaults"
    with caplog.at_level(logging.WARNING, "emulator"):
        for _ in range(2):
            assert arm.ok("GET", vaults, version="2031-12-24-preview") == {"value": []}
    said = [line.getMessage() for line in caplog.records if "2031-12-24-preview" in line.message]
    assert len(said) == 1
    assert "Microsoft.KeyVault/vaults" in said[0]
    status, error = arm.refused("GET", vaults, version="2024-01-02")
    assert (status, error["code"]) == (400, "NoRegisteredProviderFound")


def test_what_exists_in_azure_only_lists_as_empty_and_is_refused_by_name(
    credential: Any, arm: Any, group: str, subscription: str
) -> None:
    batch = f"{group}/providers/Microsoft.Network/networkInterfaces"
    assert arm.ok("GET", batch, version="2025-05-01") == {"value": []}
    status, error = arm.refused("PUT", f"{batch}/n", {"location": "eastus2"}, version="2025-05-01")
    assert (status, error["code"]) == (501, "NotEmulated")
    assert "Microsoft.Network/networkInterfaces" in error["message"]
    name = f"ai-{subscription[:8]}"
    with CognitiveServicesManagementClient(credential, subscription) as services:
        services.accounts.begin_create("rg-test", name, AI_SERVICES).result()
        with pytest.raises(HttpResponseError, match="accounts/deployments"):
            services.deployments.begin_create_or_update("rg-test", name, "gpt", Deployment())
