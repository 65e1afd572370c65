# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# azure-core's pipeline is generic over transports and only partly typed.
"""Azure Resource Manager over azure-core: five verbs, retries, long-running operations.

A full `import azure.ai.ml` costs five seconds; this costs a third of one, and unlike the SDK's
entities it drops no field (`ServerlessEndpoint` loses contentSafety and authMode both ways).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from jobs.errors import NotFoundError
from jobs.foundry.answers import Json
from jobs.foundry.credential import MANAGEMENT_SCOPE
from jobs.foundry.refusals import translated

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpResponse

ENDPOINT = "https://management.azure.com"
_POLLING_SECONDS = 2
"""Between looks at a long-running operation, where Azure names no interval of its own."""


_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"})


class Arm:
    """A signed-in connection to Azure Resource Manager and to the hosts that take its tokens."""

    def __init__(self, credential: "TokenCredential") -> None:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import (
            CustomHookPolicy,
            HeadersPolicy,
            RedirectPolicy,
            RequestIdPolicy,
            RetryPolicy,
            UserAgentPolicy,
        )
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        self.credential = credential
        self.today: date | None = None
        """Azure's own date, once it has answered: what lifecycle dates are held against."""
        agent = f"foundry-tune/{version('foundry-tune')}"
        self._client = PipelineClient(
            ENDPOINT,
            policies=[
                RequestIdPolicy(),
                HeadersPolicy({"Accept": "application/json"}),
                UserAgentPolicy(base_user_agent=agent),
                RedirectPolicy(),
                RetryPolicy(
                    retry_total=4, retry_connect=2, retry_backoff_factor=0.4, retry_backoff_max=20
                ),
                ARMChallengeAuthenticationPolicy(credential, MANAGEMENT_SCOPE),
                CustomHookPolicy(raw_response_hook=self._note_date),
            ],
        )

    def get(self, path: str, api_version: str, doing: str, **query: str) -> Json:
        """Read a resource.

        Raises:
            NotFoundError: There is none.
        """
        return _content(self._send("GET", path, api_version, doing, query=query))

    def find(self, path: str, api_version: str, doing: str) -> Json | None:
        """Read a resource, or None where there is none."""
        try:
            return self.get(path, api_version, doing)
        except NotFoundError:
            return None

    def list(self, path: str, api_version: str, doing: str, **query: str) -> Iterator[Json]:
        """Every item of a collection, page by page."""
        page = self.get(path, api_version, doing, **query)
        while True:
            yield from page.get("value", [])
            following = page.get("nextLink")
            if not following:
                return
            page = _content(self._send("GET", str(following), "", doing))

    def put(self, path: str, api_version: str, body: Json, doing: str) -> Json:
        """Create or replace a resource, and wait until Azure is done with it."""
        return self._finish(self._send("PUT", path, api_version, doing, body=body), doing)

    def patch(self, path: str, api_version: str, body: Json, doing: str) -> Json:
        """Change part of a resource, and wait until Azure is done with it."""
        return self._finish(self._send("PATCH", path, api_version, doing, body=body), doing)

    def post(self, path: str, api_version: str, doing: str, body: Json | None = None) -> Json:
        """Call an action of a resource, and wait for its end."""
        return self._finish(self._send("POST", path, api_version, doing, body=body), doing)

    def delete(self, path: str, api_version: str, doing: str) -> None:
        """Delete a resource, and wait until it is gone; one that is gone already is fine."""
        try:
            self._finish(self._send("DELETE", path, api_version, doing), doing)
        except NotFoundError:
            return

    def read(self, url: str, doing: str, *, signed_in: bool = True) -> bytes:
        """The bytes behind an absolute URL; `signed_in=False` for a URL that carries its right."""
        if signed_in:
            return self._send("GET", url, "", doing).http_response.content
        from azure.core.pipeline import Pipeline
        from azure.core.pipeline.policies import RetryPolicy
        from azure.core.pipeline.transport import RequestsTransport
        from azure.core.rest import HttpRequest

        with (
            translated(doing),
            Pipeline(RequestsTransport(), policies=[RetryPolicy(retry_total=3)]) as pipeline,
        ):
            response = pipeline.run(HttpRequest("GET", url)).http_response
            response.raise_for_status()
            return response.content

    def _send(
        self,
        method: str,
        path: str,
        api_version: str,
        doing: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        from azure.core.exceptions import HttpResponseError
        from azure.core.rest import HttpRequest

        url = path if path.startswith("https://") else f"{ENDPOINT}{path}"
        parameters = {**({"api-version": api_version} if api_version else {}), **(query or {})}
        request = HttpRequest(method, url, params=parameters or None, json=body)
        with translated(doing):
            # The PipelineResponse, not only the HTTP one: it is what a poller starts from.
            answer: Any = self._client.send_request(
                request,
                _return_pipeline_response=True,
                connection_timeout=10,
                read_timeout=120,
                # Every write is addressed by name, and the POSTs made here are reads (listKeys,
                # metrics) or can be said twice (cancel): so all may be repeated after a lost
                # answer. The paid call, a job's PUT, doesn't come this way.
                retry_on_methods=_REPEATABLE,
            )
            response = answer.http_response
            if response.status_code >= 400:
                raise HttpResponseError(response=response, error_format=_error_format())
        return answer

    def _finish(self, answer: Any, doing: str) -> Json:
        from azure.core.polling import LROPoller
        from azure.mgmt.core.polling.arm_polling import ARMPolling

        first: HttpResponse = answer.http_response
        if first.status_code == 200 and not _promises_more(first):
            return _content(answer)
        if first.status_code == 204:
            return {}
        with translated(doing):
            poller: LROPoller[Json] = LROPoller(
                self._client, answer, _content, ARMPolling(_POLLING_SECONDS)
            )
            return poller.result() or {}

    def _note_date(self, answer: Any) -> None:
        said = answer.http_response.headers.get("Date")
        if said and self.today is None:
            try:
                self.today = parsedate_to_datetime(said).date()
            except ValueError:
                self.today = datetime.now(tz=UTC).date()


def _promises_more(response: "HttpResponse") -> bool:
    """Whether a 200 starts a long-running operation, by its headers or its own state."""
    if "azure-asyncoperation" in response.headers:
        return True
    body = _json(response)
    properties = body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return state in {"Creating", "Updating", "Deleting", "Accepted"}


def _content(answer: Any) -> Json:
    return _json(answer.http_response)


def _json(response: Any) -> Json:
    if not response.content:
        return {}
    try:
        body: Any = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {"value": body}


def _error_format() -> Any:
    from azure.mgmt.core.exceptions import ARMErrorFormat

    return ARMErrorFormat
