"""How applications ask a name: ready-to-run snippets that follow it and fetch the key themselves.

Each uses `{endpoint}/chat/completions`, the only route that passes Azure's content filter.
"""

import json
import shlex
from collections.abc import Mapping

from jobs.foundry.endpoints import Endpoint
from jobs.foundry.inference import API_VERSION, ROUTE, TOKEN_SCOPE
from jobs.foundry.online import Online
from jobs.revision import TAG_SYSTEM
from jobs.target.target import Target

ADDRESS = "AZURE_INFERENCE_ENDPOINT"
CREDENTIAL = "AZURE_INFERENCE_CREDENTIAL"
"""The environment variables that hold address and key, named as in Azure's own samples."""

SCORING_ADDRESS = "AZURE_SCORING_URI"
SCORING_CREDENTIAL = "AZURE_SCORING_CREDENTIAL"
"""The same of a managed online endpoint."""

ONLINE_CLIENTS = ("curl", "azure-ai-ml")
"""The clients of a managed online endpoint that there is a snippet for."""

CLIENTS = ("curl", "openai", "langchain", "azure-ai-ml")
"""The clients there is a snippet for."""


def snippets(name: str, endpoint: Endpoint, target: Target) -> Mapping[str, str]:
    """A snippet for each client: `curl` for a shell, the others Python programs.

    None holds an address: the next revision has another, and they follow `name` to it.
    """
    messages = [{"role": "user", "content": "Hello"}]
    if system := endpoint.tags.get(TAG_SYSTEM, ""):
        messages.insert(0, {"role": "system", "content": system})
    return {
        "curl": _curl(messages),
        "openai": _openai(messages),
        "langchain": _langchain(messages),
        "azure-ai-ml": _azure_ai_ml(name, endpoint, target),
    }


def variables(name: str, endpoint: Endpoint, target: Target) -> str:
    """The commands that put into the two variables where `name` leads, and how to sign in there."""
    where = [
        *("-g", target.resource_group, "-w", target.project),
        *("--subscription", target.subscription_id),
    ]
    connect = f"foundry-tune connect {name}"
    fetch = f"{connect} --key {shlex.join(where)}"
    if endpoint.auth_mode == "AAD":
        fetch = f"az account get-access-token --scope {TOKEN_SCOPE} --query accessToken -o tsv"
    return (
        f'export {ADDRESS}="$({connect} --uri {shlex.join(where)})"\n'
        f'export {CREDENTIAL}="$({fetch})"'
    )


def online_snippets(endpoint: Online, target: Target) -> Mapping[str, str]:
    """A snippet for each client of a managed online endpoint; what is sent is the script's own."""
    return {
        "curl": f'curl -sS "${SCORING_ADDRESS}" -H "Content-Type: application/json" \\\n'
        f'  -H "Authorization: Bearer ${SCORING_CREDENTIAL}" -d @request.json',
        "azure-ai-ml": _project(target)
        + f'print(project.online_endpoints.invoke("{endpoint.name}", request_file="request.json"))',
    }


def online_variables(endpoint: Online, target: Target) -> str:
    """The commands that put its address and its key or a token into the two variables."""
    connect = f"foundry-tune connect {endpoint.name}"
    where = [
        *("-g", target.resource_group, "-w", target.project),
        *("--subscription", target.subscription_id),
    ]
    fetch = f"{connect} --key {shlex.join(where)}"
    if endpoint.auth_mode == "AADToken":
        fetch = f"az account get-access-token --scope {TOKEN_SCOPE} --query accessToken -o tsv"
    elif endpoint.auth_mode == "AMLToken":
        fetch = (
            f"az ml online-endpoint get-credentials -n {endpoint.name} "
            f"{shlex.join(where)} --query accessToken -o tsv"
        )
    return (
        f'export {SCORING_ADDRESS}="$({connect} --uri {shlex.join(where)})"\n'
        f'export {SCORING_CREDENTIAL}="$({fetch})"'
    )


def _curl(messages: list[dict[str, str]]) -> str:
    body = shlex.quote(json.dumps({"messages": messages}, ensure_ascii=False))
    return (
        f'curl -sS "${ADDRESS}{ROUTE}?api-version={API_VERSION}" \\\n'
        f'  -H "Authorization: Bearer ${CREDENTIAL}" -H "Content-Type: application/json" \\\n'
        f"  -d {body}"
    )


def _openai(messages: list[dict[str, str]]) -> str:
    return f"""\
import os
from openai import OpenAI

client = OpenAI(
    base_url=os.environ["{ADDRESS}"],
    api_key=os.environ["{CREDENTIAL}"],
    default_query={{"api-version": "{API_VERSION}"}},
)
messages = {messages!r}
reply = client.chat.completions.create(model="default", messages=messages)
print(reply.choices[0].message.content)"""


def _langchain(messages: list[dict[str, str]]) -> str:
    turns = [(message["role"], message["content"]) for message in messages]
    return f"""\
import os
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="default",
    base_url=os.environ["{ADDRESS}"],
    api_key=os.environ["{CREDENTIAL}"],
    default_query={{"api-version": "{API_VERSION}"}},
)
print(model.invoke({turns!r}).content)"""


def _azure_ai_ml(name: str, endpoint: Endpoint, target: Target) -> str:
    start = _project(target)
    if name == endpoint.name:
        return f"""{start}endpoint = project.serverless_endpoints.get("{name}")
print(endpoint.scoring_uri)
# The key, where it is needed: project.serverless_endpoints.get_keys(endpoint.name).primary_key"""
    return f"""{start}connection = project.connections.get("{name}")
print(connection.endpoint)
# The key, where it is needed: project.connections.get("{name}", populate_secrets=True).api_key"""


def _project(target: Target) -> str:
    return f"""\
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

project = MLClient(
    DefaultAzureCredential(),
    subscription_id="{target.subscription_id}",
    resource_group_name="{target.resource_group}",
    workspace_name="{target.project}",
)
"""
