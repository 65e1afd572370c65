"""`diagnose` of a workspace: is what it needs still there? And `resyncKeys`, after new keys."""

from emulator.arm.resources import require_resource
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import workspaces
from emulator.services.machinelearningservices.runs import workspace_id
from emulator.services.machinelearningservices.versions import API_VERSIONS, WORKSPACES
from emulator.state.json_text import Json

# Each kind of finding that Azure has; those of networks and registries are never found here.
_RESULTS = (
    "userDefinedRouteResults", "networkSecurityRuleResults", "resourceLockResults",
    "dnsResolutionResults", "storageAccountResults", "keyVaultResults",
    "containerRegistryResults", "applicationInsightsResults", "otherResults",
)  # fmt: skip
_OF_DEPENDENCIES = {
    "storageAccount": "storageAccountResults",
    "keyVault": "keyVaultResults",
    "containerRegistry": "containerRegistryResults",
    "applicationInsights": "applicationInsightsResults",
}


def diagnose(request: Request) -> Response:
    """POST …/diagnose: one finding for each dependency that is gone."""
    workspace = require_resource(request.cloud, workspace_id(request))
    hub = workspaces.hub_of(request.cloud, workspace)
    found: Json = {name: [] for name in _RESULTS}
    for name, results in _OF_DEPENDENCIES.items():
        id = hub.properties.get(name)
        if id and request.cloud.resources.get(str(id)) is None:
            found[results].append(
                {
                    "code": "ResourceNotFound",
                    "level": "Error",
                    "message": f"The workspace's {name} '{id}' doesn't exist.",
                }
            )
    return Response.json({"value": found})


def resync_keys(request: Request) -> Response:
    """POST …/resyncKeys: keys are read where they are, so they are never out of date here."""
    require_resource(request.cloud, workspace_id(request))
    return Response.empty(200)


_SCOPE = (
    f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{WORKSPACES}/{{workspace}}"
)
DIAGNOSE_ROUTES = tuple(
    Route(
        "POST",
        f"{_SCOPE}/{name}",
        handler,
        operation=f"{WORKSPACES}/{name}/action",
        scope=_SCOPE,
        api_versions=API_VERSIONS,
    )
    for name, handler in (("diagnose", diagnose), ("resyncKeys", resync_keys))
)
