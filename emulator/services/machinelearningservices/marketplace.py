"""Marketplace subscriptions: third parties' models need one, Microsoft's must not have one."""

from emulator.arm.types import Change, Delete, Polling, ResourceType
from emulator.services.machinelearningservices.references import RegistryModel, parse
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import (
    OPERATIONS_PATH,
    SERVERLESS_API_VERSIONS,
    WORKSPACES,
)
from emulator.state.errors import not_emulated


def _validate(change: Change) -> None:
    uri = str(change.properties.get("modelId") or "")
    reference = parse(uri)
    if not isinstance(reference, RegistryModel):
        raise user_error(f"'{uri}' is not the id of a model in a registry.", target="modelId")
    if reference.registry.lower() == "azureml":
        raise user_error(
            f"{reference.name} is a Microsoft model: it needs no marketplace subscription.",
            inner="MarketplaceSubscriptionNotNeeded",
            target="modelId",
        )
    raise not_emulated(
        f"models of the registry '{reference.registry}'", "Only Microsoft's Phi models are known."
    )


MARKETPLACE_TYPE = ResourceType(
    name=f"{WORKSPACES}/marketplaceSubscriptions",
    api_versions=SERVERLESS_API_VERSIONS,
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    operations_path=OPERATIONS_PATH,
    validate=_validate,
)
