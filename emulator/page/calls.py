"""The newest calls, filtered; and one of them, with the command that does it again."""

import shlex
from urllib.parse import quote, urlencode

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.page.kept import Kept
from emulator.page.rendering import render
from emulator.state.errors import AzureError
from emulator.state.json_text import Json

_PAGE = 200
_FIELDS = ("method", "host", "path", "status")
_AUDIENCES = (
    (".blob.core.windows.net", "https://storage.azure.com"),
    (".api.azureml.ms", "https://ml.azure.com"),
    (".models.ai.azure.com", "https://ml.azure.com"),
    (".cognitiveservices.azure.com", "https://cognitiveservices.azure.com"),
    ("", "https://management.azure.com"),
)
"""Which token a host takes, by the end of its name."""
_SIGN_IN = """\
TOKEN=$(curl -s "https://login.microsoftonline.com/$AZURE_TENANT_ID/oauth2/v2.0/token" \\
  -d grant_type=client_credentials -d client_id="$AZURE_CLIENT_ID" \\
  --data-urlencode client_secret="$AZURE_CLIENT_SECRET" -d scope={audience}/.default \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
"""


def listed(front: Front, request: Request) -> Response:
    """The newest calls that the filter lets through, a page of them."""
    wanted = {name: request.option(name).strip() for name in _FIELDS}
    before = request.option("before")
    calls = [
        call
        for call in reversed(list(front.calls))
        if (not before.isdecimal() or call["number"] < int(before)) and _is_wanted(call, wanted)
    ]
    shown = calls[:_PAGE]
    older = ""
    if len(calls) > _PAGE:
        kept = {name: value for name, value in wanted.items() if value}
        older = urlencode(kept | {"before": shown[-1]["number"]})
    told = f"{len(calls):,} calls, the newest first" if calls else "No call is like that."
    values = {"calls": shown, "wanted": wanted, "told": told, "older": older, "live": not before}
    return render(front, request, "calls.html", values)


def one(front: Front, kept: Kept, request: Request) -> Response:
    """One call, with what it sent and got as long as that is kept."""
    number = request.parameters["number"]
    call = next((each for each in list(front.calls) if str(each["number"]) == number), None)
    if call is None:
        raise AzureError(404, "NotFound", f"Request {number} is not among the newest any more.")
    signs = bool(call["principal"])
    principal = front.cloud.access.principal(call["principal"]) if signs else None
    values: Json = {
        "call": {"fault": {}, "crash": "", **call},
        "who": principal.name if principal else "",
        "signs": signs,
        "bodies": kept.of(call["number"]),
        "curl": curl(call, kept.json_sent(call["number"])),
    }
    return render(front, request, "call.html", values)


def curl(call: Json, sent: str = "") -> str:
    """The commands that do a call again, for bash; a token is asked for where it took one.

    `sent` is its JSON; a secret in it is REDACTED, and to be filled in by hand.
    """
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in call["query"].items())
    address = f"https://{call['host']}{quote(call['path'], safe='/:@!$&+,;=~')}"
    command = (
        f"curl -sS -X {call['method']} {shlex.quote(address + ('?' + query if query else ''))}"
    )
    if sent:
        command += f" -H 'content-type: application/json' --data {shlex.quote(sent)}"
    if not call["principal"]:
        return command
    audience = next(audience for end, audience in _AUDIENCES if call["host"].endswith(end))
    command += ' -H "Authorization: Bearer $TOKEN"'
    return _SIGN_IN.format(audience=audience) + command


def _is_wanted(call: Json, wanted: dict[str, str]) -> bool:
    status = wanted["status"].lower().rstrip("x")
    return (
        wanted["method"].upper() in ("", call["method"])
        and wanted["host"].lower() in call["host"]
        and wanted["path"].lower() in call["path"].lower()
        and str(call["status"]).startswith(status)
    )
