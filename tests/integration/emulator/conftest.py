"""ARM as Microsoft's own pipeline speaks it, for two identities, and a resource group."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.pipeline.policies import RequestIdPolicy, RetryPolicy
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import ClientSecretCredential
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.polling.arm_polling import ARMPolling

from emulator.rehearsal.identities import Credential
from emulator.server import Emulator

BASE = "https://management.azure.com"


class ManagementClient:
    """One identity's calls on management.azure.com, by azure-mgmt-core."""

    def __init__(self, credential: ClientSecretCredential, *, policies: list[Any] | None = None):
        self._client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
            BASE,
            policies=[
                RequestIdPolicy(),
                *(policies or [RetryPolicy(retry_total=0)]),
                ARMChallengeAuthenticationPolicy(credential, f"{BASE}/.default"),
            ],
        )

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str = "2024-03-01",
        headers: dict[str, str] | None = None,
    ) -> HttpResponse:
        """One call, as it is answered."""
        return self._client.send_request(self._request(method, path, body, version, headers))

    def ok(self, method: str, path: str, body: Any = None, *, version: str = "2024-03-01") -> Any:
        """One call that must work; its JSON."""
        response = self.send(method, path, body, version=version)
        assert response.status_code < 300, response.text()
        return response.json() if response.content else None

    def refused(
        self, method: str, path: str, body: Any = None, *, version: str = "2024-03-01"
    ) -> tuple[int, Any]:
        """One call that must be refused; its status and the inside of ARM's envelope."""
        response = self.send(method, path, body, version=version)
        assert response.status_code >= 400, response.text()
        return response.status_code, response.json()["error"]

    def begin(
        self, method: str, path: str, body: Any = None, *, version: str = "2024-03-01"
    ) -> LROPoller[Any]:
        """One long-running call, followed by azure-mgmt-core's own poller."""
        first = self._client._pipeline.run(  # pyright: ignore[reportPrivateUsage]
            self._request(method, path, body, version, None), stream=False
        )
        response = first.http_response
        assert response.status_code < 300, response.text()

        def read(result: Any) -> Any:
            return result.http_response.json() if result.http_response.content else None

        return LROPoller(self._client, first, read, ARMPolling(30))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(
        self, method: str, path: str, body: Any, version: str, headers: dict[str, str] | None
    ) -> HttpRequest:
        url = path if path.startswith("https://") else f"{BASE}{path}"
        parameters = {} if "api-version=" in url or not version else {"api-version": version}
        return HttpRequest(method, url, params=parameters, json=body, headers=headers or {})


@pytest.fixture(scope="session")
def sign_in(emulator: Emulator) -> Iterator[Callable[[Credential], ManagementClient]]:
    """Clients by credential, closed at the end."""
    opened: list[Any] = []

    def open_client(who: Credential) -> ManagementClient:
        credential = ClientSecretCredential(who.tenant, who.client_id, who.secret)
        client = ManagementClient(credential)
        opened.extend((credential, client))
        return client

    yield open_client
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def arm(emulator: Emulator, sign_in: Callable[[Credential], ManagementClient]) -> ManagementClient:
    """ARM as the platform identity, Owner of every test's subscription."""
    return sign_in(emulator.identities.platform)


@pytest.fixture(scope="session")
def developer(
    emulator: Emulator, sign_in: Callable[[Credential], ManagementClient]
) -> ManagementClient:
    """ARM as the developer identity, which has no role until a test assigns one."""
    return sign_in(emulator.identities.developer)


@pytest.fixture
def group(arm: ManagementClient, subscription: str) -> str:
    """The id of a resource group in East US 2."""
    id = f"/subscriptions/{subscription}/resourceGroups/rg-test"
    arm.ok("PUT", id, {"location": "eastus2"})
    return id
