"""Users, groups and service principals of the directory, in Microsoft Graph v1.0's own shapes.

What `az role assignment` and `az ad … show` ask: by id, by a filter, and many ids at once. Whoever
signed in may read; what permission an application needs on Graph is not emulated.
"""

import re
from collections.abc import Callable

from emulator.http.messages import Request, Response
from emulator.http.routing import Route, Router
from emulator.state.access import Principal
from emulator.state.clock import real_now
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json

AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
DOMAIN = "rehearsal.onmicrosoft.com"
"""What the user principal names of the directory end with."""

_V1 = "/v1.0"
_TYPES = {"users": "User", "groups": "Group", "servicePrincipals": "ServicePrincipal"}
_KINDS = {"User": "user", "Group": "group", "ServicePrincipal": "servicePrincipal"}
_FILTER = re.compile(
    r"(?P<property>\w+)\s+eq\s+'(?P<value>(?:[^']|'')*)'"
    r"|(?P<collection>\w+)/any\(\s*(?P<name>\w+)\s*:\s*(?P=name)\s+eq\s+'(?P<one>(?:[^']|'')*)'\s*\)"
    r"|startswith\(\s*(?P<prefixed>\w+)\s*,\s*'(?P<prefix>(?:[^']|'')*)'\s*\)",
    re.IGNORECASE,
)
_OPTIONS = ("$filter", "$select", "$top")


def handle(request: Request) -> Response:
    """Answer a call on Graph."""
    request.sign_in(AUDIENCES)
    return _ROUTER.handle(request)


def render_graph_error(request: Request, error: AzureError) -> Response:
    """Graph's envelope: ARM's, with who asked and when inside."""
    inner = {
        "date": real_now().strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request.id,
        "client-request-id": request.headers.get("client-request-id", request.id),
    }
    return Response.json(
        {"error": error.body() | {"innerError": inner}}, error.status, error.headers
    )


def list_principals(request: Request) -> Response:
    """GET /users, /groups or /servicePrincipals, filtered."""
    kind = _kind(request)
    for name in request.query:
        if name.lower() not in _OPTIONS:
            raise not_emulated(f"the option '{name}'", f"Known: {', '.join(_OPTIONS)}.")
    matches = _filter(request.option("$filter"))
    found = [_shown(request, who) for who in request.cloud.access.principals(_TYPES[kind])]
    found = [one for one in found if matches(one)]
    top = request.option("$top")
    if top and not (top.isdecimal() and 1 <= int(top) <= 999):
        raise _bad("Invalid page size specified: it must be between 1 and 999 inclusive.")
    return _many(request, kind, found[: int(top)] if top else found)


def get_principal(request: Request) -> Response:
    """GET one by its object id; a user by its name too, a service principal by appId='…'."""
    kind, name = _kind(request), request.parameters["id"]
    found = request.cloud.access.principal(name)
    if found is None and kind == "users":
        users = request.cloud.access.principals("User")
        found = next((one for one in users if _upn(one).lower() == name.lower()), None)
    if found is None or found.type != _TYPES[kind]:
        raise _missing(name)
    return _one(request, kind, found)


def get_by_application(request: Request) -> Response:
    """GET /servicePrincipals(appId='…')."""
    found = request.cloud.access.application(request.parameters["application"])
    if found is None:
        raise _missing(request.parameters["application"])
    return _one(request, "servicePrincipals", found)


def list_members(request: Request) -> Response:
    """GET /groups/{id}/members: those right in it."""
    access, id = request.cloud.access, request.parameters["id"]
    members = next((ids for group, ids in access.groups() if group.id == id.lower()), None)
    if members is None:
        raise _missing(id)
    found = [who for one in members if (who := access.principal(one)) is not None]
    return _many(request, "directoryObjects", [_typed(request, who) for who in found])


def get_by_ids(request: Request) -> Response:
    """POST /directoryObjects/getByIds: those of the ids that are there, of the types asked for."""
    body = request.json()
    ids, kinds = body.get("ids"), body.get("types")
    if not isinstance(ids, list) or len(ids) > 1000:  # pyright: ignore[reportUnknownArgumentType]
        raise _bad("'ids' is a list of up to 1000 object ids.")
    wanted = {str(kind).lower() for kind in kinds or ("directoryobject",)}
    access = request.cloud.access
    found = [
        _typed(request, who)
        for id in dict.fromkeys(str(one).lower() for one in ids)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if (who := access.principal(id)) is not None
        and wanted & {_KINDS[who.type].lower(), "directoryobject"}
    ]
    return _many(request, "directoryObjects", found)


