"""Routes and planes: which function answers which address."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from emulator.http.messages import Request, Response
from emulator.state.errors import AzureError

Handler = Callable[[Request], Response]

# Beyond them what can match is looked up each time: no client fills the memory with made-up ones.
_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
_MOST_SLASHES = 40


@dataclass(frozen=True, slots=True)
class Route:
    """`method` and a path template; `{name}` matches one segment, `{name*}` the rest.

    Fixed segments match whatever their case. `query` are parameters that must be there (a value of
    None: any value). The first route of a table that matches wins.

    On management.azure.com three more fields speak: `operation` is the permission it takes
    (`{name}` is filled in; "" needs none), `scope` the id it is needed on, and `api_versions`
    what is accepted (empty: any well-formed version).
    """

    method: str
    path: str
    handler: Handler
    query: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    operation: str = ""
    scope: str = "/subscriptions/{subscription}"
    api_versions: tuple[str, ...] = ()


class Router:
    """A table of routes; each is compiled when it is first looked at."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._at: dict[tuple[str, tuple[int, ...]], list[tuple[re.Pattern[str], Route]]] = {}
        # The same few addresses are called over and over.
        self._matching = lru_cache(maxsize=4096)(self._match)

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """The first route that matches, and what its placeholders matched."""
        for route, parameters in self._matching(request.method, request.path):
            if all(
                name in request.query and (value is None or request.query[name] == value)
                for name, value in route.query.items()
            ):
                return route, dict(parameters)
        return None

    def _match(self, method: str, sent: str) -> tuple[tuple[Route, dict[str, str]], ...]:
        """The routes whose method and path match, whatever the query they ask for."""
        path = sent.rstrip("/") or "/"
        found: list[tuple[Route, dict[str, str]]] = []
        for pattern, route in self._of(method, sent.count("/"), path.count("/")):
            # As sent first: the name of a blob may end with a slash.
            match = pattern.fullmatch(sent) or pattern.fullmatch(path)
            if match is not None:
                found.append((route, match.groupdict()))
        return tuple(found)

    def _of(self, method: str, *slashes: int) -> list[tuple[re.Pattern[str], Route]]:
        """The routes, in their order, that a path with so many slashes can match."""
        found = self._at.get((method, slashes))
        if found is None:
            found = [
                (_pattern(route.path), route)
                for route in self._routes
                if route.method == method
                and (route.path.count("/") in slashes or "*}" in route.path)
            ]
            if max(slashes) < _MOST_SLASHES and method in _METHODS:
                self._at[method, slashes] = found
        return found

    def handle(self, request: Request) -> Response:
        """Answer with the route that matches; otherwise 404, or 405 when the method is wrong."""
        found = self.find(request)
        if found is not None:
            route, parameters = found
            request.parameters.update(parameters)
            return route.handler(request)
        path = request.path.rstrip("/") or "/"
        methods = sorted(
            {route.method for route in self._routes if _pattern(route.path).fullmatch(path)}
        )
        if methods:
            raise AzureError(
                405,
                "MethodNotAllowed",
                f"foundry-emulator answers {', '.join(methods)} on '{request.path}', "
                f"not {request.method}.",
                headers={"allow": ", ".join(methods)},
            )
        raise AzureError(
            404,
            "NotFound",
            f"foundry-emulator has no {request.method} '{request.path}' on '{request.host}'.",
        )


@dataclass(frozen=True, slots=True)
class Plane:
    """A host name and who answers on it.

    `host` is a template such as `{account}.blob.core.windows.net`; what its placeholders match is
    put into `request.parameters`. `failure` renders a refusal in the plane's own envelope.
    """

    host: str
    handle: Handler
    failure: Callable[[Request, AzureError], Response]

    def match(self, host: str) -> dict[str, str] | None:
        """What the placeholders match, or None."""
        match = _pattern(self.host, "[^.]+").fullmatch(host)
        return match.groupdict() if match else None


def render_json_error(request: Request, error: AzureError) -> Response:
    """ARM's envelope, which most planes use."""
    del request
    return Response.json({"error": error.body()}, error.status, error.headers)


_compiled: dict[tuple[str, str], re.Pattern[str]] = {}


def _pattern(template: str, segment: str = "[^/]+") -> re.Pattern[str]:
    key = (template, segment)
    if key not in _compiled:
        expression = ""
        for piece in re.split(r"(\{\w+\*?\})", template):
            if piece.startswith("{") and piece.endswith("*}"):
                expression += f"(?P<{piece[1:-2]}>.*)"
            elif piece.startswith("{") and piece.endswith("}"):
                expression += f"(?P<{piece[1:-1]}>{segment})"
            else:
                expression += re.escape(piece)
        _compiled[key] = re.compile(expression, re.IGNORECASE)
    return _compiled[key]
