"""Signing in without a secret: by a pipeline's own token, with azure-identity as it is."""

import base64
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AzurePipelinesCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    WorkloadIdentityCredential,
)
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.server import Emulator
from emulator.services.githubactions.runner import WorkflowJob
from emulator.state.issuers import GITHUB
from emulator.state.tenant import TENANT

SCOPE = "https://management.azure.com/.default"
AUDIENCE = "api://AzureADTokenExchange"
VERSION = "2023-01-31"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
SUBJECT = "repo:contoso/phi:environment:prod"
ORGANIZATION = "https://vstoken.dev.azure.com/0a11ce00-0000-4000-8000-00000000000d"


@pytest.fixture
def identity(arm: Any, group: str) -> dict[str, Any]:
    """A user-assigned identity that the environment `prod` of contoso/phi signs in as."""
    path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/release"
    made = arm.ok("PUT", path, {"location": "eastus2"}, version=VERSION)
    _trust(arm, path, "prod", GITHUB, SUBJECT)
    return made


def test_a_runner_gives_a_job_githubs_token_and_the_issuer_shows_its_key(
    emulator: Emulator,
) -> None:
    job = WorkflowJob(repository="contoso/phi", environment="prod")
    token = _ask(emulator.control.start_job(job), AUDIENCE)
    configuration = requests.get(f"{GITHUB}/.well-known/openid-configuration", timeout=10).json()
    assert configuration["issuer"] == GITHUB
    (key,) = requests.get(configuration["jwks_uri"], timeout=10).json()["keys"]
    claims = jwt.decode(
        token, jwt.PyJWK(key), algorithms=["RS256"], audience=AUDIENCE, issuer=GITHUB
    )
    assert claims["sub"] == SUBJECT
    assert claims["repository"] == "contoso/phi"
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize(
    ("job", "subject"),
    [
        (WorkflowJob(repository="contoso/phi"), "repo:contoso/phi:ref:refs/heads/main"),
        (WorkflowJob(repository="contoso/phi", pull_request=True), "repo:contoso/phi:pull_request"),
        (
            WorkflowJob(repository="contoso@1/phi@2", environment="a:b", pull_request=True),
            "repo:contoso@1/phi@2:environment:a%3Ab",
        ),
    ],
)
def test_a_jobs_subject_is_its_environment_its_event_or_its_ref(
    job: WorkflowJob, subject: str
) -> None:
    assert job.subject == subject


