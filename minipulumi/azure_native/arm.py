"""Azure Resource Manager over HTTPS: requests, retries, registration, long-running operations."""

import email.utils
import logging
import re
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from minipulumi.azure_native.errors import AzureError, OperationFailedError, ProviderError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpResponse

URL = "https://management.azure.com"
SCOPE = f"{URL}/.default"
REGISTRATION_API_VERSION = "2021-04-01"

# azure-native asks every 10 seconds and deletes every 30 unless ARM says otherwise, as it does.
PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 3600.0
# Two changes of one resource at once: ARM refuses the second until the first is done.
BUSY_CODES = ("AnotherOperationInProgress",)
BUSY_ATTEMPTS = 10
REGISTRATION_ATTEMPTS = 3
TERMINAL = ("succeeded", "failed", "canceled")


class Arm:
    """One signed-in client, shared by all calls of a provider."""

    def __init__(self, credential: "TokenCredential") -> None:
        from azure.core.pipeline.policies import (
            RequestIdPolicy,
            RetryPolicy,
            UserAgentPolicy,
        )
        from azure.mgmt.core import ARMPipelineClient
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        # The SDK logs what it raises as well; once is enough for whoever reads it.
        logging.getLogger("azure").addHandler(logging.NullHandler())
        self._credential = credential
        self._registering = threading.Lock()
        self._client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
            URL,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy("foundry-tune-azure-native-standin"),
                # 408, 429, 5xx and a lost connection; Retry-After is obeyed.
                RetryPolicy(retry_total=5, retry_connect=2),
                ARMChallengeAuthenticationPolicy(credential, SCOPE),
            ],
        )

    def token(self) -> str:
        """An access token for ARM."""
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return self._credential.get_token(SCOPE).token
        except ClientAuthenticationError as error:
            raise _sign_in_failed(error.message) from error

    def get(self, path: str, api_version: str) -> dict[str, Any] | None:
        """The resource at `path`, or None when there is none."""
        response = self._send("GET", path, api_version)
        if response.status_code == 404:
            return None
        _raise_for_status(response, "GET", path)
        # Some services say so that there is nothing; azure-native takes it in the same way.
        return _body(response) or None

    def put(self, path: str, api_version: str, body: dict[str, Any], patience: float) -> str:
        """Create or replace the resource at `path`, to the end; returns its id in ARM's case."""
        response = self._send("PUT", path, api_version, body)
        _raise_for_status(response, "PUT", path)
        id_ = _body(response).get("id")
        self._follow(response, "PUT", path, api_version, patience)
        return str(id_) if id_ else path

    def post(self, path: str, api_version: str) -> dict[str, Any]:
        """What an action answers, such as listKeys."""
        response = self._send("POST", path, api_version)
        _raise_for_status(response, "POST", path)
        return _body(response)

    def delete(self, path: str, api_version: str, patience: float) -> None:
        """Delete the resource at `path`, to the end; one that is gone already is fine."""
        response = self._send("DELETE", path, api_version)
        if response.status_code == 404:
            return
        _raise_for_status(response, "DELETE", path)
        self._follow(response, "DELETE", path, api_version, patience)

    def _send(
        self, method: str, path: str, api_version: str, body: dict[str, Any] | None = None
    ) -> "HttpResponse":
        """Send a request, register the provider if ARM asks for it, wait while it is busy."""
        registered = busy = 0
        while True:
            response = self._once(method, path, api_version, body)
            if response.status_code != 409:
                return response
            code, _ = _error(response)
            if code == "MissingSubscriptionRegistration" and registered < REGISTRATION_ATTEMPTS:
                registered += 1
                self._register(response, path)
            elif code in BUSY_CODES and busy < BUSY_ATTEMPTS:
                busy += 1
                time.sleep(_pause(response))
            else:
                return response

    def _once(
        self, method: str, url: str, api_version: str, body: dict[str, Any] | None = None
    ) -> "HttpResponse":
        from azure.core.exceptions import AzureError as SdkError
        from azure.core.exceptions import ClientAuthenticationError
        from azure.core.rest import HttpRequest

        # The addresses that ARM gives to poll at mostly have a version of their own.
        params = {} if "api-version=" in url else {"api-version": api_version}
        address = f"{URL}{url}" if url.startswith("/") else url
        try:
            return self._client.send_request(HttpRequest(method, address, params=params, json=body))
        except ClientAuthenticationError as error:
            raise _sign_in_failed(error.message) from error
        except SdkError as error:
            raise ProviderError(f"{method} {url}: {error.message}") from error

    def _register(self, refusal: "HttpResponse", path: str) -> None:
        """Register the namespace that ARM misses, as azure-native does."""
        namespace = _missing_namespace(refusal, path)
        subscription = path.split("/")[2]
        provider = f"/subscriptions/{subscription}/providers/{namespace}"
        with self._registering:
            answer = self._once("POST", f"{provider}/register", REGISTRATION_API_VERSION)
            _raise_for_status(answer, "POST", f"{provider}/register")
            deadline = time.monotonic() + PATIENCE_SECONDS
            pause = 0.2
            while _body(answer).get("registrationState") != "Registered":
                if time.monotonic() > deadline:
                    raise ProviderError(f"{namespace} is still being registered. Run again.")
                time.sleep(_pause(answer, pause))
                pause = min(pause * 2, PAUSE_SECONDS)
                answer = self._once("GET", provider, REGISTRATION_API_VERSION)
                _raise_for_status(answer, "GET", provider)

    def _follow(
        self, response: "HttpResponse", method: str, path: str, api_version: str, patience: float
    ) -> None:
        """Wait for the end of a long-running operation, in whichever way ARM tells of it."""
        url = response.headers.get("Azure-AsyncOperation")
        location = response.headers.get("Location")
        deadline = time.monotonic() + patience
        if url:
            done = _status_says_done
        elif response.status_code == 202 and location:
            url, done = location, _is_not_accepted
        elif method == "PUT" and not _resource_is_done(response, method, path):
            url, done = path, _resource_is_done
        else:
            return
        while True:
            if time.monotonic() > deadline:
                raise ProviderError(
                    f"{method} {path} isn't done after {patience:.0f} s. "
                    "Run `pulumi refresh`, then `pulumi up` again."
                )
            time.sleep(_pause(response))
            response = self._once("GET", url, api_version)
            if method == "DELETE" and response.status_code == 404:
                return
            _raise_for_status(response, method, path, OperationFailedError)
            if done(response, method, path):
                return
            url = response.headers.get("Location", url) if done is _is_not_accepted else url


