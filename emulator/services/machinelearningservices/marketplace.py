"""Marketplace subscriptions: third parties' models need one, Microsoft's must not have one."""

from emulator.arm.types import Change, Delete, Polling, ResourceType
from emulator.services.machinelearningservices import catalogue
from emulator.services.machinelearningservices.catalogue import BaseModel
from emulator.services.machinelearningservices.operations import TRACKING
from emulator.services.machinelearningservices.references import RegistryModel, parse
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import (
    SERVERLESS_API_VERSIONS,
    WORKSPACES,
)
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

SUBSCRIPTIONS = f"{WORKSPACES}/marketplaceSubscriptions"


def is_subscribed(cloud: Cloud, project: Resource, model: BaseModel) -> bool:
    """Whether a project may have endpoints of a model: Microsoft's own need no subscription."""
    return model.is_microsofts or any(
        subscription.properties["modelId"].casefold() == model.uri.casefold()
        for subscription in cloud.resources.children(project.id, SUBSCRIPTIONS)
    )


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
    model = catalogue.find(reference.name)
    if model is None or model.uri.casefold() != uri.casefold():
        raise user_error(
            f"The marketplace has no offer for '{uri}'; a model is named without its version.",
            inner="ModelNotFound",
            target="modelId",
        )


def _defaults(change: Change) -> None:
    reference = parse(str(change.properties["modelId"]))
    assert isinstance(reference, RegistryModel)
    change.properties["marketplaceSubscriptionStatus"] = "Subscribed"
    change.properties["marketplacePlan"] = {
        "publisherId": reference.registry.lower(),
        "offerId": reference.name.lower(),
        "planId": reference.name.lower(),
    }


MARKETPLACE_TYPE = ResourceType(
    name=SUBSCRIPTIONS,
    api_versions=SERVERLESS_API_VERSIONS,
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    tracking=TRACKING,
    read_only=("marketplaceSubscriptionStatus", "marketplacePlan"),
    validate=_validate,
    defaults=_defaults,
)
