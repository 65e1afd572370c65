"""What Azure refuses, in this project's errors: by status and error code, never by Azure's text."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from jobs.errors import (
    AccessDeniedError,
    BusyError,
    ConflictError,
    FoundryTuneError,
    NotFoundError,
    OutcomeUnknownError,
    PreflightError,
    RefusedError,
    RemoteError,
    SignInError,
    UnreachableError,
)

DEVELOPER_ROLE = "'Azure AI Developer' on the resource group"
BUSY = "AnotherOperationInProgress"
"""ARM's code for: try again once the other operation is over."""

BLOB_ROLE = "'Storage Blob Data Contributor' on the storage account"


@contextmanager
def translated(doing: str, *, role: str = DEVELOPER_ROLE) -> Generator[None]:
    """Turn an SDK's error into ours; `doing` says what was tried ("read job 'x'").

    `role` is what it takes, for the message of a 403.
    """
    from azure.core.exceptions import (
        AzureError,
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    try:
        yield
    except ClientAuthenticationError as error:
        status = getattr(error, "status_code", None)
        raise SignInError(
            f"Azure did not accept the sign-in to {doing}{_code_words(status, _code(error))}.",
            next_step="Sign in again: az login, or check AZURE_CLIENT_SECRET.",
        ) from error
    except HttpResponseError as error:
        raise from_response(error, doing, role) from error
    except ServiceRequestError as error:
        raise UnreachableError(
            f"Azure could not be reached to {doing}.",
            next_step="Check the network and HTTPS_PROXY, then run the same command again.",
        ) from error
    except ServiceResponseError as error:
        raise OutcomeUnknownError(
            f"The connection broke before Azure answered; it was asked to {doing}.",
            next_step="Run the same command again: it looks first and takes over what was done.",
        ) from error
    except OSError as error:  # requests', where the certificate authorities went away meanwhile
        raise UnreachableError(
            f"Azure could not be reached to {doing}: {first_line(str(error))}",
            next_step="Check the network and REQUESTS_CA_BUNDLE, then run the same command again.",
        ) from error
    except AzureError as error:
        raise RemoteError(
            f"Azure's answer could not be used to {doing}: {first_line(str(error))}",
            next_step="Run the same command again.",
        ) from error


def from_response(error: Any, doing: str, role: str) -> FoundryTuneError:
    """The error for an HTTP answer that says no."""
    status = int(getattr(error, "status_code", 0) or 0)
    response = getattr(error, "response", None)
    headers: Any = getattr(response, "headers", None) or {}
    code, words = _code(error), _message(error)
    request_id = headers.get("x-ms-request-id") or headers.get("x-ms-client-request-id") or ""
    return refusal(status, code, words, doing, request_id=str(request_id), role=role)


def refusal(
    status: int,
    code: str,
    words: str,
    doing: str,
    *,
    request_id: str = "",
    role: str = DEVELOPER_ROLE,
) -> FoundryTuneError:
    """The error for a status and code of ARM's error envelope."""
    tail = f" (request {request_id})" if request_id else ""
    said = f"\nAzure says: {words}{tail}" if words else tail
    if status == 403:
        return AccessDeniedError(
            f"You may not {doing} ({code or 'Forbidden'}).",
            next_step=f"Ask the platform team for the role {role}: they add you to the "
            "developers of the stack and run pulumi up. foundry-tune doctor shows the command that "
            f"gives it.{said}",
        )
    if code in {"MissingSubscriptionRegistration", "NoRegisteredProviderFound"}:
        return PreflightError(
            f"The subscription isn't registered for what it takes to {doing} ({code}).",
            next_step=f"Let the platform team run: pulumi up{said}",
        )
    if status == 404:
        return NotFoundError(
            f"Azure found nothing when asked to {doing} ({code or 'NotFound'}).",
            next_step=f"foundry-tune doctor says where it looks.{said}",
        )
    if code == BUSY:
        return BusyError(
            f"Another operation is under way, so Azure could not {doing} ({code}).",
            next_step=f"Wait a minute and run the same command again.{said}",
        )
    if status in {409, 412}:
        return ConflictError(
            f"Azure refuses to {doing} because of something that is there "
            f"({code or 'Conflict'}).{said}",
            next_step="foundry-tune status shows what is there.",
        )
    if status == 429:
        return RemoteError(
            f"Azure asks to slow down, and could not {doing} ({code or 'TooManyRequests'}).",
            next_step=f"Wait a minute and run the same command again.{said}",
        )
    if status >= 500 or status == 408:  # 408: a gateway that waited too long for the service
        return RemoteError(
            f"Azure has a problem of its own and could not {doing} ({code or 'status'} {status}).",
            next_step=f"Run the same command again.{said}",
        )
    return RefusedError(f"Azure refuses to {doing}{_code_words(status, code)}.{said}")


def first_line(text: str) -> str:
    """The first line of a message that may have many."""
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


def _code_words(status: object, code: str) -> str:
    return f" ({code or 'status ' + str(status)})" if code or status else ""


def _code(error: Any) -> str:
    code = getattr(getattr(error, "error", None), "code", None)
    return str(code) if code else _envelope(error).get("code", "")


def _message(error: Any) -> str:
    words = getattr(getattr(error, "error", None), "message", None)
    return str(words) if words else _envelope(error).get("message", "")


def _envelope(error: Any) -> dict[str, str]:
    """ARM's `{"error": {"code", "message"}}`, or the bare object that data planes send."""
    try:
        body: Any = error.response.json()
    except (AttributeError, ValueError, TypeError):
        return {}
    if not isinstance(body, dict):
        return {}
    fields = cast("dict[str, Any]", body)
    inner = fields.get("error", fields)
    if not isinstance(inner, dict):
        return {}
    return {str(key): str(value) for key, value in cast("dict[str, Any]", inner).items()}
