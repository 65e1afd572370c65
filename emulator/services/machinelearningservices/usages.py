"""Usages and quotas of a region: the emulator has no managed compute, and says so in numbers."""

from emulator.arm.locations import normalize_location
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices.versions import API_VERSIONS, PROVIDER
from emulator.state.json_text import Json

_LOCATION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"


def _entry(request: Request) -> Json:
    location = normalize_location(request.parameters["location"], PROVIDER)
    return {
        "id": f"/subscriptions/{request.parameters['subscription']}/providers/{PROVIDER}"
        f"/locations/{location}/usages/totalDedicatedCores",
        "type": f"{PROVIDER}/locations/usages",
        "unit": "Count",
        "limit": 0,
        "name": {
            "value": "totalDedicatedCores",
            "localizedValue": "Total Cluster Dedicated Regional vCPUs",
        },
    }


def _usages(request: Request) -> Response:
    return Response.json({"value": [_entry(request) | {"currentValue": 0}]})


def _quotas(request: Request) -> Response:
    return Response.json({"value": [_entry(request)]})


USAGE_ROUTES = (
    Route(
        "GET",
        f"{_LOCATION}/usages",
        _usages,
        operation=f"{PROVIDER}/locations/usages/read",
        api_versions=API_VERSIONS,
    ),
    Route(
        "GET",
        f"{_LOCATION}/quotas",
        _quotas,
        operation=f"{PROVIDER}/locations/quotas/read",
        api_versions=API_VERSIONS,
    ),
)
