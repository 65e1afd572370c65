"""Azure's refusals as this project's errors: by status and code, whatever the text says."""

import pytest

from jobs.errors import (
    AccessDeniedError,
    ConflictError,
    FoundryTuneError,
    NotFoundError,
    PreflightError,
    RefusedError,
    RemoteError,
)
from jobs.foundry.refusals import refusal


@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_code"),
    [
        (400, "UserError", RefusedError, 4),
        (403, "AuthorizationFailed", AccessDeniedError, 4),
        (403, "PermissionDenied", AccessDeniedError, 4),
        (404, "ResourceNotFound", NotFoundError, 9),
        (409, "Conflict", ConflictError, 9),
        (409, "MissingSubscriptionRegistration", PreflightError, 4),
        (412, "PreconditionFailed", ConflictError, 9),
        (422, "parameter_not_supported", RefusedError, 4),
        (408, "RequestTimeout", RemoteError, 9),
        (429, "TooManyRequests", RemoteError, 9),
        (503, "ServerBusy", RemoteError, 9),
    ],
)
def test_status_and_code_decide(
    status: int, code: str, kind: type[FoundryTuneError], exit_code: int
) -> None:
    error = refusal(status, code, "whatever Azure says", "read job 'x'")
    assert type(error) is kind
    assert error.exit_code == exit_code
    assert code in str(error)
    assert "read job 'x'" in str(error)


def test_azures_words_and_request_id_are_kept_for_support() -> None:
    error = refusal(400, "UserError", "learning_rate is bad.", "submit job 'x'", request_id="42")
    assert "Azure says: learning_rate is bad. (request 42)" in str(error)


def test_an_answer_without_a_body_still_makes_a_sentence() -> None:
    assert "status 502" in str(refusal(502, "", "", "read job 'x'"))
    assert "(status 400)" in str(refusal(400, "", "", "read job 'x'"))
