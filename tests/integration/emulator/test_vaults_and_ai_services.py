"""Key vaults and AI Services accounts: what they take, and how they come back from deletion."""

import os
from typing import Any

from emulator.server import Emulator

VAULTS, ACCOUNTS = "2024-11-01", "2025-06-01"


def test_a_vault_keeps_its_name_when_deleted_until_it_is_purged(
    arm: Any, group: str, subscription: str
) -> None:
    vault, body = _vault(group, subscription), _vault_body()
    created = arm.send("PUT", vault, body, version=VAULTS)
    assert created.status_code == 201
    name = vault.rpartition("/")[2]
    assert created.json()["properties"]["vaultUri"] == f"https://{name}.vault.azure.net/"
    assert arm.send("DELETE", vault, version=VAULTS).status_code == 200
    status, error = arm.refused("PUT", vault, body, version=VAULTS)
    assert (status, error["code"]) == (409, "ConflictError")
    deleted = (
        f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/eastus2/"
        f"deletedVaults/{name}"
    )
    assert arm.ok("GET", deleted, version=VAULTS)["properties"]["vaultId"] == vault
    arm.begin("POST", f"{deleted}/purge", version=VAULTS).result()
    assert arm.send("GET", deleted, version=VAULTS).status_code == 404
    assert arm.send("PUT", vault, body, version=VAULTS).status_code == 201


def test_a_deleted_vault_is_recovered_as_it_was(arm: Any, group: str, subscription: str) -> None:
    vault, body = _vault(group, subscription), _vault_body(softDeleteRetentionInDays=7)
    arm.ok("PUT", vault, body, version=VAULTS)
    arm.ok("DELETE", vault, version=VAULTS)
    recover = _vault_body(createMode="recover")
    shown = arm.ok("PUT", vault, recover, version=VAULTS)
    assert shown["properties"]["softDeleteRetentionInDays"] == 7
    assert "createMode" not in shown["properties"]


def test_deleting_the_group_soft_deletes_the_vault_and_time_frees_its_name(
    emulator: Emulator, arm: Any, group: str, subscription: str
) -> None:
    vault, body = _vault(group, subscription), _vault_body(softDeleteRetentionInDays=7)
    arm.ok("PUT", vault, body, version=VAULTS)
    arm.begin("DELETE", group).result()
    arm.ok("PUT", group, {"location": "eastus2"})
    assert arm.refused("PUT", vault, body, version=VAULTS)[1]["code"] == "ConflictError"
    emulator.control.clock.advance(8 * 86400)
    assert arm.send("PUT", vault, body, version=VAULTS).status_code == 201


def test_purge_protection_protects_and_can_not_be_taken_back(
    arm: Any, group: str, subscription: str
) -> None:
    vault = _vault(group, subscription)
    arm.ok("PUT", vault, _vault_body(enablePurgeProtection=True), version=VAULTS)
    off = _vault_body(enablePurgeProtection=False)
    assert arm.refused("PUT", vault, off, version=VAULTS)[0] == 400
    arm.ok("DELETE", vault, version=VAULTS)
    purge = (
        f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/eastus2/"
        f"deletedVaults/{vault.rpartition('/')[2]}/purge"
    )
    assert arm.refused("POST", purge, version=VAULTS)[1]["code"] == "MethodNotAllowed"


def test_a_vault_names_the_subscriptions_tenant(arm: Any, group: str, subscription: str) -> None:
    body = _vault_body(tenantId="00000000-0000-4000-8000-000000000000")
    assert arm.refused("PUT", _vault(group, subscription), body, version=VAULTS)[0] == 400
    bad = f"{group}/providers/Microsoft.KeyVault/vaults/1-starts-with-a-digit"
    error = arm.refused("PUT", bad, _vault_body(), version=VAULTS)[1]
    assert error["code"] == "VaultNameNotValid"


def test_ai_services_gets_an_identity_an_endpoint_and_keys(
    emulator: Emulator, arm: Any, group: str, subscription: str
) -> None:
    account = _account(group, subscription)
    created = arm.begin("PUT", account, _account_body(account), version=ACCOUNTS).result()
    name = account.rpartition("/")[2]
    assert created["properties"]["endpoint"] == f"https://{name}.cognitiveservices.azure.com/"
    principal = created["identity"]["principalId"]
    assert emulator.cloud.access.principal(principal) is not None
    again = arm.ok("PUT", account, _account_body(account), version=ACCOUNTS)
    assert again["identity"]["principalId"] == principal
    assert set(arm.ok("POST", f"{account}/listKeys", version=ACCOUNTS)) == {"key1", "key2"}
    off = _account_body(account, disableLocalAuth=True)
    arm.ok("PUT", account, off, version=ACCOUNTS)
    assert arm.refused("POST", f"{account}/listKeys", version=ACCOUNTS)[0] == 400
    arm.begin("DELETE", account, version=ACCOUNTS).result()
    assert emulator.cloud.access.principal(principal) is None


def test_a_deleted_account_is_restored_or_purged_before_its_name_is_used_again(
    arm: Any, group: str, subscription: str
) -> None:
    account = _account(group, subscription)
    body = _account_body(account)
    arm.begin("PUT", account, body, version=ACCOUNTS).result()
    arm.begin("DELETE", account, version=ACCOUNTS).result()
    status, error = arm.refused("PUT", account, body, version=ACCOUNTS)
    assert (status, error["code"]) == (409, "FlagMustBeSetForRestore")
    restored = _account_body(account, restore=True)
    arm.begin("PUT", account, restored, version=ACCOUNTS).result()
    arm.begin("DELETE", account, version=ACCOUNTS).result()
    purge = (
        f"/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/locations/eastus2/"
        f"resourceGroups/rg-test/deletedAccounts/{account.rpartition('/')[2]}"
    )
    arm.begin("DELETE", purge, version=ACCOUNTS).result()
    assert arm.send("GET", purge, version=ACCOUNTS).status_code == 404
    assert arm.send("PUT", account, body, version=ACCOUNTS).status_code == 201


def test_a_subdomain_is_unique(arm: Any, group: str, subscription: str) -> None:
    account = _account(group, subscription)
    arm.begin("PUT", account, _account_body(account), version=ACCOUNTS).result()
    status, error = arm.refused("PUT", account + "-2", _account_body(account), version=ACCOUNTS)
    assert (status, error["code"]) == (409, "CustomDomainInUse")


def _vault(group: str, subscription: str) -> str:
    return f"{group}/providers/Microsoft.KeyVault/vaults/kv-{subscription[:13]}"


def _vault_body(**properties: Any) -> dict[str, Any]:
    fixed = {
        "tenantId": os.environ["AZURE_TENANT_ID"],
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }
    return {"location": "eastus2", "properties": fixed | properties}


def _account(group: str, subscription: str) -> str:
    return f"{group}/providers/Microsoft.CognitiveServices/accounts/ai-{subscription[:13]}"


def _account_body(account: str, **properties: Any) -> dict[str, Any]:
    return {
        "location": "eastus2",
        "kind": "AIServices",
        "sku": {"name": "S0"},
        "identity": {"type": "SystemAssigned"},
        "properties": {"customSubDomainName": account.rpartition("/")[2], **properties},
    }
