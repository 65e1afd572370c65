"""From a view's values to a page: templates in which every text is escaped, whoever wrote it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.state.errors import AzureError, bad_request

if TYPE_CHECKING:
    from jinja2 import Environment

SECURITY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # The address holds the token: it goes to no other site.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every answer: the page runs its own files only, in no frame, and is never kept."""

_FORM_LIMIT = 200_000


def render(
    front: Front, request: Request, template: str, values: Mapping[str, Any], *, status: int = 200
) -> Response:
    """A view as HTML; `here` and `top` are known to every template."""
    below = request.path.count("/") - 1
    clock = front.cloud.clock
    text = (
        _templates()
        .get_template(template)
        .render(
            **values,
            # Addresses are relative: no page holds the token.
            top="../" * below,
            here=template.removesuffix(".html"),
            now=moment(clock.timestamp()),
            scale=clock.scale,
            state=str(front.cloud.directory or "kept in memory"),
        )
    )
    return Response(status, SECURITY | {"content-type": "text/html; charset=utf-8"}, text.encode())


def form(request: Request) -> dict[str, str]:
    """What a form was filled in with.

    Raises:
        AzureError: It is no form, or too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise AzureError(415, "UnsupportedMediaType", "Send the form as a browser does.")
    if len(request.body) > _FORM_LIMIT:
        raise AzureError(413, "RequestBodyTooLarge", f"A form takes {_FORM_LIMIT:,} bytes.")
    try:
        return dict(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError as error:
        raise bad_request(f"The form is not usable: {error}.") from error


def back(where: str) -> Response:
    """On to another view, once something is done: reloading doesn't do it twice."""
    return Response(303, SECURITY | {"location": where})


def moment(timestamp: float) -> str:
    """A time to read, in UTC and to the second."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


def short(kind: str) -> str:
    """`Storage/storageAccounts`, or `jobs` of a type that hangs on another."""
    namespace, _, types = kind.partition("/")
    nested = types.rpartition("/")[2]
    return nested if "/" in types else f"{namespace.removeprefix('Microsoft.')}/{types}"


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    environment.filters["short"] = short
    environment.filters["address"] = lambda text: quote(str(text), safe="")
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    return environment
