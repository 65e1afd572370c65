"""Bad inputs are refused before Azure is asked, with the property named."""

from typing import Any

import pytest

from minipulumi.azure_native.check import check
from minipulumi.azure_native.resource_types import find
from minipulumi.values import SECRET, SIGNATURE, UNKNOWN

STORAGE = find("azure-native:storage:StorageAccount")
VAULT = find("azure-native:keyvault:Vault")
ACCOUNT: dict[str, Any] = {
    "accountName": "stfoundrydev",
    "resourceGroupName": "rg-foundry-dev",
    "location": "eastus2",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS"},
}


def told(inputs: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding.property, finding.reason) for finding in check(STORAGE, inputs)]


def test_good_inputs_pass() -> None:
    assert told(ACCOUNT) == []


def test_everything_that_is_missing_is_named() -> None:
    assert told({}) == [
        ("resourceGroupName", "is missing, and required"),
        ("accountName", "is missing, and required"),
        (
            "location",
            "is missing, and required. Give it, or set it for all: "
            "pulumi config set azure-native:location <region>",
        ),
        ("kind", "is missing, and required"),
        ("sku", "is missing, and required"),
    ]


@pytest.mark.parametrize(
    ("change", "property_", "reason"),
    [
        ({"accountName": "st-dev"}, "accountName", "must be 3 to 24 lower case letters and digits"),
        ({"location": 5}, "location", "must be a string"),
        ({"isHnsEnabled": "true"}, "isHnsEnabled", "must be true or false"),
        ({"tags": ["a"]}, "tags", "must be a map of strings"),
        ({"tags": {"a": 1}}, "tags", "must be a map of strings"),
        ({"sku": "Standard_LRS"}, "sku", "must be an object"),
        ({"sku": {}}, "sku.name", "is missing, and required"),
        (
            {"minimumTlsVersion": "TLS1.2"},
            "minimumTlsVersion",
            "must be one of TLS1_0, TLS1_1, TLS1_2, TLS1_3; did you mean 'TLS1_2'?",
        ),
        (
            {"minimumTlsVersio": "TLS1_2"},
            "minimumTlsVersio",
            "isn't covered by this stand-in for azure-native; did you mean 'minimumTlsVersion'?",
        ),
        (
            {"customDomain": {"name": "x"}},
            "customDomain",
            "isn't covered by this stand-in for azure-native; the real azure-native may know it",
        ),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], property_: str, reason: str) -> None:
    assert told({**ACCOUNT, **change}) == [(property_, reason)]


@pytest.mark.parametrize("name", ["kv-", "1vault", "a--b", "kv", "k" * 25])
def test_a_vault_name_that_azure_refuses_is_refused_here(name: str) -> None:
    inputs = {
        "vaultName": name,
        "resourceGroupName": "rg",
        "location": "eastus2",
        "properties": {"tenantId": "t", "sku": {"family": "A", "name": "standard"}},
    }
    (finding,) = check(VAULT, inputs)
    assert finding.property == "vaultName"


def test_what_is_unknown_yet_passes_and_a_secret_is_looked_into() -> None:
    assert told({**ACCOUNT, "location": UNKNOWN, "sku": UNKNOWN}) == []
    secret = {SIGNATURE: SECRET, "value": "st-dev"}
    (finding,) = told({**ACCOUNT, "accountName": secret})
    assert finding[0] == "accountName"


def test_a_value_is_compared_without_case_as_azure_does() -> None:
    assert told({**ACCOUNT, "kind": "storagev2"}) == []


def test_a_list_of_objects_is_looked_into() -> None:
    role = find("azure-native:authorization:RoleDefinition")
    guid = "00000000-0000-4000-8000-000000000000"
    inputs: dict[str, Any] = {"scope": "/subscriptions/s", "roleDefinitionId": guid}
    assert check(role, {**inputs, "permissions": [{"actions": ["*/read"]}]}) == []
    (finding,) = check(role, {**inputs, "permissions": [{"action": ["*/read"]}]})
    assert finding.property == "permissions[0].action"
    (finding,) = check(role, {**inputs, "permissions": ["*/read"]})
    assert finding.reason == "must be a list of objects"
