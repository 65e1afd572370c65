"""How a deployment gets on: its resources made one after the other, until one is refused.

A deployment keeps in `private` what is pending and under way, what was done (`operations`), and who
deploys (`by`): who asks how it gets on may be somebody else, with other rights.
"""

import dataclasses
import threading
import uuid
from typing import Any

from emulator.arm.operations import Operations
from emulator.arm.pipeline import Arm
from emulator.http.messages import Request
from emulator.services.resources.templates import Planned
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId
from emulator.state.json_text import Json, encode_json
from emulator.state.store import Resource
from emulator.state.tokens import ARM_AUDIENCES

ENDED = ("Succeeded", "Failed")
# One deployment at a time goes on: two who ask at once would both PUT its next resource.
_GOING_ON = threading.Lock()


def go_on(request: Request, id: ResourceId) -> None:
    """Make what is next, until something takes its time, is refused, or all is there."""
    cloud = request.cloud
    with _GOING_ON:
        while (deployment := cloud.resources.get(id)) is not None:
            if deployment.state in ENDED or not _step(request, deployment):
                return


def _step(request: Request, deployment: Resource) -> bool:
    """One resource further; False while the one under way is not there yet."""
    cloud, private = request.cloud, deployment.private
    pending: list[Json] = private["pending"]
    if not pending:
        _end(cloud, deployment, "Succeeded")
        return False
    following: dict[str, Any] = pending[0] | {"depends_on": tuple(pending[0]["depends_on"])}
    planned = Planned(**following)
    if not private.get("under_way"):
        try:
            answer = cloud.part(Arm).handle(_put(request, planned, private["by"]))
        except AzureError as error:
            _fail(cloud, deployment, planned, error.status, error.body())
            return False
        deployment = _stored(
            cloud, deployment, {"under_way": answer.status, "since": cloud.clock.timestamp()}
        )
    cloud.part(Operations).settle()
    made = cloud.resources.get(planned.id)
    if made is not None and made.state in ("Creating", "Updating"):
        return False
    if made is None or made.state == "Failed":
        error = {"code": "ResourceDeploymentFailure", "message": f"'{planned.id}' is not there."}
        _fail(cloud, deployment, planned, 409, error)
        return False
    done = _target(deployment, planned, cloud) | {"state": "Succeeded", "status": "OK"}
    _stored(
        cloud,
        deployment,
        {"pending": pending[1:], "under_way": None, "operations": [*private["operations"], done]},
    )
    return True


def _put(request: Request, planned: Planned, by: str) -> Request:
    """The PUT of one resource, by whoever deploys."""
    who = request.cloud.access.principal(by)
    if who is None:
        raise AzureError(401, "AuthenticationFailed", "Who deploys this is no longer there.")
    token = request.cloud.tokens.issue(who, ARM_AUDIENCES[0])
    return dataclasses.replace(
        request,
        method="PUT",
        path=planned.id,
        raw_path=planned.id,
        raw_query=f"api-version={planned.api_version}",
        query={"api-version": planned.api_version},
        headers={"authorization": f"Bearer {token}"},
        body=encode_json(planned.body).encode(),
        id=str(uuid.uuid4()),
        parameters={},
        served_version="",
    )


def _stored(cloud: Cloud, deployment: Resource, private: Json) -> Resource:
    return cloud.resources.put(
        deployment.with_private(**private).with_properties(provisioningState="Running")
    )


def _fail(cloud: Cloud, deployment: Resource, planned: Planned, status: int, error: Json) -> None:
    failed = _target(deployment, planned, cloud) | {
        "state": "Failed",
        "status": str(status),
        "error": error,
    }
    operations = [*deployment.private["operations"], failed]
    _end(cloud, deployment.with_private(operations=operations), "Failed", error)


def _end(cloud: Cloud, deployment: Resource, state: str, error: Json | None = None) -> None:
    now = cloud.clock.timestamp()
    properties: Json = {
        "provisioningState": state,
        "timestamp": isoformat(now),
        "duration": f"PT{max(0.0, now - deployment.private['began']):.7f}S",
        "outputResources": [
            {"id": one["id"]}
            for one in deployment.private["operations"]
            if one["state"] == "Succeeded"
        ],
    }
    if error is not None:
        properties["error"] = {
            "code": "DeploymentFailed",
            "message": "At least one resource deployment operation failed. Please list deployment "
            "operations for details. Please see https://aka.ms/arm-deployment-operations for usage "
            "details.",
            "details": [error],
        }
    ended = deployment.with_private(pending=[], under_way=None).with_properties(**properties)
    cloud.resources.put(ended)


def _target(deployment: Resource, planned: Planned, cloud: Cloud) -> Json:
    began = deployment.private.get("since") or deployment.private["began"]
    return now(cloud) | {
        "kind": "Create",
        "id": planned.id,
        "type": planned.type,
        "name": planned.name,
        "seconds": max(0.0, cloud.clock.timestamp() - began),
    }


def now(cloud: Cloud) -> Json:
    """What every operation says: that it is done, and when."""
    return {"state": "Succeeded", "status": "OK", "at": cloud.clock.timestamp(), "seconds": 0.0}
