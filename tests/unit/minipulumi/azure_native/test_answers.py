"""What ARM answers, and what only looks like an answer of ARM's."""

from typing import Any, cast

import pytest
import requests

from minipulumi.azure_native import arm
from minipulumi.azure_native.errors import ProviderError


def answer(status: int, content: bytes) -> Any:
    made = requests.Response()
    made.status_code, made._content = status, content  # pyright: ignore[reportPrivateUsage]
    made.request = requests.Request("GET", "https://management.azure.com/x").prepare()
    return cast("Any", made)


def body(status: int, content: bytes) -> dict[str, Any]:
    return arm._body(answer(status, content))  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"[]", b'"ok"', b"null"])
def test_a_success_that_is_not_azures_json_is_an_error(page: bytes) -> None:
    with pytest.raises(ProviderError, match="status 200 without Azure's JSON"):
        body(200, page)


def test_an_object_is_read_and_nothing_is_an_empty_one() -> None:
    assert body(200, b'{"id": "/x"}') == {"id": "/x"}
    assert body(202, b"") == {}


def test_a_refusal_is_told_whatever_is_in_it() -> None:
    assert body(502, b"<html>Bad Gateway</html>") == {}
