"""foundry-tune in a pipeline: signed in by the job's own token, from its runner or a file."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from emulator.services.githubactions.runner import WorkflowJob
from emulator.state.issuers import GITHUB
from emulator.state.tenant import TENANT
from tests.integration.jobs.conftest import AI_DEVELOPER, Place, platform

REPOSITORY, SUBJECT = "contoso/phi", "repo:contoso/phi:environment:prod"


@pytest.fixture
def client_id(place: Place) -> str:
    """An identity that the environment `prod` signs in as."""
    return trusting(place, "pipeline", GITHUB, SUBJECT)


def trusting(place: Place, name: str, issuer: str, subject: str) -> str:
    """The client id of a new identity, Azure AI Developer of the group, that trusts a token."""
    arm = platform(place)
    identity = f"{place.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    made = arm.put(identity, "2023-01-31", {"location": "eastus2"}, "make the identity")
    trust = {"issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}
    path = f"{identity}/federatedIdentityCredentials/{name}"
    arm.put(path, "2023-01-31", {"properties": trust}, "trust its token")
    place.emulator.control.assign(made["properties"]["principalId"], AI_DEVELOPER, place.group_id)
    return str(made["properties"]["clientId"])


def job(place: Place, client_id: str, **claims: Any) -> dict[str, str | None]:
    """The environment of a workflow's job that names an identity and has no secret."""
    started = place.emulator.control.start_job(WorkflowJob(repository=REPOSITORY, **claims))
    return {
        "AZURE_CLIENT_SECRET": None,
        "AZURE_CLIENT_ID": client_id,
        "ACTIONS_ID_TOKEN_REQUEST_URL": started["url"],
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": started["token"],
    }


def test_a_workflows_job_signs_in_by_its_own_token(place: Place, client_id: str) -> None:
    told = place.tune("doctor", **job(place, client_id, environment="prod"))
    assert told.code == 0, told.said
    assert f"identity {client_id}, by the token of this workflow's job" in told.out
    assert "you may submit jobs and create endpoints" in told.out


def test_a_job_of_another_environment_is_refused_and_told_where_to_look(
    place: Place, client_id: str
) -> None:
    refused = place.tune("list", **job(place, client_id, pull_request=True))
    assert refused.code == 8, refused.said
    assert "AADSTS700213" in refused.err
    assert "repo:contoso/phi:pull_request" in refused.err, "the subject that it came with"
    assert "identityClientIds" in refused.err


def test_a_runner_that_gives_no_token_is_no_traceback(place: Place, client_id: str) -> None:
    environment = job(place, client_id, environment="prod")
    refused = place.tune("list", **environment | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "expired"})
    assert refused.code == 8, refused.said
    assert "gave this workflow's job no token of its own (status 401)" in refused.err
    assert "id-token: write" in refused.err


def test_a_task_of_azure_pipelines_signs_in_by_its_service_connection(place: Place) -> None:
    organization, connection = "0a11ce00-0000-4000-8000-00000000000d", str(uuid.uuid4())
    client_id = trusting(
        place, "devops", f"https://vstoken.dev.azure.com/{organization}", "sc://contoso/phi/azure"
    )
    names = {connection: "contoso/phi/azure"}
    started = place.emulator.control.start_task(organization, names)
    environment: dict[str, str | None] = {
        "AZURE_CLIENT_SECRET": None,
        "AZURE_CLIENT_ID": None,
        "SYSTEM_OIDCREQUESTURI": started["uri"],
        "SYSTEM_ACCESSTOKEN": started["token"],
        "AZURESUBSCRIPTION_TENANT_ID": TENANT,
        "AZURESUBSCRIPTION_CLIENT_ID": client_id,
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": connection,
    }
    told = place.tune("doctor", **environment)
    assert told.code == 0, told.said
    assert f"identity {client_id}, by the service connection of this task" in told.out
    refused = place.tune("list", **environment | {"SYSTEM_ACCESSTOKEN": "expired"})
    assert refused.code == 8, refused.said
    assert client_id in refused.err
    assert "identityClientIds" in refused.err
    assert started["token"] not in refused.said


def test_a_token_in_a_file_signs_in_as_in_aks_or_azure_pipelines(
    place: Place, client_id: str, tmp_path: Path
) -> None:
    file = tmp_path / f"{uuid.uuid4()}"
    file.write_text(place.emulator.control.id_token(GITHUB, SUBJECT), encoding="utf-8")
    environment: dict[str, str | None] = {
        "AZURE_CLIENT_SECRET": None,
        "AZURE_CLIENT_ID": client_id,
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
    }
    told = place.tune("doctor", **environment)
    assert told.code == 0, told.said
    assert f"identity {client_id}, by the token in AZURE_FEDERATED_TOKEN_FILE" in told.out
