"""Azure Resource Manager for what azure-native can't say: calls that are no PUT.

Dynamic resources run in another process, so the client is made when it is first needed and nothing
of it is kept in the state. They are asked side by side there: Azure's packages import each other in
circles, and two threads that enter such a circle at once can find half a module. So they are
imported with this module, which one thread does.
"""

import functools
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import azure.identity
from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

ARM = "https://management.azure.com"
PATIENCE_SECONDS = 600.0
_SIGNING_IN = threading.Lock()


class ArmError(Exception):
    """Azure refused a call, or didn't finish what it had accepted."""


def send(
    method: str, address: str, params: Mapping[str, str], json: Mapping[str, Any] | None = None
) -> HttpResponse:
    """Send a signed-in request to a path of ARM, or to an address that ARM gave."""
    url = f"{ARM}{address}" if address.startswith("/") else address
    try:
        return _client().send_request(HttpRequest(method, url, params=dict(params), json=json))
    except AzureError as error:
        reason = error.message.strip().splitlines()[0]
        raise ArmError(f"{method} {address}: {reason}") from error


def wait(response: HttpResponse, what: str) -> None:
    """Wait until the long-running operation that a call has started is done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.2
    while response.status_code == 202 and (address := response.headers.get("Location")):
        if time.monotonic() > deadline:
            raise ArmError(f"{what} isn't done after {PATIENCE_SECONDS:.0f} s. Run it again.")
        time.sleep(pause)
        pause = min(pause * 2, 10.0)
        response = send("GET", address, {})
        if response.status_code >= 400 and response.status_code != 404:
            raise refusal(response, what)


def refusal(response: HttpResponse, what: str) -> ArmError:
    """The error that says what Azure refused, in Azure's words."""
    error = HttpResponseError(response=response)
    reason = error.error.message if error.error else error.message
    return ArmError(f"{what}: {reason}")


def code(response: HttpResponse) -> str:
    """The code of ARM's error, such as ResourceNotFound; empty where it is no error of ARM's."""
    error = HttpResponseError(response=response).error
    return str(error.code or "") if error else ""


def body(response: HttpResponse, what: str) -> dict[str, Any]:
    """The JSON object that Azure answered; a proxy's page, or nothing at all, is no answer."""
    try:
        answer: object = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ArmError(
            f"{what}: status {response.status_code} without Azure's JSON. "
            "Is there a proxy or a sign-in page between here and Azure? Run it again."
        )
    return cast("dict[str, Any]", answer)


def sign_out() -> None:
    """Forget the client and its tokens; the next call signs in anew."""
    _signed_in.cache_clear()


def _client() -> ARMPipelineClient[Any, Any]:
    with _SIGNING_IN:  # or the first calls, which come together, would sign in once each
        return _signed_in()


@functools.cache
def _signed_in() -> ARMPipelineClient[Any, Any]:
    """One client, and with it one token, for every call of the process."""
    # The SDK logs what it raises as well; once is enough for whoever reads it.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    return ARMPipelineClient(
        ARM,
        policies=[
            UserAgentPolicy("foundry-tune"),
            RetryPolicy(),
            ARMChallengeAuthenticationPolicy(credential(os.environ), f"{ARM}/.default"),
        ],
    )


def credential(environment: Mapping[str, str]) -> TokenCredential:
    """The identity that azure-native uses, so that one sign-in serves the whole `pulumi up`."""
    tenant, client = environment.get("ARM_TENANT_ID"), environment.get("ARM_CLIENT_ID")
    if tenant and client:
        if secret := environment.get("ARM_CLIENT_SECRET"):
            return azure.identity.ClientSecretCredential(tenant, client, secret)
        if environment.get("ARM_USE_OIDC", "").lower() == "true":
            return azure.identity.ClientAssertionCredential(
                tenant, client, functools.partial(_oidc_token, environment)
            )
    if environment.get("ARM_USE_MSI", "").lower() == "true":
        return azure.identity.ManagedIdentityCredential(client_id=client)
    return azure.identity.DefaultAzureCredential()


def _oidc_token(environment: Mapping[str, str]) -> str:
    """The pipeline's own token: given, in a file that is renewed, or asked of GitHub."""
    if token := environment.get("ARM_OIDC_TOKEN"):
        return token
    if file := environment.get("ARM_OIDC_TOKEN_FILE_PATH"):
        return Path(file).read_text(encoding="utf-8").strip()
    url = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    bearer = environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not bearer:
        raise ArmError(
            "ARM_USE_OIDC is set, but there is no token. Set ARM_OIDC_TOKEN or "
            "ARM_OIDC_TOKEN_FILE_PATH, or give the GitHub job `permissions: id-token: write`."
        )
    audience = environment.get("ARM_OIDC_AUDIENCE", "api://AzureADTokenExchange")
    client: PipelineClient[Any, Any] = PipelineClient(url, policies=[])
    request = HttpRequest(
        "GET", url, params={"audience": audience}, headers={"Authorization": f"Bearer {bearer}"}
    )
    response = client.send_request(request)
    response.raise_for_status()
    return str(response.json()["value"])
