"""`POST {account}.cognitiveservices.azure.com/contentsafety/text:analyze`: how harmful is a text?

Azure AI Content Safety's own host and shapes (its REST reference, 2023-10-01 and 2024-09-01), with
the rules of the emulator's filter behind it. Blocklists and its other operations are refused.
"""

import secrets
from typing import Any, cast

from emulator.arm.api_versions import newest_for
from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router, render_json_error
from emulator.services.cognitiveservices.accounts import ACCOUNT
from emulator.services.contentsafety.filter import detector, judge
from emulator.state.errors import AzureError
from emulator.state.store import Resource

API_VERSIONS = ("2023-10-01", "2024-09-01")
AUDIENCES = ("https://cognitiveservices.azure.com",)
LONGEST = 10_000
CATEGORIES = {"Hate": "hate", "SelfHarm": "self_harm", "Sexual": "sexual", "Violence": "violence"}

_KNOWN = {"text", "categories", "outputType", "blocklistNames", "haltOnBlocklistHit"}


def _analyze(request: Request) -> Response:
    account = _account(request)
    _sign_in(request, account)
    asked = request.api_version
    if asked not in API_VERSIONS and newest_for(asked, API_VERSIONS) is None:
        raise AzureError(
            404,
            "NotFound",
            f"The api-version '{asked}' is not one of {', '.join(API_VERSIONS)}.",
        )
    text, categories = _body(request)
    judgement = judge(text)
    answer = {
        "blocklistsMatch": [],
        "categoriesAnalysis": [
            {"category": name, "severity": judgement.severities[CATEGORIES[name]]}
            for name in categories
        ],
    }
    return Response.json(answer, 200, {"x-foundry-emulator-filter": detector()})


def _account(request: Request) -> Resource:
    domain = request.parameters["account"].lower()
    for account in request.cloud.resources.of_type(ACCOUNT):
        if str(account.properties.get("customSubDomainName") or "").lower() == domain:
            return account
    raise AzureError(404, "ResourceNotFound", f"No account has the subdomain '{domain}'.")


def _sign_in(request: Request, account: Resource) -> None:
    key = request.headers.get("ocp-apim-subscription-key", "")
    if key:
        known = [str(one) for one in account.private["keys"]]
        matches = [secrets.compare_digest(one.encode(), key.encode()) for one in known]
        if account.properties.get("disableLocalAuth") or not any(matches):
            raise AzureError(
                401,
                "401",
                "Access denied due to invalid subscription key or wrong API endpoint.",
            )
        return
    request.sign_in(AUDIENCES)
    action = f"{ACCOUNT}/ContentSafety/text:analyze/action"
    request.cloud.access.require_data(request.caller, action, account.id.text)


def _body(request: Request) -> tuple[str, list[str]]:
    fields = request.json()
    text = fields.get("text")
    if not isinstance(text, str) or not text:
        raise _invalid("'text' must be a text that is not empty.")
    if len(text) > LONGEST:
        raise _invalid(f"'text' has {len(text)} characters; {LONGEST} is the most.")
    if unknown := set(fields) - _KNOWN:
        raise _invalid(f"'{min(unknown)}' is not known.")
    if fields.get("blocklistNames"):
        raise _invalid("foundry-emulator has no blocklists.")
    if fields.get("outputType") not in (None, "FourSeverityLevels"):
        raise _invalid("foundry-emulator knows the outputType FourSeverityLevels only.")
    wanted: Any = fields.get("categories") or list(CATEGORIES)
    names = cast("list[Any]", wanted) if isinstance(wanted, list) else [wanted]
    if not all(name in CATEGORIES for name in names):
        raise _invalid(f"'categories' may hold {', '.join(CATEGORIES)}.")
    return text, names


def _invalid(message: str) -> AzureError:
    return AzureError(400, "InvalidRequestBody", message)


PLANE = Plane(
    "{account}.cognitiveservices.azure.com",
    Router((Route("POST", "/contentsafety/text:analyze", _analyze),)).handle,
    render_json_error,
)
