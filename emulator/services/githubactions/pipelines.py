"""Azure Pipelines' address for tokens: SYSTEM_OIDCREQUESTURI, with the job's access token.

A task asks there for the token of a service connection (learn.microsoft.com, "Oidctoken - Create",
7.1). Which connections the job may use stands in its access token, so nothing is kept.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router, render_json_error
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.issuers import DEVOPS_HOST

HOST = "dev.azure.com"
AUDIENCE = "api://AzureADTokenExchange"
_PATH = (
    "/{organization}/{project}/_apis/distributedtask/hubs/build/plans/{plan}/jobs/{job}/oidctoken"
)
_LIFETIME = 6 * 3600
"""Seconds: as long as a job may run on Microsoft's own agents."""


def start(cloud: Cloud, organization: str, connections: Mapping[str, str]) -> dict[str, str]:
    """Where a job asks for tokens, and its access token.

    `organization` is the id at the end of its issuer; `connections` are ORG/PROJECT/CONNECTION by
    the connections' ids.
    """
    issuer = f"https://{DEVOPS_HOST}/{organization}"
    if not cloud.issuers.knows(issuer):
        raise bad_request(f"'{organization}' is no organization's id.")
    names = {tuple(connection.split("/")[:2]) for connection in connections.values()}
    if len(names) != 1 or any(word.count("/") != 2 for word in connections.values()):
        raise bad_request("A job's connections are ORG/PROJECT/CONNECTION, of one project.")
    ((org, project),) = names
    path = _PATH.format(organization=org, project=project, plan=uuid.uuid4(), job=uuid.uuid4())
    told = {"connections": dict(connections)}
    return {
        "uri": f"https://{HOST}{path}",
        "token": cloud.issuers.sign(issuer, "job", HOST, told, lifetime=_LIFETIME),
    }


def token(request: Request) -> Response:
    """POST …/oidctoken?serviceConnectionId=…: the connection's token."""
    import jwt

    _, _, bearer = request.headers.get("authorization", "").partition(" ")
    if not request.cloud.issuers.is_signed(bearer):
        raise AzureError(401, "Unauthorized", "TF400813: The user '' is not authorized.")
    job: dict[str, Any] = jwt.decode(bearer, options={"verify_signature": False})
    name = job.get("connections", {}).get(request.option("serviceConnectionId"))
    if name is None:
        raise AzureError(404, "NotFound", "The service connection does not exist or isn't allowed.")
    signed = request.cloud.issuers.sign(job["iss"], f"sc://{name}", AUDIENCE)
    return Response.json({"oidcToken": signed})


PLANE = Plane(HOST, Router((Route("POST", _PATH, token),)).handle, render_json_error)
