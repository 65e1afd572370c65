"""A request and a response as every handler sees them: plain values, no event loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from emulator.state.access import Principal
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.json_text import Json

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, kw_only=True)
class Request:
    """One call. Header names are lower-case; `raw_path` and `raw_query` are as sent.

    `written` says how the names of metadata headers were written, by their lower-case ones.

    `parameters` holds what the host's and the route's `{placeholders}` matched. `principal` is
    set once somebody signed in, `served_version` where another api-version than the asked one
    answers (`arm/api_versions.py`).
    """

    cloud: Cloud
    method: str
    host: str
    path: str
    raw_path: str
    raw_query: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    id: str
    correlation_id: str
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    principal: Principal | None = None
    served_version: str = ""
    written: dict[str, str] = field(default_factory=dict[str, str])

    def option(self, name: str, default: str = "") -> str:
        """A query parameter, whatever its case, as ARM reads it."""
        if name in self.query:
            return self.query[name]
        lowered = name.lower()
        for key, value in self.query.items():
            if key.lower() == lowered:
                return value
        return default

    @property
    def api_version(self) -> str:
        """The api-version that the call is served at: the one asked for, or what stands in."""
        return self.served_version or self.option("api-version")

    @property
    def url(self) -> str:
        """The full address as the caller wrote it."""
        return f"https://{self.host}{self.raw_path}" + (
            f"?{self.raw_query}" if self.raw_query else ""
        )

    @property
    def caller(self) -> Principal:
        """Who signed in; a handler behind the sign-in may rely on it."""
        if self.principal is None:
            raise AzureError(
                401, "AuthenticationFailed", "Authentication failed. The request has no caller."
            )
        return self.principal

    def sign_in(self, audiences: tuple[str, ...]) -> Principal:
        """Who calls, by the bearer token, from here on `caller`; or a refusal with a 401."""
        authorization = self.headers.get("authorization", "")
        self.principal = self.cloud.tokens.read(authorization, audiences)
        return self.principal

    def json(self) -> Json:
        """The body as a JSON object; refuses anything else as ARM does."""
        if not self.body:
            return {}
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise AzureError(
                415,
                "UnsupportedMediaType",
                "foundry-emulator takes bodies as they are, and this one is compressed "
                f"(content-encoding: {self.headers['content-encoding'][:40]}).",
            )
        try:
            value = _decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AzureError(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: '{error}'.",
            ) from error
        if not isinstance(value, dict):
            raise AzureError(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: "
                "'a JSON object was expected'.",
            )
        return value  # pyright: ignore[reportUnknownVariableType] # JSON has string keys only


@dataclass(slots=True)
class Response:
    """One answer: bytes, or an iterator of bytes that is sent piece by piece as it is made.

    An iterator runs off the event loop; its `close()` is called when the client hangs up.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes | Iterator[bytes] = b""

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """An answer with a JSON body."""
        return cls(
            status,
            {"content-type": "application/json; charset=utf-8"} | (headers or {}),
            _encode(value),
        )

    @classmethod
    def empty(cls, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """An answer without a body."""
        return cls(status, dict(headers or {}))

    @classmethod
    def stream(
        cls, pieces: Iterator[bytes], content_type: str, headers: dict[str, str] | None = None
    ) -> Response:
        """An answer that is sent while it is made."""
        return cls(200, {"content-type": content_type} | (headers or {}), pieces)
