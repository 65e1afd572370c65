# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# azure-core's pipeline is generic over transports and only partly typed.
"""Azure AI Content Safety: how harmful a text is, by category, from 0 to 6."""

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from jobs.errors import UnusableAnswerError, UsageError
from jobs.foundry.answers import items, require_object, text
from jobs.foundry.credential import sign_in
from jobs.foundry.reachability import require_reachable
from jobs.foundry.refusals import translated
from jobs.terminal.output import progress

VARIABLE = "AZURE_CONTENT_SAFETY_ENDPOINT"
"""The environment variable that configures it: the address of an AI Services account."""
API_VERSION = "2024-09-01"
SCOPE = "https://cognitiveservices.azure.com/.default"
ROLE = "'Cognitive Services User' on the AI Services account"
LONGEST = 10_000
"""Characters that one call takes (input requirements of the service's overview)."""

_HOST = ".cognitiveservices.azure.com"
_CATEGORIES = {"Hate": "hate", "SelfHarm": "self_harm", "Sexual": "sexual", "Violence": "violence"}


def configured(written: str | None = None) -> str:
    """The address that a flag or the environment names; empty where neither does.

    Raises:
        UsageError: It is no address of Azure AI Content Safety; a token goes there, so it must be.
    """
    address = (written or os.environ.get(VARIABLE, "")).strip().rstrip("/")
    if not address:
        return ""
    parts = urlsplit(address)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(_HOST) or parts.path:
        raise UsageError(
            f"'{address}' is no address of Azure AI Content Safety.",
            next_step=f"It looks like https://NAME{_HOST}; the portal shows it as the endpoint.",
        )
    return address


class Analyzer:
    """A signed-in connection to one account."""

    def __init__(self, endpoint: str, tell: Callable[[str], None] = progress) -> None:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import (
            BearerTokenCredentialPolicy,
            RequestIdPolicy,
            RetryPolicy,
        )

        from jobs.foundry.waiting import PatientTransport

        require_reachable()
        self._url = f"{endpoint}/contentsafety/text:analyze"
        self._client = PipelineClient(
            endpoint,
            transport=PatientTransport(tell),
            policies=[
                RequestIdPolicy(),
                RetryPolicy(retry_total=4, retry_backoff_factor=0.4, retry_backoff_max=20),
                BearerTokenCredentialPolicy(sign_in(), SCOPE),
            ],
        )

    def __call__(self, said: str) -> dict[str, int]:
        """The severity of each category that is above 0: 2 low, 4 medium, 6 high."""
        found: dict[str, int] = {}
        for start in range(0, len(said), LONGEST):
            for category, severity in self._analyzed(said[start : start + LONGEST]).items():
                found[category] = max(severity, found.get(category, 0))
        return found

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _analyzed(self, said: str) -> Mapping[str, int]:
        from azure.core.exceptions import HttpResponseError
        from azure.core.rest import HttpRequest

        if not said.strip():
            return {}
        doing = "ask Azure AI Content Safety"
        body = {"text": said, "categories": list(_CATEGORIES), "outputType": "FourSeverityLevels"}
        request = HttpRequest("POST", self._url, params={"api-version": API_VERSION}, json=body)
        with translated(doing, role=ROLE):
            response: Any = self._client.send_request(
                request,
                connection_timeout=10,
                read_timeout=60,
                retry_on_methods=frozenset({"POST"}),  # it changes nothing
            )
            if response.status_code >= 400:
                raise HttpResponseError(response=response)
        found = {
            text(one, "category"): text(one, "severity")
            for one in items(require_object(response, doing), "categoriesAnalysis")
        }
        severities = [found.get(name, "") for name in _CATEGORIES]
        if not all(map(str.isdecimal, severities)):
            # What isn't judged in full isn't harmless.
            raise UnusableAnswerError(
                f"Asked to judge a text, {self._url} didn't judge it in every category.",
                next_step="Run the same command again: nothing was taken for granted.",
            )
        judged = zip(_CATEGORIES.values(), map(int, severities), strict=True)
        return {category: severity for category, severity in judged if severity}
