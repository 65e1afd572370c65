"""How a job's code comes up: a container of its own for each version, with a signature to fill it.

As azure-ai-ml does it: it looks for the same content first, then asks where to put new one.
"""

import uuid

from emulator.arm.paging import page
from emulator.arm.resources import list_resources, require_resource
from emulator.arm.show import show
from emulator.arm.types import TypeTable
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import assets, blobs, datastores, workspaces
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.runs import workspace_id
from emulator.services.machinelearningservices.versions import API_VERSIONS, WORKSPACES

_SCOPE = (
    f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{WORKSPACES}/{{workspace}}"
)
_CODE = f"{_SCOPE}/codes/{{code}}"
_SAS_HOURS = 24


def _list(request: Request) -> Response:
    """The versions of a code: none where nobody has brought it up yet.

    azure-ai-ml asks under a new name for the same content's hash, and takes the name from the
    answer: with a hash, every code of the workspace is meant.
    """
    workspace = require_resource(request.cloud, workspace_id(request))
    row = request.cloud.part(TypeTable).require(f"{assets.CODES}/versions")
    if request.option("hash"):
        selection = row.select(request)
        return page(
            request,
            [
                version
                for code in request.cloud.resources.children(workspace.id, assets.CODES)
                for version in request.cloud.resources.children(code.id, row.name)
                if selection.keeps(version)
            ],
            lambda version: show(request.cloud, version, request.api_version),
            options=row.list_options,
        )
    code = workspace.id.child("codes", request.parameters["code"])
    if request.cloud.resources.get(code) is None:
        return Response.json({"value": []})
    return list_resources(request, row, code)


def _start_pending_upload(request: Request) -> Response:
    asked = str(request.json().get("pendingUploadType") or "")
    if asked.lower() not in ("temporaryblobreference", "none", ""):
        raise user_error(f"'{asked}' is not a type of upload.", target="pendingUploadType")
    cloud = request.cloud
    workspace = require_resource(cloud, workspace_id(request))
    account = datastores.storage_account(cloud, workspaces.hub_of(cloud, workspace))
    # The longest name a container may have: the workspace's id, and what makes it unique.
    container = f"{workspace.properties['workspaceId']}-{uuid.uuid4().hex[:26]}"
    blobs.ensure_container(cloud, account, container)
    address = f"https://{account.name}.blob.core.windows.net/{container}"
    return Response.json(
        {
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": address,
                "storageAccountArmId": account.id.text,
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": address + blobs.container_sas(cloud, account, container, _SAS_HOURS),
                },
            },
        }
    )


CODE_ROUTES = (
    Route(
        "GET",
        f"{_CODE}/versions",
        _list,
        operation=f"{assets.CODES}/versions/read",
        scope=_SCOPE,
        api_versions=API_VERSIONS,
    ),
    Route(
        "POST",
        f"{_CODE}/versions/{{version}}/startPendingUpload",
        _start_pending_upload,
        operation=f"{assets.CODES}/versions/write",
        scope=_SCOPE,
        api_versions=API_VERSIONS,
    ),
)
