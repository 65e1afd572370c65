"""OpenID configuration and keys of the issuers, where whoever believes them reads them."""

from emulator.http.messages import Request, Response
from emulator.http.routing import Route, Router
from emulator.state.issuers import DEVOPS_HOST, GITHUB
from emulator.state.signing import ALGORITHM


def _configuration(issuer: str) -> Response:
    return Response.json(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "nbf"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid"],
        }
    )


def github_configuration(request: Request) -> Response:
    """GET /.well-known/openid-configuration."""
    del request
    return _configuration(GITHUB)


def devops_configuration(request: Request) -> Response:
    """GET /{organization}/.well-known/openid-configuration."""
    return _configuration(f"https://{DEVOPS_HOST}/{request.parameters['organization']}")


def keys(request: Request) -> Response:
    """GET …/.well-known/jwks."""
    return Response.json({"keys": [request.cloud.issuers.key.public()]})


handle_github = Router(
    (
        Route("GET", "/.well-known/openid-configuration", github_configuration),
        Route("GET", "/.well-known/jwks", keys),
    )
).handle
handle_devops = Router(
    (
        Route("GET", "/{organization}/.well-known/openid-configuration", devops_configuration),
        Route("GET", "/{organization}/.well-known/jwks", keys),
    )
).handle
