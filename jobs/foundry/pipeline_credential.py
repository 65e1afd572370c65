"""A pipeline's own token as the sign-in: GitHub's, asked for anew whenever Entra wants one.

azure-identity takes a token from a file (AZURE_FEDERATED_TOKEN_FILE), which a workflow's job would
have to write, and which is worth nothing five minutes later; an `apply` may take hours.
"""

import os
from typing import TYPE_CHECKING, Any

from jobs.errors import SignInError, UnreachableError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

AUDIENCE = "api://AzureADTokenExchange"
_NAMED = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
_ASKED = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


def is_workflow_job() -> bool:
    """Whether this is a job that may ask GitHub for its token, and says who it signs in as.

    A secret or a token's file that is set wins, as it does in azure-identity.
    """
    others = ("AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE")
    return all(map(os.environ.get, (*_NAMED, *_ASKED))) and not any(map(os.environ.get, others))


def of_workflow_job() -> "TokenCredential":
    """The identity that the job names, by the job's own token."""
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
