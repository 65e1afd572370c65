"""Issuers of OpenID Connect tokens outside of Azure: GitHub's for workflows, Azure DevOps' own.

They are no part of Azure, but what signs a pipeline in: Entra believes a token of theirs where a
federated credential says so. Their key is not Entra's.
"""

import re
import uuid
from typing import Any

from emulator.state.clock import real_now
from emulator.state.signing import SigningKey

GITHUB = "https://token.actions.githubusercontent.com"
DEVOPS_HOST = "vstoken.dev.azure.com"
_DEVOPS = re.compile(
    rf"https://{re.escape(DEVOPS_HOST)}/[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
)
LIFETIME = 300
"""Seconds: GitHub's own (docs.github.com, OpenID Connect reference)."""


class Issuers:
    """Signs for the issuers that are emulated, and tells their tokens from others."""

    def __init__(self) -> None:
        self.key = SigningKey("foundry-emulator-issuers")

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
        return self.key.sign({**(claims or {}), **own})

    def is_signed(self, token: str) -> bool:
        """Whether a token is signed with the issuers' key, whatever it says."""
        import jwt

        try:
            self.key.read(token)
        except jwt.InvalidTokenError:
            return False
        return True
