"""Issuers of OpenID Connect tokens outside of Azure: GitHub's for workflows, Azure DevOps' own.

They are no part of Azure, but what signs a pipeline in: Entra believes a token of theirs where a
federated credential says so. Their key is not Entra's.
"""

import re
import uuid
from typing import Any

from emulator.state.clock import real_now

GITHUB = "https://token.actions.githubusercontent.com"
DEVOPS_HOST = "vstoken.dev.azure.com"
_DEVOPS = re.compile(
    rf"https://{re.escape(DEVOPS_HOST)}/[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
)
ALGORITHM = "RS256"
KEY_ID = "foundry-emulator-issuers"
LIFETIME = 300
"""Seconds: GitHub's own (docs.github.com, OpenID Connect reference)."""


class Issuers:
    """Signs for the issuers that are emulated, and tells their tokens from others."""

    def __init__(self) -> None:
        self._key: Any = None

    def knows(self, issuer: str) -> bool:
        """Whether an issuer is one of those."""
        return issuer == GITHUB or _DEVOPS.fullmatch(issuer) is not None

    def sign(
        self,
        issuer: str,
        subject: str,
        audience: str,
        claims: dict[str, Any] | None = None,
        *,
        lifetime: int = LIFETIME,
    ) -> str:
        """A token of an issuer, valid from now for so many seconds."""
        import jwt

        now = int(real_now().timestamp())
        own = {
            "jti": str(uuid.uuid4()),
            "sub": subject,
            "aud": audience,
            "iss": issuer,
            "iat": now,
            "nbf": now - 600,
            "exp": now + lifetime,
        }
        return jwt.encode(
            {**(claims or {}), **own}, self._private_key(), ALGORITHM, headers={"kid": KEY_ID}
        )

    def is_signed(self, token: str) -> bool:
        """Whether a token is signed with the issuers' key, whatever it says."""
        import jwt

        try:
            jwt.decode(
                token,
                self._private_key().public_key(),
                algorithms=[ALGORITHM],
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            return False
        return True

    def public_key(self) -> dict[str, Any]:
        """The signing key as a JWK."""
        from jwt.algorithms import RSAAlgorithm

        jwk = RSAAlgorithm.to_jwk(self._private_key().public_key(), as_dict=True)
        return jwk | {"use": "sig", "kid": KEY_ID, "alg": ALGORITHM}

    def _private_key(self) -> Any:
        if self._key is None:
            from cryptography.hazmat.primitives.asymmetric import rsa

            self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._key
