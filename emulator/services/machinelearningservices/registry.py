"""The shared registries (`azureml`, `azureml-meta`, …): where they are, and what they hold."""

from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import catalogue
from emulator.services.machinelearningservices.catalogue import BaseModel
from emulator.state.errors import AzureError
from emulator.state.json_text import Json
from emulator.state.tokens import MACHINE_LEARNING_AUDIENCES

# Microsoft's own subscription behind the registry is none of a caller's business; any GUID will do.
_SUBSCRIPTION = "e0e0e0e0-0000-4000-8000-0000000000a0"
_GROUP = "azureml-registry"


def discovery(request: Request) -> Response:
    """Which region answers for a registry."""
    name = _require_registry(request)
    return Response.json(
        {
            "registryName": name,
            "primaryRegionResourceProviderUri": "https://eastus2.api.azureml.ms/",
            "resourceGroup": _GROUP,
            "subscriptionId": _SUBSCRIPTION,
        }
    )


def get_model(request: Request) -> Response:
    """The container of a base model."""
    return Response.json(_container(_require_model(request)))


def list_models(request: Request) -> Response:
    """Every base model of a registry, retired ones too."""
    name = _require_registry(request)
    models = [model for model in catalogue.all_models() if model.registry == name]
    return Response.json({"value": [_container(model) for model in models]})


def get_version(request: Request) -> Response:
    """One version of a base model."""
    model = _require_model(request)
    version = request.parameters["version"]
    if not version.isdecimal() or not 1 <= int(version) <= model.latest:
        raise AzureError(
            404,
            "UserError",
            f"Model {model.name} has no version '{version}' in the registry '{model.registry}'.",
        )
    return Response.json(_version(request, model, int(version)))


def list_versions(request: Request) -> Response:
    """The versions of a base model, newest first."""
    model = _require_model(request)
    top = request.option("$top")
    numbers = list(range(model.latest, 0, -1))
    if top.isdecimal():
        numbers = numbers[: int(top)]
    return Response.json({"value": [_version(request, model, number) for number in numbers]})


def _container(model: BaseModel) -> Json:
    return {
        "id": model.uri,
        "name": model.name,
        "type": "models",
        "properties": {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": False,
            "latestVersion": str(model.latest),
            "nextVersion": str(model.latest + 1),
        },
    }


def _version(request: Request, model: BaseModel, number: int) -> Json:
    stage = model.stage(request.cloud.clock.now().date())
    tags: dict[str, str] = {
        "author": model.publisher,
        "modelContextLength": str(model.context),
        "lifecycle": stage,
        "maas-inference": "true",
        "maas-finetuning": str(bool(model.finetune_regions)).lower(),
        "maas-finetuning-deploy-regions": ",".join(model.finetune_regions),
    }
    if model.finetune_regions:
        tags["finetuning-tasks"] = "chat-completion"
    for name, day in (
        ("legacy", model.legacy), ("deprecated", model.deprecated), ("retired", model.retired),
    ):  # fmt: skip
        if day is not None:
            tags[f"lifecycle-{name}"] = day.isoformat()
    return {
        "id": f"{model.uri}/versions/{number}",
        "name": str(number),
        "type": "versions",
        "properties": {
            "description": f"{model.name}, as foundry-emulator stands in for it.",
            "tags": tags,
            "properties": {},
            "isAnonymous": False,
            "isArchived": stage == "Retired",
            "flavors": {},
            "modelType": "custom_model",
            "modelUri": f"{model.uri}/versions/{number}",
            "jobName": None,
        },
        "systemData": {},
    }


def _require_registry(request: Request) -> str:
    request.sign_in(MACHINE_LEARNING_AUDIENCES)
    name = request.parameters["registry"].lower()
    known = dict.fromkeys(model.registry for model in catalogue.all_models())
    if name not in known:
        raise AzureError(
            404,
            "RegistryNotFound",
            f"foundry-emulator has the registries {', '.join(known)}, not '{name}'.",
        )
    return name


def _require_model(request: Request) -> BaseModel:
    registry = _require_registry(request)
    name = request.parameters["model"]
    model = catalogue.find(name)
    if model is None or model.registry != registry:
        raise AzureError(
            404, "UserError", f"Model {name} was not found in the registry '{registry}'."
        )
    return model


_MODELS = (
    "/mferp/managementfrontend/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    "Microsoft.MachineLearningServices/registries/{registry}/models"
)

ROUTES = (
    Route("GET", "/registrymanagement/v1.0/registries/{registry}/discovery", discovery),
    Route("GET", _MODELS, list_models),
    Route("GET", f"{_MODELS}/{{model}}", get_model),
    Route("GET", f"{_MODELS}/{{model}}/versions", list_versions),
    Route("GET", f"{_MODELS}/{{model}}/versions/{{version}}", get_version),
)
