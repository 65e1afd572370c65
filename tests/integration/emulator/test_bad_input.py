"""What no client should send: it is refused in Azure's envelope, never a 500, and harms nobody."""

import json
import socket
import ssl
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from emulator.rehearsal import guard
from emulator.server import Emulator

HOST = "management.azure.com"
VERSION = "api-version=2024-03-01"

Say = Callable[..., "Answer"]


class Answer:
    """One answer, read off the wire."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        stream = connection.makefile("rb")
        self.line = stream.readline().decode().strip()
        self.headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = stream.read(int(self.headers.get("content-length", "0")))

    @property
    def status(self) -> int:
        return int(self.line.split(" ")[1])

    @property
    def code(self) -> str:
        """The code in Azure's envelope."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        assert error["message"]
        return error["code"]


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Callable[[], ssl.SSLSocket]]:
    """Raw connections to management.azure.com, through the proxy."""
    assert emulator.address is not None
    proxy = urlsplit(emulator.address.proxy)
    trust = ssl.create_default_context(cafile=emulator.address.ca_file)
    opened: list[ssl.SSLSocket] = []

    def open_one() -> ssl.SSLSocket:
        plain = socket.create_connection((proxy.hostname, proxy.port), 10)
        plain.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        assert b" 200 " in plain.recv(1000)
        opened.append(trust.wrap_socket(plain, server_hostname=HOST))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def say(connect: Callable[[], ssl.SSLSocket], arm: Any) -> Iterator[Say]:
    """Send bytes on a connection of their own, get the answer; afterwards a good call is served."""

    def send(*pieces: bytes) -> Answer:
        with closing(connect()) as connection:
            for piece in pieces:
                connection.sendall(piece)
            return Answer(connection)

    yield send
    assert arm.send("GET", "/subscriptions").status_code == 200


def head(path: str = f"/subscriptions?{VERSION}", *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"host: {HOST}", *lines, "", "")).encode()


@pytest.fixture
def bearer(emulator: Emulator) -> str:
    owner = emulator.cloud.access.principal(emulator.identities.platform.object_id)
    assert owner is not None
    return f"authorization: Bearer {emulator.cloud.tokens.issue(owner, f'https://{HOST}')}"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (head("/", f"x-long: {'y' * 200_000}"), 431, "RequestHeaderFieldsTooLarge"),
        (head("/", *(f"x-{n}: y" for n in range(20_000))), 431, "RequestHeaderFieldsTooLarge"),
        (head("/" + "y" * 200_000), 431, "RequestHeaderFieldsTooLarge"),
        (head("/", "no colon here"), 400, "BadRequest"),
        (head("/", "bad name: x"), 400, "BadRequest"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "BadRequest"),
        (b"NONSENSE / HTTP/1.1\r\n\r\n", 400, "BadRequest"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "BadRequest"),
        (head(method="POST") + b"", 401, "AuthenticationFailed"),
        (b"GET /caf\xc3\xa9 HTTP/1.1\r\nhost: management.azure.com\r\n\r\n", 400, "BadRequest"),
        (head("/", "content-length: -1"), 400, "BadRequest"),
        (head("/", "content-length: 1", "content-length: 2"), 400, "BadRequest"),
        (head("/", "content-length: 4", "transfer-encoding: chunked"), 400, "BadRequest"),
        (head("/", "transfer-encoding: chunked") + b"no number\r\n", 400, "BadRequest"),
        (
            head("/", "transfer-encoding: chunked") + b"ffffffffffffffffff\r\n",
            400,
            "BadRequest",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", 421, "UnknownHost"),
        (b"GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n", 421, "UnknownHost"),
    ],
    ids=[
        "huge header", "many headers", "long path", "no colon", "blank in a name", "TLS in TLS",
        "no method", "no version", "no body", "bytes in the path", "negative length",
        "two lengths", "length and chunks", "no chunk", "endless chunk", "no host", "other host",
    ],
)  # fmt: skip
def test_what_is_no_call_is_refused_in_the_envelope(
    say: Say, request_: bytes, status: int, code: str
) -> None:
    answer = say(request_)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    "path",
    [
        "/subscriptions/%00",
        "/subscriptions/%ff%fe/resourceGroups/x",
        "/subscriptions/{s}/resourceGroups/%00",
        "/subscriptions/{s}/resourceGroups/%f0%28%8c%28",
        "/subscriptions/{s}/resourceGroups/%zz",
        "/subscriptions/{s}/resourceGroups/..%2f..%2fetc",
        "/subscriptions/{s}/resourceGroups/x/providers/%20/%20/%20",
        "/subscriptions/{s}/resourceGroups/" + "/a" * 5_000,
        "/subscriptions/{s}/resources?$filter=" + "(" * 5_000,
        "/subscriptions/{s}/resources?$top=99999999999999999999999999",
        "/subscriptions/{s}/resources?$skiptoken=%ff",
        "/subscriptions/{s}/resources?" + "&".join(f"a{n}=1" for n in range(5_000)),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_is_a_defect(
    say: Say, bearer: str, subscription: str, method: str, path: str
) -> None:
    path = path.format(s=subscription)
    path = f"{path}{'&' if '?' in path else '?'}{VERSION}"
    lines = (bearer, "content-type: application/json", "content-length: 2")
    answer = say(head(path, *lines, method=method) + b"{}")
    assert answer.status < 500 or (answer.status == 501 and answer.code == "NotEmulated")
    assert answer.status < 400 or answer.code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b'{"location": "eastus2", "tags": {"a": "1", "a": "2"}}', 201),
        (b'{"location": "eastus2", "tags": {"a": 123456789012345678901234567890}}', 201),
        (b'{"location": "eastus2", "tags": {"a": 1e400}}', 400),
        (b'{"location": "eastus2", "tags": {"a": "\\ud800"}}', 400),
        (b'{"location": "eastus2", "tags": {"a": "\\u0000"}}', 201),
        (b'{"location": "eastus2", "x": ' + b"9" * 10_000 + b"}", 400),
        (b'{"location": "eastus2", "tags": {"a": "\xff"}}', 400),
        ('{"location": "eastus2"}'.encode("utf-16"), 400),
        (b"\xef\xbb\xbf" + b'{"location": "eastus2"}', 400),
        (b'{"location": NaN}', 400),
        (b"null", 400),
        (b"\x00", 400),
        (b'{"location": "eastus2"} {"location": "westus"}', 400),
        (zlib.compress(b'{"location": "eastus2"}', wbits=31), 400),
    ],
    ids=[
        "deep list", "deep object", "duplicate keys", "huge number as a tag", "beyond a double",
        "lone surrogate", "NUL in a text", "10,000 digits", "no UTF-8", "UTF-16", "byte-order mark",
        "NaN", "null", "NUL", "two documents", "gzip",
    ],
)  # fmt: skip
def test_no_body_is_a_defect(
    say: Say, bearer: str, subscription: str, body: bytes, status: int
) -> None:
    path = f"/subscriptions/{subscription}/resourceGroups/rg?{VERSION}"
    lines = (bearer, "content-type: application/json", f"content-length: {len(body)}")
    answer = say(head(path, *lines, method="PUT") + body)
    assert answer.status == status, answer.body
    if status >= 400:
        assert answer.code
    else:
        read = say(head(path, bearer))
        assert (read.status, json.loads(read.body)["name"]) == (200, "rg")


