"""What may be shown of a call: everything but secrets, and what could be one is taken for one.

Headers, queries and forms show the values of names that are known to hold none. Of JSON, the texts
under a name that sounds like a secret's go, and of every text what looks like one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

REDACTED = "REDACTED"

_HEADERS = re.compile(
    r"accept(-encoding|-language)?|allow|azureml-model-deployment|cache-control|connection"
    r"|content-(encoding|length|md5|range|type)|date|etag|expect|host"
    r"|if-(match|modified-since|none-match|unmodified-since)|last-modified|prefer|range"
    r"|retry-after|traceparent|transfer-encoding|user-agent|vary|www-authenticate"
    r"|x-content-type-options|x-ms-(blob-type|(client-|correlation-|routing-)?request-id|date"
    r"|error-code|range|return-client-request-id|server-encrypted|useragent|version)"
)
_ADDRESSES = re.compile(r"azure-asyncoperation|(operation-)?location|referer|x-ms-copy-source")
_QUERY = re.compile(
    r"\$(expand|filter|format|maxpagesize|orderby|select|skip|skiptoken|top)|api-?version|blockid"
    r"|comp|count|delimiter|include|listviewtype|marker|maxresults|orderby|pagesize|prefix"
    r"|properties|resource|restype|scope|s[eprtv]|si|sip|skip|spr|srt|ss|timeout|top",
    re.IGNORECASE,
)
"""What is asked for, and of a signed address (SAS) all but its signature."""
_FORM = re.compile(r"client_assertion_type|client_id|client_info|grant_type|resource|scope")

_SOUNDS_SECRET = re.compile(
    r"secret|passw|passphrase|token|credential|assertion|authorization|signature|sas(?!s)|ssh"
    r"|private|certificate|cookie|connection_?-?string|(?:^|[a-z0-9_-])keys?[0-9]*$",
    re.IGNORECASE,
)
_GIVES_SECRETS = re.compile(
    r"/(?:list|regenerate|get)\w*(?:keys?|secrets?|sas|tokens?|credentials?)$", re.I
)
_LOOKS_SECRET = re.compile(
    r"(?P<pem>-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|\Z))"
    r"|\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}"  # a JSON Web Token
    r"|\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\w+)\s+[A-Za-z0-9+/=]+"
    r"|\b(?:Bearer|Basic|SharedKey(?:Lite)?)\s+[\w.~+/:=-]+"
    r"|\b(?:gh[pousr]_|github_pat_|sk-)\w[\w-]{18,}"
    r"|[A-Za-z0-9+/]{40,}={1,2}"  # 256 bits and more in base64
    r"|(?P<name>\b(?:sig|\w*(?:key|password|pwd|secret|token|signature))[\"'\\]*\s*(?:[=:]|%3[AD])"
    r"[\"'\\\s]*)[^&;\s\"'<>,\\]+",
    re.IGNORECASE,
)


def headers(given: Mapping[str, str]) -> list[dict[str, str]]:
    """Every header by its name; the value where it is known to hold no secret."""
    return [{"name": name, "value": _header(name.lower(), value)} for name, value in given.items()]


def url(address: str) -> str:
    """An address without what signs it."""
    parts = urlsplit(address)
    query = urlencode([(pair["name"], pair["value"]) for pair in query_of(parts.query)])
    return urlunsplit((parts.scheme, parts.netloc, text(parts.path), query, ""))


def query_of(raw: str) -> list[dict[str, str]]:
    """The parameters of a query, those by which an address is signed without their value."""
    return [
        {"name": name, "value": text(value) if _QUERY.fullmatch(name) else REDACTED}
        for name, value in parse_qsl(raw, keep_blank_values=True)
    ]


def body(content: bytes, media_type: str, host: str, path: str) -> str | None:
    """A body as text; None where it is none, or can't be looked through."""
    try:
        said = content.decode()
    except UnicodeDecodeError:
        return None
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        pairs = parse_qsl(said, keep_blank_values=True)
        return urlencode(
            [(name, text(value) if _FORM.fullmatch(name) else REDACTED) for name, value in pairs]
        )
    if kind.endswith("json"):
        try:
            value: Any = json.loads(said) if said else ""
        except (ValueError, RecursionError):
            return None
        hidden = host.endswith(".vault.azure.net") or _GIVES_SECRETS.search(path) is not None
        return json.dumps(_json(value, hidden=hidden), ensure_ascii=False) if said else ""
    if kind.startswith("text/") or kind.endswith("xml"):
        return text(said)
    return None


def text(said: str) -> str:
    """A text without what looks like a secret in it."""
    return _LOOKS_SECRET.sub(lambda found: f"{found['name'] or ''}{REDACTED}", said)


def _header(name: str, value: str) -> str:
    if _ADDRESSES.fullmatch(name):
        return url(value)
    return text(value) if _HEADERS.fullmatch(name) else REDACTED


def _json(value: Any, *, hidden: bool) -> Any:
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {
            text(name): _json(inner, hidden=hidden or _SOUNDS_SECRET.search(name) is not None)
            for name, inner in pairs
        }
    if isinstance(value, list):
        return [_json(inner, hidden=hidden) for inner in cast("list[Any]", value)]
    if isinstance(value, str):
        return REDACTED if hidden and value else text(value)
    return value
