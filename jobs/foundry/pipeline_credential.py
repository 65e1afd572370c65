"""A pipeline's own token as the sign-in, asked for anew whenever Entra wants one.

GitHub's: azure-identity takes a token from a file (AZURE_FEDERATED_TOKEN_FILE), which a workflow's
job would have to write, and which is worth nothing five minutes later; an `apply` may take hours.
Azure Pipelines': as a task with a service connection has it, by azure-identity itself.
"""

import os
from typing import TYPE_CHECKING, Any

from jobs.errors import SignInError, UnreachableError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

AUDIENCE = "api://AzureADTokenExchange"
_NAMED = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
_ASKED = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
# What AzureCLI@2 and AzurePowerShell@5 set, with the job's System.AccessToken handed on.
_TASK = (
    "SYSTEM_OIDCREQUESTURI",
    "SYSTEM_ACCESSTOKEN",
    "AZURESUBSCRIPTION_TENANT_ID",
    "AZURESUBSCRIPTION_CLIENT_ID",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
)


def own_token() -> "TokenCredential | None":
    """The identity that this pipeline's job signs in as by its own token; None where it has none.

    A secret or a token's file that is set wins, as it does in azure-identity.
    """
    if is_workflow_job():
        return _of_workflow_job()
    return _of_pipelines_task() if is_pipelines_task() else None


def is_pipelines_task() -> bool:
    """Whether this is a task of Azure Pipelines with a service connection and the job's token."""
    return all(map(os.environ.get, _TASK)) and not _is_told_otherwise()


def is_workflow_job() -> bool:
    """Whether this is a job that may ask GitHub for its token, and says who it signs in as."""
    return all(map(os.environ.get, (*_NAMED, *_ASKED))) and not _is_told_otherwise()


def _is_told_otherwise() -> bool:
    return any(map(os.environ.get, ("AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE")))


def _of_pipelines_task() -> "TokenCredential":
    from azure.identity import AzurePipelinesCredential

    _, access, tenant, client, connection = (os.environ[name] for name in _TASK)
    return AzurePipelinesCredential(
        tenant_id=tenant,
        client_id=client,
        service_connection_id=connection,
        system_access_token=access,
    )


def _of_workflow_job() -> "TokenCredential":
    from azure.identity import ClientAssertionCredential

    tenant, client = (os.environ[name] for name in _NAMED)
    return ClientAssertionCredential(tenant, client, _id_token)


def _id_token() -> str:
    """The job's token, from its runner.

    Raises:
        SignInError: The runner answered with something else.
        UnreachableError: It didn't answer.
    """
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError, HttpResponseError
    from azure.core.rest import HttpRequest

    url, bearer = (os.environ[name] for name in _ASKED)
    client: PipelineClient[Any, Any] = PipelineClient(url, policies=[])
    request = HttpRequest(
        "GET", url, params={"audience": AUDIENCE}, headers={"Authorization": f"Bearer {bearer}"}
    )
    try:
        response = client.send_request(request)
        response.raise_for_status()
        return str(response.json()["value"])
    except HttpResponseError as error:
        raise _no_token(f"status {error.status_code}") from error
    except AzureError as error:
        raise UnreachableError(
            "The runner of this workflow's job could not be reached for its token.",
            next_step="Check the network and HTTPS_PROXY, then run the job again.",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _no_token("an answer without one") from error


def _no_token(why: str) -> SignInError:
    return SignInError(
        f"The runner gave this workflow's job no token of its own ({why}).",
        next_step="Give the job `permissions: id-token: write`, and run it again.",
    )
