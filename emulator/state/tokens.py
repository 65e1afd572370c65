"""Access tokens: real RS256 JWTs, signed with the emulator's own key."""

import time
import uuid
from typing import Any

from emulator.state.access import Access, Principal
from emulator.state.clock import real_now
from emulator.state.errors import AzureError
from emulator.state.signing import SigningKey

LIFETIME = 3599

ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
STORAGE_AUDIENCES = ("https://storage.azure.com",)
MACHINE_LEARNING_AUDIENCES = ("https://ml.azure.com", *ARM_AUDIENCES)


class Tokens:
    """Issues tokens, and reads them back on every plane."""

    def __init__(self, access: Access, tenant: str) -> None:
        self._access = access
        self._tenant = tenant
        self.key = SigningKey("foundry-emulator")
        self._known: dict[str, dict[str, Any]] = {}

    def issue(self, principal: Principal, audience: str) -> str:
        """A signed token for an audience, shaped as Entra's v1 access tokens are."""
        now = int(real_now().timestamp())
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "appid": principal.client_id,
            "appidacr": "1",
            "idp": self.issuer,
            "idtyp": "app",
            "oid": principal.id,
            "sub": principal.id,
            "tid": self._tenant,
            "uti": uuid.uuid4().hex[:22],
            "ver": "1.0",
        }
        if principal.resource:
            claims["xms_mirid"] = principal.resource
        return self.key.sign(claims)

    @property
    def issuer(self) -> str:
        """The `iss` of every token."""
        return f"https://sts.windows.net/{self._tenant}/"

    def read(self, authorization: str, audiences: tuple[str, ...]) -> Principal:
        """Who calls, by the bearer token of an Authorization header; or a refusal with a 401."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._refusal(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            )
        claims = self._claims(token.strip())
        if claims["exp"] <= time.time():
            raise self._refusal(
                "ExpiredAuthenticationToken", "The access token expired. Sign in again."
            )
        audience = str(claims["aud"]).rstrip("/")
        if audience not in audiences:
            raise self._refusal(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource "
                f"'{claims['aud']}'. It should exactly match with one of the allowed audiences "
                f"{', '.join(repr(allowed) for allowed in audiences)}.",
            )
        principal = self._access.principal(claims["oid"])
        if principal is None:
            raise self._refusal(
                "AuthenticationFailed", "Authentication failed. The principal no longer exists."
            )
        return principal

    def _claims(self, token: str) -> dict[str, Any]:
        known = self._known.get(token)
        if known is not None:
            return known
        import jwt

        try:
            claims = self.key.read(token, issuer=self.issuer)
        except jwt.InvalidTokenError as error:
            raise self._refusal(
                "InvalidAuthenticationToken",
                f"The access token is invalid: {error}. A token of another emulator run, or of "
                "Azure itself, is not accepted here.",
            ) from error
        if len(self._known) > 1000:
            self._known.clear()
        self._known[token] = claims
        return claims

    def _refusal(self, code: str, message: str) -> AzureError:
        return AzureError(
            401,
            code,
            message,
            headers={
                "www-authenticate": 'Bearer authorization_uri="https://login.microsoftonline.com/'
                f'{self._tenant}", error="invalid_token", error_description="{message[:120]}"'
            },
        )
