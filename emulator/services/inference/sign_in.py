"""Who may ask an endpoint: holders of one of its keys, or of an Entra token, as it was set up."""

import secrets

from emulator.http.messages import Request
from emulator.services.machinelearningservices.deployed import ENDPOINTS
from emulator.state.errors import AzureError
from emulator.state.store import Resource

# Where azure-ai-inference asks for a token by default.
AUDIENCES = ("https://ml.azure.com", "https://cognitiveservices.azure.com")


def sign_in(request: Request, endpoint: Resource) -> None:
    """Refuse with a 401 unless the request proves that it may ask.

    A key is taken as `Authorization: Bearer <key>`, as a bare `Authorization: <key>` (Microsoft's
    samples) and as `api-key` (azure-ai-inference sends it beside the first).
    """
    mode = endpoint.properties["authMode"]
    credential = _credential(request)
    if not credential:
        raise _unauthorized(
            "The request has no credential. Send the endpoint's key as 'Authorization: Bearer "
            "<key>'."
            if mode != "AAD"
            else "The request has no credential. Send an Entra token for https://ml.azure.com."
        )
    if mode != "AAD" and is_key(endpoint, credential):
        return
    if mode == "Key" or credential.count(".") != 2:
        raise _unauthorized("The key is not one of this endpoint's keys.")
    request.sign_in(AUDIENCES)
    request.cloud.access.require(request.caller, f"{ENDPOINTS}/read", endpoint.id.text)


def _credential(request: Request) -> str:
    sent = request.headers.get("authorization", "").strip()
    scheme, _, rest = sent.partition(" ")
    credential = rest.strip() if scheme.lower() == "bearer" else sent
    return credential or request.headers.get("api-key", "").strip()


def is_key(endpoint: Resource, credential: str) -> bool:
    """Whether it is one of an endpoint's keys."""
    keys = (str(endpoint.private.get(name, "")) for name in ("primaryKey", "secondaryKey"))
    # Every key is compared, in constant time, so that timing tells nothing.
    matches = [
        bool(key) and secrets.compare_digest(key.encode(), credential.encode()) for key in keys
    ]
    return any(matches)


def _unauthorized(message: str) -> AzureError:
    return AzureError(401, "Unauthorized", message, headers={"www-authenticate": "Bearer"})
