"""Serverless endpoints through ARM: rules of names and models, keys, and the stored filter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import (
        Foundry,
        MakeFoundry,
        Trained,
    )

VERSION = "2024-10-01"
PHI_4 = "azureml://registries/azureml/models/Phi-4"


def endpoint_body(model: str, **properties: Any) -> dict[str, Any]:
    return {
        "location": "eastus2",
        "sku": {"name": "Consumption"},
        "properties": {"modelSettings": {"modelId": model}, **properties},
    }


@pytest.fixture
def served(foundry: Foundry, trained: Trained) -> Iterator[str]:
    """The trained model behind an endpoint; gives the endpoint's id."""
    path = f"{foundry.project}/serverlessEndpoints/ep-{uuid.uuid4().hex[:8]}"
    model = (
        f"azureml://locations/eastus2/workspaces/{foundry.project_guid}/models/"
        f"{trained.name}/versions/1"
    )
    foundry.developer.wait("PUT", path, endpoint_body(model), version=VERSION)
    yield path
    foundry.developer.wait("DELETE", path, version=VERSION)


def test_an_endpoint_says_where_it_is_and_that_its_filter_is_on(
    foundry: Foundry, served: str
) -> None:
    shown = foundry.developer.ok("GET", served, version=VERSION)
    properties = shown["properties"]
    name = served.rsplit("/", 1)[-1]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["endpointState"] == "Online"
    assert properties["authMode"] == "Key"
    assert properties["contentSafety"] == {"contentSafetyStatus": "Enabled"}
    assert properties["inferenceEndpoint"]["uri"] == f"https://{name}.eastus2.models.ai.azure.com"
    assert shown["sku"] == {"name": "Consumption"}


def test_a_deployed_model_cannot_be_deleted(
    foundry: Foundry, trained: Trained, served: str
) -> None:
    for path in (trained.model, trained.model.rsplit("/versions/", 1)[0]):
        status, answer = foundry.developer("DELETE", path, version=VERSION)
        assert status == 409
        assert "You must first delete your model deployment" in answer["error"]["message"]
        assert served.rsplit("/", 1)[-1] in answer["error"]["message"]


def test_one_deployment_per_custom_model(foundry: Foundry, trained: Trained, served: str) -> None:
    other = f"{foundry.project}/serverlessEndpoints/other"
    status, answer = foundry.developer("PUT", other, endpoint_body(trained.model), version=VERSION)
    assert status == 409
    assert "One deployment per custom model" in answer["error"]["message"]


def test_keys_are_listed_and_renewed_one_at_a_time(foundry: Foundry, served: str) -> None:
    before = foundry.developer.ok("POST", f"{served}/listKeys", version=VERSION)
    after = foundry.developer.ok(
        "POST", f"{served}/regenerateKeys", {"keyType": "Primary"}, version=VERSION
    )
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
    assert before["primaryKey"] not in str(foundry.developer.ok("GET", served, version=VERSION))


def test_the_filter_is_turned_off_only_by_saying_so_and_patch_turns_it_on_again(
    foundry: Foundry,
) -> None:
    path = f"{foundry.project}/serverlessEndpoints/bare-{uuid.uuid4().hex[:8]}"
    off = endpoint_body(PHI_4, contentSafety={"contentSafetyStatus": "disabled"})
    made = foundry.developer.wait("PUT", path, off, version=VERSION)
    assert made["properties"]["contentSafety"]["contentSafetyStatus"] == "Disabled"
    on = {"properties": {"contentSafety": {"contentSafetyStatus": "Enabled"}}}
    changed = foundry.developer.wait("PATCH", path, on, version=VERSION)
    assert changed["properties"]["contentSafety"]["contentSafetyStatus"] == "Enabled"
    foundry.developer.wait("DELETE", path, version=VERSION)
    assert foundry.developer("DELETE", path, version=VERSION)[0] == 204


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (endpoint_body(f"{PHI_4}/versions/8"), "specific model version"),
        (endpoint_body("azureml://registries/azureml/models/Phi-3-mini-4k-instruct"), "retired"),
        (endpoint_body("azureml://registries/azureml/models/Nothing"), "no model"),
        (endpoint_body("azureml:nothing:1"), "not the id of a model"),
        (endpoint_body(PHI_4, authMode="Password"), "authMode"),
        (endpoint_body(PHI_4, contentSafety={"contentSafetyStatus": "Maybe"}), "contentSafety"),
        ({**endpoint_body(PHI_4), "location": "westus"}, "project's region"),
        ({**endpoint_body(PHI_4), "sku": {"name": "Dedicated"}}, "sku"),
    ],
)
def test_what_an_endpoint_may_not_be(foundry: Foundry, body: dict[str, Any], said: str) -> None:
    path = f"{foundry.project}/serverlessEndpoints/wrong"
    status, answer = foundry.developer("PUT", path, body, version=VERSION)
    assert status == 400
    assert said in answer["error"]["message"]


def test_a_name_is_taken_once_in_a_region_whoever_asks(
    foundry: Foundry, served: str, another_foundry: MakeFoundry
) -> None:
    other = another_foundry()
    path = f"{other.project}/serverlessEndpoints/{served.rsplit('/', 1)[-1]}"
    status, answer = other.developer("PUT", path, endpoint_body(PHI_4), version=VERSION)
    assert status == 409
    assert "unique" in answer["error"]["message"]


def test_microsofts_models_need_no_marketplace_subscription(foundry: Foundry) -> None:
    status, answer = foundry.developer(
        "PUT",
        f"{foundry.project}/marketplaceSubscriptions/phi",
        {"properties": {"modelId": PHI_4}},
        version=VERSION,
    )
    assert status == 400
    assert "needs no marketplace subscription" in answer["error"]["message"]
