"""The passphrase secrets provider, bit-compatible with the real CLI in both directions."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from minipulumi.errors import PulumiError
from minipulumi.values import SECRET, SIGNATURE, Props, plain, swap_marked

_ROUNDS = (
    1_000_000  # what the real CLI uses: 0.3 s, so the key is derived once and only when needed
)


class Passphrase:
    """Encrypts and decrypts with the key that the passphrase and a stack's salt give."""

    def __init__(self, state: str):
        self.state = state  # v1:<salt>:<the word "pulumi" encrypted>
        self._key: bytes | None = None

    @classmethod
    def new(cls) -> "Passphrase":
        """Makes a new salt."""
        salt = base64.b64encode(os.urandom(8)).decode()
        made = cls(f"v1:{salt}:")
        made._key = _derive(salt)
        made.state += made.encrypt("pulumi")
        return made

    def unlock(self) -> None:
        """Derives the key and proves the passphrase against the salt's check word."""
        if self._key:
            return
        version, salt, word = [*self.state.split(":", 2), "", ""][:3]
        if version != "v1":
            raise PulumiError("malformed encryptionsalt: expected v1:<salt>:<check word>")
        self._key = _derive(salt)
        if self.decrypt(word) != "pulumi":
            raise PulumiError("incorrect passphrase")

    def encrypt(self, text: str) -> str:
        """Returns `v1:<nonce>:<ciphertext and tag>`."""
        nonce = os.urandom(12)
        sealed = self._cipher().encrypt(nonce, text.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, text: str) -> str:
        """Reads what `encrypt`, here or in the real CLI, has written."""
        from cryptography.exceptions import InvalidTag

        try:
            _, nonce, sealed = text.split(":")
            opened = self._cipher().decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None)
        except (InvalidTag, ValueError) as error:
            raise PulumiError("incorrect passphrase") from error
        return opened.decode()

    def seal(self, value: Any) -> Any:
        """Replaces each marked secret in a value by its encrypted form, as state keeps it."""

        def swap(secret: Props) -> Props:
            inner = plain(secret["value"])
            text = json.dumps(inner, separators=(",", ":"), ensure_ascii=False)
            return {SIGNATURE: SECRET, "ciphertext": self.encrypt(text)}

        return swap_marked(value, swap)

    def open(self, value: Any) -> Any:
        """Undoes `seal`; also reads the `plaintext` form of `stack export --show-secrets`."""

        def swap(secret: Props) -> Props:
            text = secret.get("plaintext") or self.decrypt(secret["ciphertext"])
            return {SIGNATURE: SECRET, "value": json.loads(text)}

        return swap_marked(value, swap)

    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if self._key is None:
            self.unlock()
        return AESGCM(self._key or b"")


def _derive(salt: str) -> bytes:
    secret = os.environ.get("PULUMI_CONFIG_PASSPHRASE")
    if secret is None and (file := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")):
        try:
            secret = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise PulumiError(f"PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error
    if secret is None:
        raise PulumiError(
            "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"
            " environment variables"
        )
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), base64.b64decode(salt), _ROUNDS, 32)