def refuse_me(request: Request) -> Response:
    """GET /me: only a person has one, and people can't sign in here."""
    del request
    raise _bad("/me request is only valid with delegated authentication flow.")


def _kind(request: Request) -> str:
    asked = request.parameters["kind"].lower()
    kind = next((name for name in _TYPES if name.lower() == asked), None)
    if kind is None:
        raise not_emulated(f"'{request.path}' of Microsoft Graph", f"Known: {', '.join(_TYPES)}.")
    return kind


def _filter(text: str) -> Callable[[Json], bool]:
    if not text:
        return bool
    match = _FILTER.fullmatch(text.strip())
    if match is None:
        known = "property eq '…', startswith(property,'…'), servicePrincipalNames/any(c:c eq '…')"
        raise not_emulated(f"the filter '{text}'", f"Known: {known}.")
    name = match["property"] or match["collection"] or match["prefixed"]
    wanted = (match["value"] or match["one"] or match["prefix"] or "").replace("''", "'").lower()

    def holds(one: Json) -> bool:
        if name not in one:
            raise _bad(f"Invalid filter clause: Could not find a property named '{name}'.")
        value = one[name]
        if match["collection"]:
            return isinstance(value, list) and wanted in [str(item).lower() for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        shown = str(value or "").lower()
        return shown.startswith(wanted) if match["prefixed"] else shown == wanted

    return holds


def _shown(request: Request, who: Principal) -> Json:
    if who.type == "User":
        upn = _upn(who)
        return {"id": who.id, "displayName": who.name, "userPrincipalName": upn, "mail": upn}
    if who.type == "Group":
        return {
            "id": who.id,
            "displayName": who.name,
            "mailNickname": _plain(who.name),
            "mailEnabled": False,
            "securityEnabled": True,
            "groupTypes": [],
        }
    return {
        "id": who.id,
        "appId": who.client_id,
        "displayName": who.name,
        "appDisplayName": None if who.resource else who.name,
        "appOwnerOrganizationId": None if who.resource else request.cloud.tenant,
        "accountEnabled": True,
        "servicePrincipalNames": [who.client_id],
        "servicePrincipalType": "ManagedIdentity" if who.resource else "Application",
        "alternativeNames": ["isExplicit=False", who.resource] if who.resource else [],
    }


def _typed(request: Request, who: Principal) -> Json:
    return {"@odata.type": f"#microsoft.graph.{_KINDS[who.type]}"} | _shown(request, who)


def _one(request: Request, kind: str, who: Principal) -> Response:
    context = {"@odata.context": f"{_context(kind)}/$entity"}
    return Response.json(context | _selected(request, _shown(request, who)))


def _many(request: Request, kind: str, found: list[Json]) -> Response:
    selected = [_selected(request, one) for one in found]
    return Response.json({"@odata.context": _context(kind), "value": selected})


def _selected(request: Request, one: Json) -> Json:
    wanted = [name.strip() for name in request.option("$select").split(",") if name.strip()]
    return {name: one[name] for name in wanted if name in one} if wanted else one


def _context(kind: str) -> str:
    return f"https://graph.microsoft.com/v1.0/$metadata#{kind}"


def _upn(user: Principal) -> str:
    return f"{_plain(user.name)}@{DOMAIN}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", name.lower().replace(" ", "."))


def _missing(id: str) -> AzureError:
    return AzureError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{id}' does not exist or one of its queried reference-property objects are not "
        "present.",
    )


def _bad(message: str) -> AzureError:
    return AzureError(400, "Request_BadRequest", message)


_ROUTER = Router(
    (
        Route("GET", f"{_V1}/me", refuse_me),
        Route("POST", f"{_V1}/directoryObjects/getByIds", get_by_ids),
        Route("GET", f"{_V1}/servicePrincipals(appId='{{application}}')", get_by_application),
        Route("GET", f"{_V1}/groups/{{id}}/members", list_members),
        Route("GET", f"{_V1}/{{kind}}", list_principals),
        Route("GET", f"{_V1}/{{kind}}/{{id}}", get_principal),
    )
)
