# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# azure-core's pipeline is generic over transports and only partly typed.
"""Asking a managed online endpoint: a JSON body to its script, by whichever deployment is meant."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jobs.errors import RefusedError, RemoteError
from jobs.foundry import online
from jobs.foundry.online import Online
from jobs.foundry.reachability import require_reachable
from jobs.foundry.refusals import translated
from jobs.foundry.session import Session

DEPLOYMENT_HEADER = "azureml-model-deployment"
"""Names the deployment that answers, whatever its share of the traffic; sent back with answers."""

_HOST = ".inference.ml.azure.com"
_TURNED_AWAY = frozenset({401, 403})
_NOT_THERE = 404
_READ_SECONDS = 190
"""Azure's longest request_timeout_ms is 180 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a script answered, or why none did."""

    status: int
    text: str
    deployment: str
    """Which deployment it was; empty where Azure doesn't say."""
    seconds: float


class Scorer:
    """A signed-in connection to one endpoint; its key or token stays in here."""

    def __init__(self, session: Session, endpoint: Online) -> None:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import RequestIdPolicy, RetryPolicy

        from jobs.foundry.waiting import PatientTransport

        host = urlsplit(endpoint.uri).hostname or ""
        if urlsplit(endpoint.uri).scheme != "https" or not host.endswith(_HOST):
            # The key goes there, so it must be an address of Azure's.
            raise RemoteError(
                f"Endpoint '{endpoint.name}' has no address to be asked at.",
                next_step="foundry-tune status",
            )
        require_reachable(host)
        self._endpoint = endpoint
        self._authorization = f"Bearer {online.credential(session, endpoint)}"
        self._client = PipelineClient(
            endpoint.uri,
            transport=PatientTransport(session.arm.tell),
            policies=[
                RequestIdPolicy(),
                RetryPolicy(
                    retry_total=4,
                    retry_backoff_factor=0.4,
                    retry_backoff_max=20,
                    retry_on_status_codes=[429, 502, 503],
                ),
            ],
        )

    def __call__(self, body: Any, deployment: str = "") -> Scored:
        """Send a body as JSON; what the script refuses is an answer too.

        Raises:
            RefusedError: The endpoint doesn't take the key or token.
            RemoteError: It has no such deployment.
        """
        from azure.core.rest import HttpRequest

        name = self._endpoint.name
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        if deployment:
            headers[DEPLOYMENT_HEADER] = deployment
        request = HttpRequest("POST", self._endpoint.uri, headers=headers, json=body)
        began = time.monotonic()
        with translated(f"ask endpoint '{name}'"):
            response: Any = self._client.send_request(
                request,
                connection_timeout=10,
                read_timeout=_READ_SECONDS,
                retry_on_methods=frozenset({"POST"}),
            )
        if response.status_code in _TURNED_AWAY:
            raise RefusedError(
                f"Endpoint '{name}' didn't take the sign-in (HTTP {response.status_code}).",
                next_step="With aad_token it takes the action onlineEndpoints/score on it.",
            )
        if response.status_code == _NOT_THERE:
            which = f" named '{deployment}'" if deployment else " that gets traffic"
            raise RemoteError(
                f"Endpoint '{name}' has no deployment{which}.", next_step="foundry-tune status"
            )
        return Scored(
            status=response.status_code,
            text=(response.content or b"").decode("utf-8", "replace"),
            deployment=str(response.headers.get(DEPLOYMENT_HEADER) or ""),
            seconds=time.monotonic() - began,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
