"""azure-cli, as a team's scripts call it: sign in, groups, resources, roles, storage, vaults."""

import contextlib
import importlib
import io
import json
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

from checks import check

ENVIRONMENT = os.environ
GROUP, STORAGE = ENVIRONMENT["CONFORMANCE_GROUP"], ENVIRONMENT["CONFORMANCE_STORAGE"]
PROJECT, VAULT = ENVIRONMENT["CONFORMANCE_PROJECT"], ENVIRONMENT["CONFORMANCE_VAULT"]
SUBSCRIPTION = ENVIRONMENT["ARM_SUBSCRIPTION_ID"]
# Before azure-cli is loaded: nobody's own sign-in is touched, and none is used.
ENVIRONMENT["AZURE_CONFIG_DIR"] = tempfile.mkdtemp(prefix="azure-cli-")
CLI = importlib.import_module("azure.cli.core").get_default_cli()


def az(words: str, *more: str) -> Any:
    """One command, in this process (each start of az takes seconds); what it gives."""
    out, noise = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(noise):
        try:
            code = CLI.invoke([*words.split(), *more, "--output", "json"], out_file=out)
        except SystemExit as end:
            raise RuntimeError(noise.getvalue() or f"exit code {end.code}") from end
    if code:
        raise RuntimeError(str(CLI.result.error) or noise.getvalue() or f"exit code {code}")
    return json.loads(out.getvalue()) if out.getvalue().strip() else None


def main() -> None:
    """Every command, each on its own."""
    with check("login --service-principal, account show"):
        az(
            f"login --service-principal --username {ENVIRONMENT['ARM_CLIENT_ID']} "
            f"--tenant {ENVIRONMENT['ARM_TENANT_ID']} --password",
            ENVIRONMENT["ARM_CLIENT_SECRET"],
        )
        az(f"account set --subscription {SUBSCRIPTION}")
        shown = az("account show")
        assert shown["id"] == SUBSCRIPTION and shown["user"]["type"] == "servicePrincipal"
    _groups()
    _resources()
    _roles()
    _storage()
    _services()


def _groups() -> None:
    with check("group create, show, exists: Azure's spelling of id and type"):
        made = az("group create --name rg-az --location eastus2 --tags team=xbox")
        assert made["id"] == f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-az", made["id"]
        assert made["type"] == "Microsoft.Resources/resourceGroups", made["type"]
        assert az("group exists --name rg-az") is True
        assert az("group exists --name rg-none") is False
    with check("group update, list --tag"):
        assert az("group update --name rg-az --set tags.cost=42")["tags"]["cost"] == "42"
        assert [one["name"] for one in az("group list --tag team=xbox")] == ["rg-az"]
    with check("group delete, wait --deleted"):
        az("group delete --name rg-az --yes --no-wait")
        az("group wait --name rg-az --deleted --interval 1 --timeout 20")
        assert az("group exists --name rg-az") is False
    with check("provider register, show"):
        az("provider register --namespace Microsoft.KeyVault --wait")
        shown = az("provider show --namespace Microsoft.KeyVault")
        assert shown["registrationState"] == "Registered"


def _resources() -> None:
    project = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{PROJECT}"
    group = GROUP.rsplit("/", 1)[-1]
    with check("resource show --ids"):
        assert az(f"resource show --ids {project}")["kind"] == "Project"
    with check("resource show -g -n --resource-type"):
        shown = az(
            f"resource show -g {group} -n {PROJECT} "
            "--resource-type Microsoft.MachineLearningServices/workspaces"
        )
        assert shown["id"].lower() == project.lower()
    with check("resource list -g"):
        types = {one["type"].lower() for one in az(f"resource list -g {group}")}
        assert "microsoft.machinelearningservices/workspaces" in types
        assert "microsoft.storage/storageaccounts" in types
    with check("resource list --resource-type"):
        found = az("resource list --resource-type Microsoft.KeyVault/vaults")
        assert [one["name"] for one in found] == [VAULT]
    with check("rest GET, and the words of what isn't there"):
        address = f"https://management.azure.com{GROUP}/providers/Microsoft.KeyVault/vaults/none"
        try:
            az(f"rest --method get --url {address}?api-version=2023-07-01")
        except RuntimeError as refused:
            assert "ResourceNotFound" in str(refused)
        else:
            raise AssertionError("a vault that isn't there was shown")


