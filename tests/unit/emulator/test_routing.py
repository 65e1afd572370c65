"""Routes and host names."""

from typing import Any

import pytest

from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router, render_json_error
from emulator.state.errors import AzureError


def _answer(request: Request) -> Response:
    return Response.json(request.parameters)


ROUTER = Router(
    (
        Route("GET", "/{a}/special", _answer, {"comp": "list"}),
        Route("GET", "/{a}/{rest*}", _answer),
        Route("PUT", "/{a}", _answer),
    )
)


def test_the_first_route_that_matches_wins_with_its_query() -> None:
    assert ROUTER.find(_request("GET", "/x/SPECIAL", {"comp": "list"})) is not None
    found = ROUTER.find(_request("GET", "/x/y/z/"))
    assert found is not None
    assert found[1] == {"a": "x", "rest": "y/z/"}


def test_a_wrong_method_and_a_wrong_path_are_told_apart() -> None:
    with pytest.raises(AzureError, match="MethodNotAllowed") as refused:
        ROUTER.handle(_request("DELETE", "/x"))
    assert refused.value.headers["allow"] == "PUT"
    with pytest.raises(AzureError, match="NotFound"):
        ROUTER.handle(_request("GET", "/"))


@pytest.mark.parametrize(
    ("host", "parameters"),
    [
        ("acct.blob.core.windows.net", {"account": "acct"}),
        ("ACCT.BLOB.core.windows.net", {"account": "ACCT"}),
        ("a.b.blob.core.windows.net", None),
        ("blob.core.windows.net", None),
        ("acct.blob.core.windows.net.evil.com", None),
        ("acctXblob.core.windows.net", None),
    ],
)
def test_a_host_is_matched_label_by_label(host: str, parameters: Any) -> None:
    plane = Plane("{account}.blob.core.windows.net", _answer, render_json_error)
    assert plane.match(host) == parameters


def _request(method: str, path: str, query: dict[str, str] | None = None) -> Request:
    cloud: Any = None
    return Request(
        cloud=cloud,
        method=method,
        host="h",
        path=path,
        raw_path=path,
        raw_query="",
        query=query or {},
        headers={},
        body=b"",
        id="1",
        correlation_id="1",
    )