def test_a_task_of_azure_pipelines_signs_in_by_its_service_connection(
    emulator: Emulator, arm: Any, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/devops"
    made = arm.ok("PUT", path, {"location": "eastus2"}, version=VERSION)
    _trust(arm, path, "azure", ORGANIZATION, "sc://contoso/phi/azure")
    organization, connection = ORGANIZATION.rpartition("/")[2], str(uuid.uuid4())
    started = emulator.control.start_task(organization, {connection: "contoso/phi/azure"})
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", started["uri"])

    def signed_in(connection: str, token: str) -> str:
        return (
            AzurePipelinesCredential(
                tenant_id=TENANT,
                client_id=made["properties"]["clientId"],
                service_connection_id=connection,
                system_access_token=token,
            )
            .get_token(SCOPE)
            .token
        )

    claims = jwt.decode(
        signed_in(connection, started["token"]), options={"verify_signature": False}
    )
    assert claims["oid"] == made["properties"]["principalId"]
    for wrong in ((str(uuid.uuid4()), started["token"]), (connection, "expired")):
        with pytest.raises(ClientAuthenticationError):
            signed_in(*wrong)


def test_a_runner_gives_no_token_to_a_stranger(emulator: Emulator) -> None:
    started = emulator.control.start_job(WorkflowJob(repository="contoso/phi"))
    id_token = _ask(started, AUDIENCE)
    for bearer in ("nonsense", id_token):
        refused = requests.get(
            started["url"], headers={"Authorization": f"Bearer {bearer}"}, timeout=10
        )
        assert refused.status_code == 401


def test_a_user_assigned_identity_signs_in_by_its_federated_token_and_has_its_roles(
    emulator: Emulator, arm: Any, group: str, identity: dict[str, Any]
) -> None:
    properties = identity["properties"]
    job = emulator.control.start_job(WorkflowJob(repository="contoso/phi", environment="prod"))
    with ClientAssertionCredential(
        TENANT, properties["clientId"], lambda: _ask(job, AUDIENCE)
    ) as credential:
        token = credential.get_token(SCOPE).token
        assert (
            requests.get(*_group_of(group), headers=_bearer(token), timeout=10).status_code == 403
        )
        _assign(arm, group, READER, properties["principalId"])
        answer = requests.get(*_group_of(group), headers=_bearer(token), timeout=10)
    assert (answer.status_code, answer.json()["id"]) == (200, group)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["oid"] == properties["principalId"]
    assert claims["appid"] == properties["clientId"]
    assert claims["xms_mirid"].lower() == identity["id"].lower()


def test_a_token_in_a_file_signs_in_by_workload_identity_and_by_default(
    emulator: Emulator,
    identity: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "token"
    file.write_text(emulator.control.id_token(GITHUB, SUBJECT), encoding="utf-8")
    client = identity["properties"]["clientId"]
    with WorkloadIdentityCredential(
        tenant_id=TENANT, client_id=client, token_file_path=str(file)
    ) as credential:
        assert credential.get_token(SCOPE).token
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    monkeypatch.setenv("AZURE_CLIENT_ID", client)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    with DefaultAzureCredential() as credential:
        token = credential.get_token(SCOPE).token
    assert jwt.decode(token, options={"verify_signature": False})["appid"] == client


def test_azure_devops_signs_in_by_its_service_connection(
    emulator: Emulator, arm: Any, identity: dict[str, Any]
) -> None:
    subject = "sc://contoso/phi/azure"
    _trust(arm, identity["id"], "devops", ORGANIZATION, subject)
    token = emulator.control.id_token(ORGANIZATION, subject)
    assert _sign_in(identity, token)
    key = requests.get(f"{ORGANIZATION}/.well-known/openid-configuration", timeout=10).json()
    assert key["issuer"] == ORGANIZATION


def _token(emulator: Emulator, what: str) -> str:
    """A token that differs in one thing from the one that signs in."""
    give = emulator.control.id_token
    match what:
        case "issuer":
            return give(ORGANIZATION, SUBJECT)
        case "subject":
            return give(GITHUB, "repo:contoso/phi:pull_request")
        case "case":
            return give(GITHUB, SUBJECT.upper())
        case "audience":
            return give(GITHUB, SUBJECT, "https://github.com/contoso")
        case "expired":
            return give(GITHUB, SUBJECT, lifetime=-1)
        case "key":
            return _signed_by_somebody_else()
        case "tampered":
            return _changed(give(GITHUB, SUBJECT))
        case _:
            return "nonsense"


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("issuer", "AADSTS700211"),
        ("subject", "AADSTS700213"),
        ("case", "AADSTS7002138"),
        ("audience", "AADSTS700212"),
        ("expired", "AADSTS700024"),
        ("key", "AADSTS700027"),
        ("tampered", "AADSTS700027"),
        ("no token", "AADSTS50027"),
    ],
)
def test_a_token_that_differs_in_one_claim_is_refused_with_its_number(
    emulator: Emulator, identity: dict[str, Any], what: str, number: str
) -> None:
    with pytest.raises(ClientAuthenticationError, match=number):
        _sign_in(identity, _token(emulator, what))


