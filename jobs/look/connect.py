"""How applications ask an endpoint: ready-to-run snippets that fetch the key and never hold it.

Each uses `{endpoint}/chat/completions`, the only route that passes Azure's content filter.
"""

import json
import shlex
from collections.abc import Mapping

from jobs.foundry.endpoints import Endpoint
from jobs.foundry.inference import API_VERSION, ROUTE, TOKEN_SCOPE
from jobs.revision import TAG_SYSTEM
from jobs.target.target import Target

VARIABLE = "AZURE_INFERENCE_CREDENTIAL"
"""The environment variable that holds the key, named as in Azure's own samples."""

CLIENTS = ("curl", "openai", "langchain", "azure-ai-ml")
"""The clients there is a snippet for."""


def snippets(endpoint: Endpoint, target: Target) -> Mapping[str, str]:
    """A snippet for each client: `curl` for a shell, the others Python programs."""
    messages = [{"role": "user", "content": "Hello"}]
    if system := endpoint.tags.get(TAG_SYSTEM, ""):
        messages.insert(0, {"role": "system", "content": system})
    return {
        "curl": _curl(endpoint.uri, messages),
        "openai": _openai(endpoint.uri, messages),
        "langchain": _langchain(endpoint.uri, messages),
        "azure-ai-ml": _azure_ai_ml(endpoint, target),
    }


def credential(endpoint: Endpoint, target: Target) -> str:
    """The command that puts what callers sign in with into `VARIABLE`."""
    if endpoint.auth_mode == "AAD":
        fetch = f"az account get-access-token --scope {TOKEN_SCOPE} --query accessToken -o tsv"
    else:
        where = [
            *("-g", target.resource_group, "-w", target.project),
            *("--subscription", target.subscription_id),
        ]
        fetch = f"foundry-tune connect {endpoint.name} --key {shlex.join(where)}"
    return f'export {VARIABLE}="$({fetch})"'


def _curl(uri: str, messages: list[dict[str, str]]) -> str:
    body = shlex.quote(json.dumps({"messages": messages}, ensure_ascii=False))
    url = f"{uri}{ROUTE}?api-version={API_VERSION}"
    return (
        f'curl -sS "{url}" \\\n'
        f'  -H "Authorization: Bearer ${VARIABLE}" -H "Content-Type: application/json" \\\n'
        f"  -d {body}"
    )


def _openai(uri: str, messages: list[dict[str, str]]) -> str:
    return f"""\
import os
from openai import OpenAI

client = OpenAI(
    base_url="{uri}",
    api_key=os.environ["{VARIABLE}"],
    default_query={{"api-version": "{API_VERSION}"}},
)
messages = {messages!r}
reply = client.chat.completions.create(model="default", messages=messages)
print(reply.choices[0].message.content)"""


def _langchain(uri: str, messages: list[dict[str, str]]) -> str:
    turns = [(message["role"], message["content"]) for message in messages]
    return f"""\
import os
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="default",
    base_url="{uri}",
    api_key=os.environ["{VARIABLE}"],
    default_query={{"api-version": "{API_VERSION}"}},
)
print(model.invoke({turns!r}).content)"""


def _azure_ai_ml(endpoint: Endpoint, target: Target) -> str:
    return f"""\
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

project = MLClient(
    DefaultAzureCredential(),
    subscription_id="{target.subscription_id}",
    resource_group_name="{target.resource_group}",
    workspace_name="{target.project}",
)
endpoint = project.serverless_endpoints.get("{endpoint.name}")
print(endpoint.scoring_uri)
# The key, where it is needed: project.serverless_endpoints.get_keys(endpoint.name).primary_key"""
