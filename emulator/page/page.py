"""The page's address: who may open it, which view answers, and what a browser may do with it.

It lies behind the control port's token. A browser sends along who asks: only this page itself, or a
person who typed or clicked the address, is answered. Everything is made here, on this machine: no
script, font or picture comes from anywhere else, and reading needs no script at all.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.http.routing import Route, Router
from emulator.page import calls, endpoints, jobs, online, resources, turning
from emulator.page.kept import Kept
from emulator.page.rendering import SECURITY, render
from emulator.state.errors import AzureError

PREFIX = "/page"
"""What its paths begin with, behind the token."""

View = Callable[[Front, Request], Response]

_FOLDER = Path(__file__).parent
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_PAGE = {"none", "same-origin"}


class Page:
    """The views of one emulated cloud."""

    def __init__(self, front: Front) -> None:
        self._front = front
        kept = Kept()
        front.listeners.append(kept.hear)
        self._router = Router(
            [
                *(Route(method, path, partial(view, front)) for method, path, view in _ROUTES),
                Route("GET", f"{PREFIX}/calls/{{number}}", partial(calls.one, front, kept)),
            ]
        )

    def answer(self, request: Request) -> Response:
        """Answer a browser, also where something is wrong: with a page that says what."""
        try:
            _require_own(request)
            return self._router.handle(request)
        except AzureError as error:
            told = {"status": error.status, "code": error.code, "message": error.message}
            return render(self._front, request, "error.html", told, status=error.status)


def _require_own(request: Request) -> None:
    """Refuse what another page sends: its Origin, or what the browser says of where it is from."""
    headers = request.headers
    own = f"http://{headers.get('host', '')}"
    if headers.get("origin", own) != own or headers.get("sec-fetch-site", "none") not in _PAGE:
        raise AzureError(403, "Forbidden", "Only this page itself may ask it.")
    if request.method not in ("GET", "HEAD", "POST"):
        raise AzureError(405, "MethodNotAllowed", f"The page takes no {request.method}.")


def _asset(_: Front, request: Request) -> Response:
    file = _FOLDER / f"page.{request.parameters['kind']}"
    if file.suffix not in _TYPES:
        raise AzureError(404, "NotFound", f"The page has no {file.name}.")
    return Response(200, SECURITY | {"content-type": _TYPES[file.suffix]}, file.read_bytes())


_ROUTES: tuple[tuple[str, str, View], ...] = (
    ("GET", PREFIX, resources.tree),
    ("GET", f"{PREFIX}/resource", resources.one),
    ("GET", f"{PREFIX}/jobs", jobs.listed),
    ("GET", f"{PREFIX}/job", jobs.one),
    ("GET", f"{PREFIX}/endpoints", endpoints.listed),
    ("GET", f"{PREFIX}/endpoint", endpoints.one),
    ("POST", f"{PREFIX}/endpoint", endpoints.ask),
    ("GET", f"{PREFIX}/online", online.one),
    ("POST", f"{PREFIX}/online", online.ask),
    ("GET", f"{PREFIX}/calls", calls.listed),
    ("GET", f"{PREFIX}/faults", turning.shown),
    ("POST", f"{PREFIX}/faults", turning.add_fault),
    ("POST", f"{PREFIX}/faults/clear", turning.clear_faults),
    ("POST", f"{PREFIX}/clock", turning.turn_clock),
    ("GET", f"{PREFIX}/page.{{kind}}", _asset),
)