def test_an_identity_that_trusts_nobody_takes_no_token_and_no_secret(
    emulator: Emulator, arm: Any, identity: dict[str, Any]
) -> None:
    arm.ok("DELETE", f"{identity['id']}/federatedIdentityCredentials/prod", version=VERSION)
    with pytest.raises(ClientAuthenticationError, match="AADSTS70021:"):
        _sign_in(identity, emulator.control.id_token(GITHUB, SUBJECT))
    client = identity["properties"]["clientId"]
    with (
        ClientSecretCredential(TENANT, client, "secret") as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(SCOPE)


def test_an_identity_that_is_gone_signs_nobody_in(
    emulator: Emulator, arm: Any, identity: dict[str, Any]
) -> None:
    arm.ok("DELETE", identity["id"], version=VERSION)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
        _sign_in(identity, emulator.control.id_token(GITHUB, SUBJECT))


def test_an_identity_keeps_its_ids_and_its_credentials_are_checked(
    arm: Any, identity: dict[str, Any]
) -> None:
    path = identity["id"]
    again = arm.ok("PUT", path, {"location": "eastus2", "tags": {"a": "b"}}, version=VERSION)
    assert again["properties"] == identity["properties"]
    bad: list[tuple[dict[str, Any], int]] = [
        ({"issuer": GITHUB, "subject": SUBJECT, "audiences": [AUDIENCE]}, 409),
        ({"issuer": "http://x", "subject": "s", "audiences": [AUDIENCE]}, 400),
        ({"issuer": GITHUB, "subject": "", "audiences": [AUDIENCE]}, 400),
        ({"issuer": GITHUB, "subject": "s", "audiences": []}, 400),
    ]
    for properties, status in bad:
        refused = arm.refused(
            "PUT",
            f"{path}/federatedIdentityCredentials/other",
            {"properties": properties},
            version=VERSION,
        )
        assert refused[0] == status, refused
    for number in range(19):
        _trust(arm, path, f"more-{number}", GITHUB, f"repo:contoso/phi:environment:{number}")
    full = {"issuer": GITHUB, "subject": "s", "audiences": [AUDIENCE]}
    refused = arm.refused(
        "PUT", f"{path}/federatedIdentityCredentials/more", {"properties": full}, version=VERSION
    )
    assert refused[0] == 400


WORKFLOW = [sys.executable, "-m", "emulator.cli", "workflow"]


def _workflow(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WORKFLOW, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_in_a_workflows_job_has_the_runners_token_and_no_credential(
    emulator: Emulator,
) -> None:
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    job = ("--repository", "contoso/phi", "--pull-request")
    ran = _workflow(*job, "--", sys.executable, "-c", show)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert not {"ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID"} & set(seen)
    assert seen["ARM_TENANT_ID"] == TENANT
    assert (seen["GITHUB_EVENT_NAME"], seen["GITHUB_REF"]) == ("pull_request", "refs/pull/1/merge")
    started = {
        "url": seen["ACTIONS_ID_TOKEN_REQUEST_URL"],
        "token": seen["ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
    }
    claims = jwt.decode(_ask(started, AUDIENCE), options={"verify_signature": False})
    assert claims["sub"] == "repo:contoso/phi:pull_request"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--repository", "contoso/phi"), "say what to run: foundry-emulator workflow"),
        (("--repository", "phi", "--", "true"), "'phi' is no repository. Write it as ORG/REPO."),
    ],
)
def test_a_job_that_cannot_be_is_refused_in_a_line(
    emulator: Emulator, arguments: tuple[str, ...], told: str
) -> None:
    refused = _workflow(*arguments)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert (
        "no emulator runs"
        in _workflow("--repository", "a/b", "--", "true", FOUNDRY_EMULATOR="").stderr
    )


def _trust(arm: Any, identity: str, name: str, issuer: str, subject: str) -> None:
    properties = {"issuer": issuer, "subject": subject, "audiences": [AUDIENCE]}
    path = f"{identity}/federatedIdentityCredentials/{name}"
    arm.ok("PUT", path, {"properties": properties}, version=VERSION)


def _ask(started: dict[str, str], audience: str) -> str:
    answer = requests.get(
        f"{started['url']}&audience={audience}",
        headers={"Authorization": f"bearer {started['token']}"},
        timeout=10,
    )
    return str(answer.json()["value"])


def _sign_in(identity: dict[str, Any], assertion: str) -> str:
    client = identity["properties"]["clientId"]
    with ClientAssertionCredential(TENANT, client, lambda: assertion) as credential:
        return credential.get_token(SCOPE).token


def _signed_by_somebody_else() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {"iss": GITHUB, "sub": SUBJECT, "aud": AUDIENCE, "exp": 4102444800}
    return jwt.encode(claims, key, "RS256")


def _changed(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["exp"] += 3600
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{text}.{signature}"


def _group_of(group: str) -> tuple[str, dict[str, str]]:
    return f"https://management.azure.com{group}", {"api-version": "2024-03-01"}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _assign(arm: Any, scope: str, role: str, principal: str) -> None:
    name = uuid.uuid4()
    body = {
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": principal,
        "principalType": "ServicePrincipal",
    }
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    arm.ok("PUT", path, {"properties": body}, version="2022-04-01")