def _sign_in_failed(message: str) -> ProviderError:
    reason = message.strip().splitlines()[0].rstrip(".")
    return ProviderError(
        f"Signing in to Azure failed: {reason}. Set ARM_TENANT_ID, ARM_CLIENT_ID, "
        "ARM_CLIENT_SECRET and ARM_SUBSCRIPTION_ID, or run `az login`; without Azure: "
        "foundry-emulator run -- pulumi …"
    )


def _status_says_done(response: "HttpResponse", method: str, path: str) -> bool:
    body = _body(response)
    return _is_terminal(str(body.get("status", "")), body.get("error"), method, path)


def _is_not_accepted(response: "HttpResponse", method: str, path: str) -> bool:
    if response.status_code == 202:
        return False
    # Some services answer 200 with a state that has failed.
    state = _body(response).get("properties", {}).get("provisioningState", "Succeeded")
    return method == "DELETE" or _is_terminal(str(state), None, method, path)


def _resource_is_done(response: "HttpResponse", method: str, path: str) -> bool:
    if response.status_code == 202:
        return False
    state = _body(response).get("properties", {}).get("provisioningState", "Succeeded")
    return _is_terminal(str(state), None, method, path)


def _is_terminal(state: str, error: dict[str, Any] | None, method: str, path: str) -> bool:
    lowered = state.lower()
    if lowered in ("failed", "canceled"):
        detail = error or {}
        raise OperationFailedError(
            method=method,
            path=path,
            status=200,
            code=detail.get("code", state),
            message=detail.get("message", f"The operation ended as {state}."),
        )
    return lowered == "succeeded"


def _raise_for_status(
    response: "HttpResponse", method: str, path: str, error: type[AzureError] = AzureError
) -> None:
    if response.status_code < 400:
        return
    code, message = _error(response)
    raise error(method=method, path=path, status=response.status_code, code=code, message=message)


def _error(response: "HttpResponse") -> tuple[str, str]:
    """The code and the message of ARM's error envelope, with those of its details."""
    error: dict[str, Any] = _body(response).get("error") or {}
    details: list[dict[str, Any]] = error.get("details") or []
    messages = [error.get("message", ""), *(each.get("message", "") for each in details)]
    unique = dict.fromkeys(message for message in messages if message)
    return str(error.get("code", "")), " ".join(unique) or response.reason


def _missing_namespace(response: "HttpResponse", path: str) -> str:
    error: dict[str, Any] = _body(response).get("error") or {}
    details: list[dict[str, Any]] = error.get("details") or []
    for detail in details:
        if detail.get("target"):
            return str(detail["target"])
    match = re.search(r"namespace '([^']+)'", str(error.get("message", "")))
    return match.group(1) if match else path.split("/providers/")[-1].split("/")[0]


def _body(response: "HttpResponse") -> dict[str, Any]:
    """The JSON object of an answer, {} for none; a success that is something else isn't Azure's."""
    if not response.content:
        return {}
    try:
        body: object = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return cast("dict[str, Any]", body)
    if response.status_code < 400:
        request = response.request
        raise ProviderError(
            f"{request.method} {request.url}: status {response.status_code} without Azure's JSON. "
            "Is there a proxy or a sign-in page between here and Azure? Run again."
        )
    return {}


def _pause(response: "HttpResponse", unless_told: float = PAUSE_SECONDS) -> float:
    """How long ARM asks to wait: seconds, a date, or Microsoft's own milliseconds."""
    for header in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (value := response.headers.get(header)) and value.isdigit():
            return int(value) / 1000
    value = response.headers.get("Retry-After")
    if not value:
        return unless_told
    if value.isdigit():
        return float(value)
    when = email.utils.parsedate_to_datetime(value)
    return max(0.0, when.timestamp() - time.time())
