"""The directory through Microsoft Graph, as `az role assignment` asks it: by azure-core."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential

from emulator.rehearsal.identities import GROUP, USER
from emulator.server import Emulator

GRAPH = "https://graph.microsoft.com/v1.0"
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def graph(emulator: Emulator) -> Iterator[Ask]:
    who = emulator.identities.platform
    credential = ClientSecretCredential(who.tenant, who.client_id, who.secret)
    policy = _policy(credential, "https://graph.microsoft.com/.default")
    client: PipelineClient[Any, Any] = PipelineClient(GRAPH, policies=[policy])

    def ask(path: str, body: Any = None, **options: str) -> tuple[int, Any]:
        method = "POST" if body else "GET"
        parameters = {f"${name}": value for name, value in options.items()}
        request = HttpRequest(method, f"{GRAPH}{path}", params=parameters, json=body)
        answer = client.send_request(request)
        return answer.status_code, answer.json()

    with credential, client:
        yield ask


def test_an_assignee_is_found_as_az_looks_for_it(emulator: Emulator, graph: Ask) -> None:
    who = emulator.identities.developer
    # az: by name if it has an @, else as an application, else as an object id.
    named = f"servicePrincipalNames/any(c:c eq '{who.client_id}')"
    (application,) = graph("/servicePrincipals", filter=named)[1]["value"]
    assert (application["id"], application["appId"]) == (who.object_id, who.client_id)
    assert graph("/servicePrincipals", filter=named.replace(who.client_id, "x"))[1]["value"] == []
    body = {
        "ids": [who.object_id, USER, GROUP, "none"],
        "types": ["user", "group", "servicePrincipal"],
    }
    found = graph("/directoryObjects/getByIds", body)[1]["value"]
    assert [one["@odata.type"].rpartition(".")[2] for one in found] == [
        "servicePrincipal",
        "user",
        "group",
    ]
    upn = found[1]["userPrincipalName"]
    assert graph("/users", filter=f"userPrincipalName eq '{upn}'")[1]["value"][0]["id"] == USER
    assert graph(f"/users/{upn}")[1]["displayName"] == "Ada"
    members = graph(f"/groups/{GROUP}/members", select="id")[1]["value"]
    assert members == [{"id": who.object_id}]


def test_who_is_not_there_and_what_is_not_known_is_refused_in_graphs_words(graph: Ask) -> None:
    status, answer = graph("/users/nobody@example.com")
    assert (status, answer["error"]["code"]) == (404, "Request_ResourceNotFound")
    assert answer["error"]["innerError"]["request-id"]
    assert graph("/me")[1]["error"]["code"] == "Request_BadRequest"
    status, answer = graph("/applications")
    assert (status, answer["error"]["code"]) == (501, "NotEmulated")
    assert graph("/groups", filter="displayName ne 'x'")[0] == 501
    assert graph("/groups", filter="nonsense eq 'x'")[0] == 400


def test_a_token_for_another_service_opens_no_directory(emulator: Emulator) -> None:
    who = emulator.identities.platform
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential:
        policy = _policy(credential, "https://storage.azure.com/.default")
        client: PipelineClient[Any, Any] = PipelineClient(GRAPH, policies=[policy])
        with client:
            answer = client.send_request(HttpRequest("GET", f"{GRAPH}/users"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        401,
        "InvalidAuthenticationTokenAudience",
    )


def _policy(credential: ClientSecretCredential, scope: str) -> Any:
    return BearerTokenCredentialPolicy(credential, scope)  # pyright: ignore[reportUnknownVariableType]
