# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# azure-core's pipeline is generic over transports and only partly typed.
"""Azure Resource Manager over azure-core: five verbs, retries, long-running operations.

A full `import azure.ai.ml` costs five seconds; this costs a third of one, and unlike the SDK's
entities it drops no field (`ServerlessEndpoint` loses contentSafety and authMode both ways).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from jobs.errors import BusyError, NotFoundError
from jobs.foundry.answers import (
    Json,
    object_or_nothing,
    require_items,
    require_object,
    require_same_host,
    text,
)
from jobs.foundry.credential import MANAGEMENT_SCOPE
from jobs.foundry.refusals import translated
from jobs.terminal.output import progress

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpResponse

ENDPOINT = "https://management.azure.com"
_POLLING_SECONDS = 2
"""Between looks at a long-running operation, where Azure names no interval of its own."""
_BUSY_SECONDS = 300.0
"""How long another operation on a resource is waited for before it is told as a conflict."""

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"})


class Arm:
    """A signed-in connection to Azure Resource Manager and to the hosts that take its tokens."""

    def __init__(
        self, credential: "TokenCredential", tell: Callable[[str], None] = progress
    ) -> None:
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

        from jobs.foundry.waiting import PatientTransport

        self.credential = credential
        self.tell = tell
        """Hears what is waited for."""
        self._azure_time: datetime | None = None
        agent = f"foundry-tune/{version('foundry-tune')}"
        self._client = PipelineClient(
            ENDPOINT,
            transport=PatientTransport(lambda text: self.tell(text)),
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

    @property
    def now(self) -> datetime:
        """Azure's own time as it last said it, or this machine's where it hasn't answered yet.

        Lifecycle dates are held against it: a rehearsal of the past has it, a wrong clock doesn't.
        """
        return self._azure_time or datetime.now(tz=UTC)

    def get(self, path: str, api_version: str, doing: str, **query: str) -> Json:
        """Read a resource.

        Raises:
            NotFoundError: There is none.
            UnusableAnswerError: Something else than Azure answered.
        """
        return require_object(
            self._send("GET", path, api_version, doing, query=query).http_response, doing
        )

    def find(self, path: str, api_version: str, doing: str) -> Json | None:
        """Read a resource, or None where Azure says that there is none."""
        try:
            return self.get(path, api_version, doing)
        except NotFoundError:
            return None

    def list(self, path: str, api_version: str, doing: str, **query: str) -> Iterator[Json]:
        """Every item of a collection, page by page.

        Raises:
            UnusableAnswerError: A page isn't one of Azure's: what is there isn't known then.
        """
        for items in self.pages(path, api_version, doing, **query):
            yield from items

    def pages(
        self, path: str, api_version: str, doing: str, **query: str
    ) -> Iterator[Sequence[Json]]:
        """The pages of a collection, each asked for when it is wanted.

        Raises:
            UnusableAnswerError: A page isn't one of Azure's: what is there isn't known then.
        """
        page = self.get(path, api_version, doing, **query)
        while True:
            yield require_items(page, doing)
            following = page.get("nextLink")
            if not following:
                return
            # A page's link gets the token too, so it may only lead where the first page came from.
            require_same_host(str(following), ENDPOINT if path.startswith("/") else path, doing)
            page = self.get(str(following), "", doing)

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
        from azure.core.rest import HttpRequest

        from jobs.foundry.waiting import PatientTransport

        transport = PatientTransport(lambda text: self.tell(text))
        with (
            translated(doing),
            Pipeline(transport, policies=[RetryPolicy(retry_total=3)]) as pipeline,
        ):
            request = HttpRequest("GET", url)
            answer = pipeline.run(request, connection_timeout=10, read_timeout=60)
            response = answer.http_response
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
        """Send a request; where another operation is under way on the resource, once it is over."""
        waited = 0.0
        while True:
            try:
                return self._send_once(method, path, api_version, doing, body=body, query=query)
            except BusyError:
                if waited >= _BUSY_SECONDS:
                    raise
                pause = min(2.0 + waited / 4, 15.0)
                if waited == 0:
                    self.tell(f"Another operation is under way; waiting to {doing} …")
                time.sleep(pause)
                waited += pause

    def _send_once(
        self,
        method: str,
        path: str,
        api_version: str,
        doing: str,
        *,
        body: Json | None,
        query: Mapping[str, str] | None,
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
                read_timeout=60,
                # Every write is addressed by name, and the POSTs made here are reads (listKeys,
                # metrics) or can be said twice (cancel): so all may be repeated after a lost
                # answer. The paid call, a job's PUT, doesn't come this way.
                retry_on_methods=_REPEATABLE,
            )
            response = answer.http_response
            if response.status_code == 404:
                # A proxy's page says nothing of what Azure has.
                require_object(response, doing)
            if response.status_code >= 400:
                raise HttpResponseError(response=response, error_format=_error_format())
        return answer

    def _finish(self, answer: Any, doing: str) -> Json:
        """The end of a write: at once, or of the long-running operation that it began."""
        from azure.core.polling import LROPoller

        from jobs.foundry.waiting import PatientPolling

        first: HttpResponse = answer.http_response
        if first.status_code == 204:
            return {}
        if first.status_code == 200 and not _promises_more(first, doing):
            return object_or_nothing(first, doing)
        with translated(doing):
            poller: LROPoller[Json] = LROPoller(
                self._client,
                answer,
                lambda last: object_or_nothing(last.http_response, doing),
                PatientPolling(_POLLING_SECONDS),
            )
            return poller.result() or {}

    def _note_date(self, answer: Any) -> None:
        said = answer.http_response.headers.get("Date")
        if said:
            with suppress(ValueError):
                self._azure_time = parsedate_to_datetime(said).astimezone(UTC)


def _promises_more(response: "HttpResponse", doing: str) -> bool:
    """Whether a 200 starts a long-running operation, by its headers or its own state."""
    if "azure-asyncoperation" in response.headers:
        return True
    state = text(object_or_nothing(response, doing), "properties", "provisioningState")
    return state in {"Creating", "Updating", "Deleting", "Accepted"}


def _error_format() -> Any:
    from azure.mgmt.core.exceptions import ARMErrorFormat

    return ARMErrorFormat