def _roles() -> None:
    developer = ENVIRONMENT["AZURE_CLIENT_ID"]
    with check("role definition list --name"):
        found = az("role definition list", "--name", "Storage Blob Data Reader")
        assert found[0]["name"] == "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    with check("role assignment create --assignee (Graph finds the application)"):
        made = az(f"role assignment create --role Reader --assignee {developer} --scope {GROUP}")
        assert made["principalType"] == "ServicePrincipal"
    with check("role assignment list --scope (Graph names the principals)"):
        listed = az(f"role assignment list --scope {GROUP}")
        assert {"Reader"} <= {one["roleDefinitionName"] for one in listed}
        assert all(one["principalName"] for one in listed), "a principal without a name"
    with check("role assignment list --assignee --all"):
        assert az(f"role assignment list --assignee {developer} --all")
    with check("role assignment delete"):
        az(f"role assignment delete --role Reader --assignee {developer} --scope {GROUP}")
        names = {one["roleDefinitionName"] for one in az(f"role assignment list --scope {GROUP}")}
        assert "Reader" not in names
    with check("ad sp show"):
        assert az(f"ad sp show --id {developer}")["appId"] == developer


def _storage() -> None:
    group = GROUP.rsplit("/", 1)[-1]
    with check("storage account list, show, keys list"):
        assert STORAGE in [one["name"] for one in az(f"storage account list -g {group}")]
        assert az(f"storage account show -n {STORAGE}")["kind"] == "StorageV2"
        keys = az(f"storage account keys list -n {STORAGE}")
        assert [one["keyName"] for one in keys] == ["key1", "key2"]
    key = f"--account-name {STORAGE} --account-key"
    secret = _quietly(lambda: az(f"storage account keys list -n {STORAGE}")[0]["value"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.txt"
        file.write_text("namaste", encoding="utf-8")
        with check("storage container create, blob upload, list, download"):
            az(f"storage container create --name az-blobs {key}", secret)
            upload = (
                f"storage blob upload -c az-blobs -n it's.txt -f {file} --metadata Team=xbox {key}"
            )
            az(upload, secret)
            listed = az(f"storage blob list -c az-blobs {key}", secret)
            assert [one["name"] for one in listed] == ["it's.txt"], listed
            back = Path(folder) / "b.txt"
            az(f"storage blob download -c az-blobs -n it's.txt -f {back} {key}", secret)
            assert back.read_text(encoding="utf-8") == "namaste"
        with check("storage blob metadata show keeps the case of keys"):
            shown = az(f"storage blob metadata show -c az-blobs -n it's.txt {key}", secret)
            assert shown == {"Team": "xbox"}, shown
        with check("storage blob generate-sas opens the blob"):
            sas = az(
                "storage blob generate-sas -c az-blobs -n it's.txt --permissions r --https-only "
                f"--expiry 2030-01-01T00:00Z --full-uri {key}",
                secret,
            )
            assert "sig=" in sas
            back.unlink()
            az(f"storage blob download --blob-url {sas} -f {back}")
            assert back.read_text(encoding="utf-8") == "namaste"


def _services() -> None:
    group = GROUP.rsplit("/", 1)[-1]
    with check("keyvault list, show -n"):
        assert VAULT in [one["name"] for one in az(f"keyvault list -g {group}")]
        assert az(f"keyvault show -n {VAULT}")["name"] == VAULT
    name = f"ai-{uuid.uuid4().hex[:8]}"
    with check("cognitiveservices account create, show, keys list, delete, purge"):
        az(
            f"cognitiveservices account create -n {name} -g {group} --kind AIServices --sku S0 "
            f"--location eastus2 --custom-domain {name} --yes"
        )
        assert az(f"cognitiveservices account show -n {name} -g {group}")["kind"] == "AIServices"
        assert set(az(f"cognitiveservices account keys list -n {name} -g {group}")) >= {"key1"}
        az(f"cognitiveservices account delete -n {name} -g {group}")
        az(f"cognitiveservices account purge -n {name} -g {group} --location eastus2")
    with check("deployment group list"):
        az(f"deployment group list -g {group}")
    with check("lock create, delete"):
        az(f"lock create --name keep --lock-type CanNotDelete -g {group}")
        az(f"lock delete --name keep -g {group}")


def _quietly(ask: Any) -> str:
    try:
        return str(ask())
    except RuntimeError:
        return "none"  # what needs it tells


if __name__ == "__main__":
    main()
