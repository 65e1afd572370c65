"""`https://{endpoint}.{region}.inference.ml.azure.com/score`: who may ask, and which one answers.

The header `azureml-model-deployment` names a deployment, whatever its share of the traffic; without
it a call goes to one by the shares. What a scoring script answers besides a 200 is a 424, with the
script's own status in a header, as Azure's proxy does it.
"""

import threading
from weakref import WeakKeyDictionary

from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router, render_json_error
from emulator.services.inference.sign_in import is_key
from emulator.services.machinelearningservices import online_serving
from emulator.services.machinelearningservices.online_endpoints import (
    ENDPOINTS,
    accepts_token,
    find_by_host,
    traffic_of,
)
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource

DEPLOYMENT_HEADER = "azureml-model-deployment"
_AUDIENCES = ("https://ml.azure.com",)
_SPREAD = 37
"""A step through the hundred parts of the traffic that meets each of them once in a hundred."""


def _score(request: Request) -> Response:
    name, region = request.parameters["endpoint"], request.parameters["region"]
    endpoint = find_by_host(request.cloud, name, region)
    if endpoint is None or endpoint.state in ("Creating", "Deleting"):
        raise AzureError(
            404, "NotFound", f"No online endpoint '{name}' serves in the region '{region}'."
        )
    _sign_in(request, endpoint)
    deployment = _deployment(request, endpoint)
    answer = online_serving.of(request.cloud).ask(deployment, request.body)
    headers = {
        "content-type": answer.kind,
        DEPLOYMENT_HEADER: deployment.name,
        "x-ms-request-id": request.id,
    }
    if answer.status == 200:
        return Response(200, headers, answer.content)
    headers |= {
        "ms-azureml-model-error-statuscode": str(answer.status),
        "ms-azureml-model-error-reason": answer.reason,
    }
    return Response(424, headers, answer.content)


def _sign_in(request: Request, endpoint: Resource) -> None:
    mode = endpoint.properties["authMode"]
    scheme, _, credential = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise _unauthorized("The request has no credential: send 'Authorization: Bearer <it>'.")
    if mode == "AADToken":
        request.sign_in(_AUDIENCES)
        request.cloud.access.require(request.caller, f"{ENDPOINTS}/score/action", endpoint.id.text)
    elif mode == "AMLToken":
        if not accepts_token(request.cloud, endpoint, credential):
            raise _unauthorized("The token is not one of this endpoint's, or has expired.")
    elif not is_key(endpoint, credential):
        raise _unauthorized("The key is not one of this endpoint's keys.")


def _deployment(request: Request, endpoint: Resource) -> Resource:
    serving = {
        one.name.lower(): one
        for one in request.cloud.resources.children(endpoint.id)
        if one.state in ("Succeeded", "Updating") or online_serving.of(request.cloud).runs(one)
    }
    wanted = request.headers.get(DEPLOYMENT_HEADER, "").strip()
    if wanted:
        found = serving.get(wanted.lower())
        if found is None:
            raise AzureError(
                404,
                "DeploymentNotFound",
                f"The endpoint '{endpoint.name}' has no deployment '{wanted}' that serves.",
            )
        return found
    shares = {name: share for name, share in traffic_of(endpoint).items() if share}
    if not shares:
        raise AzureError(
            404,
            "NotFound",
            f"The endpoint '{endpoint.name}' has no deployment that gets traffic.",
        )
    chosen = _chosen(_turn(request.cloud, endpoint), shares)
    if chosen not in serving:
        raise AzureError(503, "ServiceUnavailable", f"The deployment '{chosen}' doesn't serve.")
    return serving[chosen]


def _chosen(turn: int, shares: dict[str, int]) -> str:
    part = turn * _SPREAD % 100
    for name, share in shares.items():
        if part < share:
            return name
        part -= share
    raise AssertionError(f"shares that are not a hundred: {shares}")


_turns: "WeakKeyDictionary[Cloud, dict[str, int]]" = WeakKeyDictionary()
_turns_lock = threading.Lock()


def _turn(cloud: Cloud, endpoint: Resource) -> int:
    with _turns_lock:
        turns = _turns.setdefault(cloud, {})
        turns[endpoint.id.key] = turns.get(endpoint.id.key, -1) + 1
        return turns[endpoint.id.key]


def _unauthorized(message: str) -> AzureError:
    return AzureError(401, "Unauthorized", message, headers={"www-authenticate": "Bearer"})


PLANE = Plane(
    "{endpoint}.{region}.inference.ml.azure.com",
    Router((Route("POST", "/score", _score),)).handle,
    render_json_error,
)
