"""schemathesis, on management.azure.com: whatever is sent, never a 500, always Azure's envelope.

The schema is transcribed from the public specification: paths, api-versions, and the properties
that a body has. Half of what is sent breaks it. What answers 501 is the emulator's refusal by name
and counts as an answer; it has the envelope like any other.
"""

import os
import re
from collections import Counter
from typing import Any

import schemathesis
from azure.identity import ClientSecretCredential
from checks import check
from hypothesis import HealthCheck, Phase, given, seed, settings

E = os.environ
ARM = "https://management.azure.com"
EACH = int(E.get("CONFORMANCE_EXAMPLES", "15"))
"""Calls of each operation in each of the two modes."""

GROUP = f"/subscriptions/{E['ARM_SUBSCRIPTION_ID']}/resourceGroups/rg-fuzz"
WORKSPACES = "/providers/Microsoft.MachineLearningServices/workspaces"
PROJECT = f"{E['CONFORMANCE_GROUP']}{WORKSPACES}/{E['CONFORMANCE_PROJECT']}"
TEXT: dict[str, Any] = {"type": "string"}
TAGS: dict[str, Any] = {"type": "object", "additionalProperties": TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _choice(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _resource(**properties: Any) -> dict[str, Any]:
    return _object(
        location=_choice("eastus2", "westus"), tags=TAGS, properties=_object(**properties)
    )


FINE_TUNING = _object(
    taskType=_choice("ChatCompletion", "TextCompletion"),
    modelProvider=_choice("Custom", "AzureOpenAI"),
    model=_object(jobInputType=_choice("mlflow_model"), uri=TEXT),
    trainingData=_object(jobInputType=_choice("uri_file"), uri=TEXT),
    hyperParameters=TAGS,
)
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    GROUP: ("2021-04-01", _object(location=_choice("eastus2"), tags=TAGS)),
    f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{{name}}": (
        "2023-05-01",
        _object(
            location=_choice("eastus2"),
            kind=_choice("StorageV2", "BlobStorage"),
            sku=_object(name=_choice("Standard_LRS")),
            properties=_object(allowSharedKeyAccess={"type": "boolean"}),
        ),
    ),
    f"{GROUP}/providers/Microsoft.KeyVault/vaults/{{name}}": (
        "2023-07-01",
        _resource(tenantId=TEXT, sku=_object(family=_choice("A"), name=_choice("standard"))),
    ),
    f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/{{name}}": (
        "2024-10-01",
        _object(kind=_choice("AIServices"), sku=_object(name=_choice("S0")), location=TEXT),
    ),
    f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{{name}}": (
        "2022-04-01",
        _object(properties=_object(roleDefinitionId=TEXT, principalId=TEXT, principalType=TEXT)),
    ),
    f"{GROUP}{WORKSPACES}/{{name}}": (
        "2024-10-01",
        _object(
            kind=_choice("Hub", "Project"),
            location=_choice("eastus2"),
            identity=_object(type=_choice("SystemAssigned")),
            properties=_object(storageAccount=TEXT, keyVault=TEXT, hubResourceId=TEXT),
        ),
    ),
    f"{PROJECT}/connections/{{name}}": (
        "2024-10-01",
        _object(
            properties=_object(
                category=_choice("ApiKey", "AIServices", "Serp"),
                authType=_choice("ApiKey", "AAD"),
                target=TEXT,
                credentials=_object(key=TEXT),
                metadata=TAGS,
            )
        ),
    ),
    f"{PROJECT}/datastores/{{name}}": (
        "2024-10-01",
        _object(
            properties=_object(
                datastoreType=_choice("AzureBlob"),
                accountName=TEXT,
                containerName=TEXT,
                credentials=_object(credentialsType=_choice("None", "AccountKey")),
            )
        ),
    ),
    f"{PROJECT}/data/{{name}}/versions/{{version}}": (
        "2024-10-01",
        _object(properties=_object(dataType=_choice("uri_file"), dataUri=TEXT, tags=TAGS)),
    ),
    f"{PROJECT}/jobs/{{name}}": (
        "2024-10-01-preview",
        _object(
            properties=_object(
                jobType=_choice("FineTuning", "Command", "Sweep"),
                command=TEXT,
                environmentId=TEXT,
                experimentName=TEXT,
                fineTuningDetails=FINE_TUNING,
                outputs=_object(registered_model=_object(jobOutputType=_choice("mlflow_model"))),
                tags=TAGS,
            )
        ),
    ),
    f"{PROJECT}/serverlessEndpoints/{{name}}": (
        "2024-10-01",
        _object(
            location=_choice("eastus2"),
            sku=_object(name=_choice("Consumption")),
            properties=_object(
                modelSettings=_object(modelId=TEXT),
                authMode=_choice("Key", "AAD"),
                contentSafety=_object(contentSafetyStatus=_choice("Enabled", "Disabled")),
            ),
        ),
    ),
}


def _document() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for path, (version, body) in BODIES.items():
        shared = [
            {"name": name, "in": "path", "required": True, "schema": TEXT}
            for name in re.findall(r"\{(\w+)\}", path)
        ]
        query = [
            {
                "name": "api-version",
                "in": "query",
                "required": True,
                "schema": {"type": "string", "enum": [version]},
            }
        ]
        content = {"required": True, "content": {"application/json": {"schema": body}}}
        answers: dict[str, Any] = {"responses": {"default": {"description": "any"}}}
        item: dict[str, Any] = {"parameters": shared}
        for method in ("get", "put", "patch", "delete"):
            item[method] = {"parameters": query, **answers}
            if method in ("put", "patch"):
                item[method]["requestBody"] = content
        paths[path] = item
        if "{" in path.rsplit("/", 1)[-1]:
            listed = {
                "name": "$filter",
                "in": "query",
                "schema": TEXT,
            }
            above = path.rsplit("/", 1)[0]
            paths[above] = {
                "parameters": shared[:-1],
                "get": {"parameters": [*query, listed], **answers},
            }
    return {"openapi": "3.0.3", "info": {"title": "ARM", "version": "1"}, "paths": paths}


def main() -> None:
    """Every operation; those that were answered with anything else are named."""
    who = ClientSecretCredential(E["ARM_TENANT_ID"], E["ARM_CLIENT_ID"], E["ARM_CLIENT_SECRET"])
    token = who.get_token(f"{ARM}/.default").token
    schema = schemathesis.openapi.from_dict(_document())
    schema.config.update(base_url=ARM)
    for found in schema.get_all_operations():
        operation = found.ok()
        answered: Counter[int] = Counter()
        with check(f"{operation.method.upper()} {_short(operation.path)}"):
            for mode in schemathesis.GenerationMode:
                _fuzz(operation, mode, token, answered)
        if not answered:
            raise RuntimeError(f"{operation.label} was never called")


def _fuzz(operation: Any, mode: Any, token: str, answered: Counter[int]) -> None:
    @seed(1)
    @settings(
        max_examples=EACH,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        answered[response.status_code] += 1
        _require_envelope(response)

    call()


def _require_envelope(response: Any) -> None:
    status = response.status_code
    # 501: something that Azure has and the emulator refuses by name.
    assert status < 500 or status == 501, f"{status}: {response.text[:300]}"
    if status >= 400:
        error = response.json()["error"]
        assert error["code"] and error["message"], response.text[:300]
        assert response.headers.get("x-ms-request-id"), "no x-ms-request-id"


def _short(path: str) -> str:
    return path.removeprefix(PROJECT).removeprefix(GROUP) or "a resource group"


if __name__ == "__main__":
    main()
