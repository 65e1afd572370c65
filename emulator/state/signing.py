"""A key that tokens are signed with: made at its first use, kept where it is to outlive us."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ALGORITHM = "RS256"


class SigningKey:
    """An RSA key under a name; it lives as long as the process, unless it is kept in a file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._key: RSAPrivateKey | None = None
        self._file: Path | None = None

    def keep_in(self, folder: Path) -> None:
        """Use the folder's key of this name from now on; one that is made is written there."""
        self._file = folder / f"{self.name}.pem"
        self._key = None

    def sign(self, claims: dict[str, Any]) -> str:
        """A token of those claims."""
        import jwt

        return jwt.encode(claims, self._private(), ALGORITHM, headers={"kid": self.name})

    def read(self, token: str, issuer: str | None = None) -> dict[str, Any]:
        """The claims of a token that this key signed, whatever its audience and times.

        Raises:
            jwt.InvalidTokenError: it isn't signed with it, or is another issuer's.
        """
        import jwt

        return jwt.decode(
            token,
            self._private().public_key(),
            algorithms=[ALGORITHM],
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False},
            issuer=issuer,
        )

    def public(self) -> dict[str, Any]:
        """Its public half as a JWK."""
        from jwt.algorithms import RSAAlgorithm

        jwk = RSAAlgorithm.to_jwk(self._private().public_key(), as_dict=True)
        return jwk | {"use": "sig", "kid": self.name, "alg": ALGORITHM}

    def _private(self) -> "RSAPrivateKey":
        if self._key is None:
            self._key = self._kept() or self._made()
        return self._key

    def _kept(self) -> "RSAPrivateKey | None":
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        if self._file is None or not self._file.exists():
            return None
        key = load_pem_private_key(self._file.read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        return key

    def _made(self) -> "RSAPrivateKey":
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if self._file is not None:
            pem = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            # Before it signs anything, and all at once: a killed emulator leaves no half of a key.
            new = self._file.with_suffix(".new")
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem)
            new.replace(self._file)
        return key