def test_what_is_compressed_is_refused_and_never_unpacked(
    say: Say, bearer: str, subscription: str
) -> None:
    bomb = zlib.compress(bytes(50_000_000), level=9, wbits=31)
    path = f"/subscriptions/{subscription}/resourceGroups/rg?{VERSION}"
    lines = (bearer, "content-encoding: gzip", f"content-length: {len(bomb)}")
    answer = say(head(path, *lines, method="PUT") + bomb)
    assert (answer.status, answer.code) == (415, "UnsupportedMediaType")


def test_an_entity_bomb_in_xml_is_refused(emulator: Emulator, arm: Any, group: str) -> None:
    name = f"st{uuid.uuid4().hex[:12]}"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    made = {"location": "eastus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    arm.begin("PUT", account, made, version="2023-05-01").result(10)
    owner = emulator.cloud.access.principal(emulator.identities.platform.object_id)
    assert owner is not None
    scope = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"  # Storage Blob Data Owner
    emulator.control.assign(owner.id, scope, account)
    token = emulator.cloud.tokens.issue(owner, "https://storage.azure.com")
    client = requests.Session()
    client.headers["authorization"] = f"Bearer {token}"
    client.headers["x-ms-version"] = "2025-05-05"
    container = f"https://{name}.blob.core.windows.net/bombs"
    with client:
        assert client.put(f"{container}?restype=container", timeout=10).status_code == 201
        entities = "".join(
            f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10)
        )
        bomb = f"<!DOCTYPE x [{entities}]><BlockList><Latest>&e9;</Latest></BlockList>"
        answer = client.put(f"{container}/b?comp=blocklist", bomb, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["x-ms-error-code"] == "InvalidXmlDocument"


def test_a_body_over_the_limit_is_refused_before_it_is_there(
    say: Say, connect: Callable[[], ssl.SSLSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_LIMIT", 1 << 20)
    told = say(head("/", f"content-length: {2 << 20}", method="PUT"))
    assert (told.status, told.code) == (413, "RequestBodyTooLarge")
    assert told.headers["connection"] == "close"
    with closing(connect()) as connection:
        connection.sendall(head("/", "transfer-encoding: chunked", method="PUT"))
        piece = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        for _ in range(17):
            connection.sendall(piece)
        counted = Answer(connection)
    assert (counted.status, counted.code) == (413, "RequestBodyTooLarge")


def test_a_client_that_expects_a_word_gets_it(
    connect: Callable[[], ssl.SSLSocket], bearer: str, subscription: str
) -> None:
    body = b'{"location": "eastus2"}'
    path = f"/subscriptions/{subscription}/resourceGroups/rg?{VERSION}"
    lines = (bearer, "expect: 100-continue", f"content-length: {len(body)}")
    with closing(connect()) as connection:
        connection.sendall(head(path, *lines, method="PUT"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert Answer(connection).status == 201


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\nx-slow: ", head("/", "content-length: 9", method="PUT") + b"{"],
    ids=["head", "body"],
)
def test_a_client_that_never_ends_its_call_is_told_and_left(
    connect: Callable[[], ssl.SSLSocket], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.2)
    with closing(connect()) as connection:
        connection.sendall(sent)
        answer = Answer(connection)
        assert connection.recv(1) == b""
    assert (answer.status, answer.code) == (408, "RequestTimeout")


def test_a_client_that_never_says_whom_it_wants_is_left(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.2)
    assert emulator.address is not None
    proxy = urlsplit(emulator.address.proxy)
    with closing(socket.create_connection((proxy.hostname, proxy.port), 10)) as connection:
        connection.sendall(b"CONNECT ")
        assert connection.recv(1) == b""


def test_a_client_that_sends_a_byte_now_and_then_is_left_too(
    connect: Callable[[], ssl.SSLSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.3)
    with closing(connect()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx-slow: ")
        connection.settimeout(0.05)
        for _ in range(100):
            try:
                assert connection.recv(12) == b"HTTP/1.1 408"
                break
            except TimeoutError:
                connection.sendall(b"y")
        else:
            raise AssertionError("it listens for ever")
