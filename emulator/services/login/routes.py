"""OpenID configuration, keys, instance discovery and the token for client credentials."""

import uuid
from urllib.parse import parse_qsl

from emulator.http.messages import Request, Response
from emulator.http.routing import Route, Router
from emulator.services.login import federation
from emulator.state.access import Principal
from emulator.state.clock import real_now
from emulator.state.errors import AzureError
from emulator.state.json_text import Json
from emulator.state.tokens import LIFETIME

AUTHORITY = "https://login.microsoftonline.com"

# The AADSTS number of each refusal: what MSAL and azure-identity show, and people search for.
_NUMBERS = {
    "unauthorized_client": 700016,
    "invalid_client": 7000215,
    "invalid_scope": 1002012,
    "invalid_request": 90002,
    "unsupported_grant_type": 70003,
}

_CLAIMS = (
    "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
    "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name",
    "tid", "ver", "at_hash", "c_hash", "email",
)  # fmt: skip


def openid_configuration(request: Request) -> Response:
    """GET /{tenant}/v2.0/.well-known/openid-configuration."""
    tenant = _tenant(request)
    base = f"{AUTHORITY}/{tenant}"
    return Response.json(
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/v2.0",
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "claims_supported": list(_CLAIMS),
            "kerberos_endpoint": f"{base}/kerberos",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            "tenant_region_scope": "NA",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }
    )


def keys(request: Request) -> Response:
    """GET /{tenant}/discovery/v2.0/keys: what tokens are signed with."""
    return Response.json({"keys": [request.cloud.tokens.key.public()]})


def instance_discovery(request: Request) -> Response:
    """GET /common/discovery/instance."""
    tenant = request.cloud.tenant
    return Response.json(
        {
            "tenant_discovery_endpoint": (
                f"{AUTHORITY}/{tenant}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": "login.microsoftonline.com",
                    "preferred_cache": "login.windows.net",
                    "aliases": [
                        "login.microsoftonline.com",
                        "login.windows.net",
                        "login.microsoft.com",
                        "sts.windows.net",
                    ],
                }
            ],
        }
    )


def token(request: Request) -> Response:
    """POST /{tenant}/oauth2/v2.0/token: client credentials, and nothing else."""
    _tenant(request)
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    grant = form.get("grant_type", "")
    if grant != "client_credentials":
        raise _refusal(
            "unsupported_grant_type",
            f"The app requested an unsupported grant type '{grant}'. foundry-emulator signs in "
            "service principals by a client secret or a federated token "
            "(grant_type=client_credentials).",
        )
    principal = _application(request, form)
    request.principal = principal
    return Response.json(
        {
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            # Half its life, as in a recorded session: from then on MSAL gets the next one early.
            "refresh_in": LIFETIME // 2,
            "access_token": request.cloud.tokens.issue(principal, _audience(form.get("scope", ""))),
        },
        headers={"cache-control": "no-store, no-cache", "pragma": "no-cache"},
    )


def render_login_error(request: Request, error: AzureError) -> Response:
    """Entra's envelope of a refusal."""
    number = int(error.extra.get("number") or _NUMBERS.get(error.code, 900000))
    now = real_now().strftime("%Y-%m-%d %H:%M:%SZ")
    body: Json = {
        "error": error.code,
        "error_description": f"AADSTS{number}: {error.message} Trace ID: {request.id} "
        f"Correlation ID: {request.correlation_id} Timestamp: {now}",
        "error_codes": [number],
        "timestamp": now,
        "trace_id": request.id,
        "correlation_id": request.correlation_id,
        "error_uri": f"{AUTHORITY}/error?code={number}",
    }
    return Response.json(body, error.status, error.headers)


def _tenant(request: Request) -> str:
    tenant = request.parameters["tenant"]
    known = request.cloud.tenant
    if tenant.lower() not in (known, "common", "organizations"):
        raise _refusal(
            "invalid_request",
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and "
            f"are signing into the correct cloud. This emulator has one tenant, '{known}'.",
        )
    return known


def _application(request: Request, form: dict[str, str]) -> Principal:
    access, client_id = request.cloud.access, form.get("client_id", "")
    principal = access.application(client_id)
    if principal is None:
        raise _refusal(
            "unauthorized_client",
            f"Application with identifier '{client_id}' was not found in the directory "
            f"'{request.cloud.tenant}'.",
        )
    if "client_assertion" in form:
        federation.check(request, principal, form)
    elif not access.has_secret(principal, form.get("client_secret", "")):
        raise AzureError(
            401,
            "invalid_client",
            "Invalid client secret provided. Ensure the secret being sent in the request is the "
            f"client secret value, not the client secret ID, for a secret added to app "
            f"'{client_id}'.",
        )
    return principal


def _audience(scope: str) -> str:
    names = [part for part in scope.split() if part not in ("openid", "profile", "offline_access")]
    if len(names) != 1 or not names[0].endswith("/.default"):
        raise _refusal(
            "invalid_scope",
            f"The provided value for scope '{scope}' is not valid. Client credential flows must "
            "have a scope value with /.default suffixed to the resource identifier.",
        )
    audience = names[0].removesuffix("/.default")
    try:
        uuid.UUID(audience)
    except ValueError:
        if not audience.startswith("https://"):
            raise _refusal("invalid_scope", f"The resource '{audience}' is unknown.") from None
    return audience


def _refusal(code: str, message: str) -> AzureError:
    return AzureError(400, code, message)


ROUTES = (
    Route("GET", "/common/discovery/instance", instance_discovery),
    Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", openid_configuration),
    Route("GET", "/{tenant}/.well-known/openid-configuration", openid_configuration),
    Route("GET", "/{tenant}/discovery/v2.0/keys", keys),
    Route("GET", "/{tenant}/discovery/keys", keys),
    Route("POST", "/{tenant}/oauth2/v2.0/token", token),
)

handle = Router(ROUTES).handle
