"""`ARM_USE_OIDC`: the program's own calls and the stand-in for azure-native sign in alike."""

import os
from collections.abc import Mapping
from pathlib import Path

import jwt
import pytest

from emulator.server import Emulator
from emulator.services.githubactions.runner import WorkflowJob
from emulator.state.issuers import GITHUB
from infra import arm
from minipulumi.azure_native import credentials
from tests.integration.infra.conftest import Engine, Made

SCOPE = "https://management.azure.com/.default"
SUBJECT = "repo:contoso/phi:environment:prod"
WAYS = ("ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH", "ACTIONS_ID_TOKEN_REQUEST_URL")


@pytest.fixture
def client_id(engine: Engine, group: Made) -> str:
    """An identity made by the stand-in itself, which trusts one environment."""
    place = {"resourceGroupName": "rg-test", "resourceName": "id-pipeline"}
    made = engine.create(
        "azure-native:managedidentity:UserAssignedIdentity", {**place, "location": "eastus2"}
    )
    trusted = engine.create(
        "azure-native:managedidentity:FederatedIdentityCredential",
        {
            **place,
            "federatedIdentityCredentialResourceName": "prod",
            "issuer": GITHUB,
            "subject": SUBJECT,
            "audiences": ["api://AzureADTokenExchange"],
        },
    )
    assert trusted.id.startswith(made.id), group.id
    return str(made.outputs["clientId"])


@pytest.mark.parametrize("way", WAYS)
def test_a_pipelines_token_signs_in_by_each_way_that_azure_native_knows(
    emulator: Emulator, client_id: str, tmp_path: Path, way: str
) -> None:
    environment = {
        "ARM_TENANT_ID": os.environ["ARM_TENANT_ID"],
        "ARM_CLIENT_ID": client_id,
        "ARM_USE_OIDC": "true",
        **_token(emulator, tmp_path, way),
    }
    for credential in (
        arm.credential(environment),
        credentials.account({}, environment).credential(),
    ):
        token = credential.get_token(SCOPE).token
        assert jwt.decode(token, options={"verify_signature": False})["appid"] == client_id


def _token(emulator: Emulator, folder: Path, way: str) -> Mapping[str, str]:
    if way == "ACTIONS_ID_TOKEN_REQUEST_URL":
        job = WorkflowJob(repository="contoso/phi", environment="prod")
        started = emulator.control.start_job(job)
        return {way: started["url"], "ACTIONS_ID_TOKEN_REQUEST_TOKEN": started["token"]}
    token = emulator.control.id_token(GITHUB, SUBJECT)
    if way == "ARM_OIDC_TOKEN":
        return {way: token}
    file = folder / "token"
    file.write_text(token, encoding="utf-8")
    return {way: str(file)}
