"""Signing in with the token of somebody else: an identity's federated credentials.

Issuer, subject and audience are compared to the letter, as Entra does; each refusal has its number.
"""

from typing import Any

from emulator.http.messages import Request
from emulator.services.managedidentity.credentials import CREDENTIAL
from emulator.state.access import Principal
from emulator.state.clock import real_now
from emulator.state.errors import AzureError, not_emulated
from emulator.state.ids import parse_path
from emulator.state.json_text import Json

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LOOK = (
    "Check your federated identity credential Subject, Audience and Issuer against the presented "
    "assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
)


def check(request: Request, principal: Principal, form: dict[str, str]) -> None:
    """Refuse unless the assertion of a form is one that signs this principal in."""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise _refusal(90014, "The required field 'client_assertion_type' is missing or wrong.")
    assertion = form["client_assertion"]
    claims = _read(assertion)
    issuer, subject = str(claims.get("iss", "")), str(claims.get("sub", ""))
    audience = claims.get("aud")
    credential = _matching(_credentials(request, principal), issuer, subject, str(audience))
    if not request.cloud.issuers.knows(issuer):
        raise not_emulated(
            f"the issuer '{credential['issuer']}'",
            "Tokens of GitHub's and Azure DevOps' issuers sign in.",
        )
    if not request.cloud.issuers.is_signed(assertion):
        raise _refusal(
            700027,
            "Client assertion failed signature validation: the token is not signed with a key of "
            f"the issuer '{issuer}'.",
        )
    now = real_now().timestamp()
    if not claims.get("nbf", 0) <= now < claims.get("exp", 0):
        raise _refusal(
            700024,
            "Client assertion is not within its valid time range. "
            f"Current time: {now:.0f}, expiry time of assertion {claims.get('exp', 0)}.",
        )


def _read(assertion: str) -> dict[str, Any]:
    import jwt

    try:
        return jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise _refusal(50027, "JWT token is invalid or malformed.") from None


def _credentials(request: Request, principal: Principal) -> list[Json]:
    if not principal.resource:
        return []
    identity = parse_path(principal.resource).id
    found = request.cloud.resources.children(identity, CREDENTIAL)
    return [credential.properties for credential in found]


def _matching(credentials: list[Json], issuer: str, subject: str, audience: str) -> Json:
    """The credential that names these three; or the refusal that says what fits none."""
    if not credentials:
        raise _refusal(
            70021,
            "No matching federated identity record found for presented assertion. "
            f"Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. "
            f"Assertion Audience: '{audience}'. {_LOOK}",
        )
    found = [each for each in credentials if each["issuer"] == issuer]
    if not found:
        raise _no_match(700211, "issuer", issuer)
    alike = [each for each in found if str(each["subject"]).lower() == subject.lower()]
    found = [each for each in alike if each["subject"] == subject]
    if alike and not found:
        raise _refusal(
            7002138,
            f"No matching federated identity record found for presented assertion subject "
            f"'{subject}'. The subject matches with case-insensitive comparison, but not with "
            f"case-sensitive comparison. {_LOOK}",
        )
    if not found:
        raise _no_match(700213, "subject", subject)
    found = [each for each in found if audience in each["audiences"]]
    if not found:
        raise _no_match(700212, "audience", audience)
    return found[0]


def _no_match(number: int, claim: str, value: str) -> AzureError:
    return _refusal(
        number,
        "No matching federated identity record found for presented assertion "
        f"{claim} '{value}'. {_LOOK}",
    )


def _refusal(number: int, message: str) -> AzureError:
    return AzureError(401, "invalid_client", message, extra={"number": number})
