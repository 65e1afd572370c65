"""The front door: what is reached, what never leaves the machine, and faults on the wire."""

import socket
import ssl
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpx2
import pytest
import requests
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.policies import RetryPolicy
from azure.identity import ClientSecretCredential

from emulator.server import Emulator


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://packages.example.org/index/",
        "https://evil.management.azure.com/",
        "https://graph.windows.net/me",
        "https://a.b.blob.core.windows.net/",
    ],
)
def test_no_other_host_is_reached(emulator: Emulator, url: str) -> None:
    host = urlsplit(url).hostname
    with pytest.raises(
        requests.exceptions.ProxyError, match=f"403 foundry-emulator does not emulate {host}"
    ):
        requests.get(url, timeout=10)
    assert emulator.proxy is not None
    assert any(host in url for host in (r.partition(":")[0] for r in emulator.proxy.refused))


def test_every_client_shows_who_refused_which_host(emulator: Emulator) -> None:
    said = "foundry-emulator does not emulate packages.example.org"
    with pytest.raises(httpx2.ProxyError, match=said):
        httpx2.get("https://packages.example.org/")
    with pytest.raises(OSError, match=said):
        urllib.request.urlopen("https://packages.example.org/", timeout=10)
    assert emulator.address is not None
    port = int(emulator.address.proxy.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"CONNECT \xff\x01evil:443 HTTP/1.1\r\n\r\n")
        status = connection.recv(4096).split(b"\r\n", 1)[0]
    assert status == b"HTTP/1.1 403 foundry-emulator does not emulate ??evil"


def test_the_instance_metadata_service_is_refused_at_once(emulator: Emulator) -> None:
    answer = requests.get("http://169.254.169.254/metadata/instance", timeout=10)
    assert answer.status_code == 403
    assert "foundry-emulator refuses" in answer.text


def test_only_port_443_is_tunnelled(emulator: Emulator) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        requests.get("https://management.azure.com:8443/", timeout=10)


def test_the_certificate_is_of_a_throw_away_authority_whose_key_is_nowhere(
    emulator: Emulator,
) -> None:
    assert emulator.address is not None
    pem = emulator.address.ca_file.read_text()
    assert "BEGIN CERTIFICATE" in pem
    assert not [
        path
        for path in emulator.address.ca_file.parent.rglob("*")
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
    ]
    with pytest.raises(requests.exceptions.SSLError):
        requests.get("https://management.azure.com/", timeout=10, verify=certifi.where())


def test_garbage_on_the_proxy_port_harms_nobody(emulator: Emulator, arm: Any) -> None:
    assert emulator.address is not None
    port = int(emulator.address.proxy.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert connection.recv(12).startswith(b"HTTP/1.1 403")
    assert arm.send("GET", "/subscriptions").status_code == 200


def test_a_lost_answer_is_committed_and_the_retry_finds_it(
    emulator: Emulator, arm: Any, subscription: str
) -> None:
    group = f"/subscriptions/{subscription}/resourceGroups/rg-lost"
    fault = {"match": {"method": "PUT", "path": "rg-lost"}, "do": {"lose_answer": True}}
    emulator.control.faults.add(fault)
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        arm.send("PUT", group, {"location": "eastus2"})
    assert arm.send("GET", group).status_code == 200
    assert arm.send("PUT", group, {"location": "eastus2"}).status_code == 200


def test_a_dropped_call_leaves_nothing_behind(
    emulator: Emulator, arm: Any, subscription: str
) -> None:
    group = f"/subscriptions/{subscription}/resourceGroups/rg-dropped"
    fault = {"match": {"method": "PUT", "path": "rg-dropped"}, "do": {"drop": True}}
    emulator.control.faults.add(fault)
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        arm.send("PUT", group, {"location": "eastus2"})
    assert arm.send("GET", group).status_code == 404


def test_a_truncated_answer_is_noticed_by_the_client(
    emulator: Emulator, arm: Any, group: str
) -> None:
    emulator.control.faults.add({"match": {"path": "rg-test"}, "do": {"truncate": 0.5}})
    with pytest.raises(Exception, match=r"(?i)incomplete|broken|expected|content"):
        arm.send("GET", group).json()


def test_azure_core_retries_a_503_by_itself(emulator: Emulator, arm: Any, group: str) -> None:
    mark = emulator.control.last_call()
    emulator.control.faults.add(
        {
            "match": {"method": "GET", "path": "rg-test"},
            "do": {"status": 503, "code": "ServerBusy", "headers": {"retry-after-ms": "10"}},
        }
    )
    who = emulator.identities.platform
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential:
        client = type(arm)(credential, policies=[RetryPolicy(retry_backoff_factor=0.01)])
        assert client.send("GET", group).status_code == 200
        client.close()
    statuses = [call["status"] for call in emulator.control.calls(after=mark, path=group)]
    assert statuses == [503, 200]


def test_a_fault_that_nobody_knows_is_refused(emulator: Emulator) -> None:
    assert emulator.address is not None
    answer = _control(emulator, "POST", "/faults", {"do": {"explode": True}})
    assert answer.status_code == 400
    assert "explode" in answer.json()["error"]["message"]


def test_half_a_call_is_never_acted_on(emulator: Emulator, arm: Any, group: str) -> None:
    mark = emulator.control.last_call()
    with _tunnel(emulator) as connection:
        connection.sendall(
            f"PUT {group}?api-version=2024-03-01 HTTP/1.1\r\nHost: management.azure.com\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )
    arm.ok("GET", group)
    assert [call["method"] for call in emulator.control.calls(after=mark)] == ["GET"]


def test_a_hasty_client_need_not_wait_to_be_let_in(emulator: Emulator) -> None:
    assert emulator.address is not None
    proxy = urlsplit(emulator.address.proxy)
    context = ssl.create_default_context(cafile=emulator.address.ca_file)
    said, heard = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = context.wrap_bio(heard, said, server_hostname="management.azure.com")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    with socket.create_connection((proxy.hostname, proxy.port), 10) as plain:
        for piece in (b"CONNECT management.azure.com:443 HT", b"TP/1.1\r\n\r"):
            plain.sendall(piece)
        plain.sendall(b"\n" + said.read())
        got = b""
        while b"\r\n\r\n" not in got:
            got += plain.recv(1)
        assert got.startswith(b"HTTP/1.1 200 ")
        while hello.cipher() is None or heard.pending:
            heard.write(plain.recv(65536))
            try:
                hello.do_handshake()
            except ssl.SSLWantReadError:
                continue
        assert hello.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("name", ["evil.example", "a_b.blob.core.windows.net", "-.blob.core"])
def test_no_certificate_is_made_for_another_name(
    emulator: Emulator, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OSError, match=r"SSL|EOF|reset"), _tunnel(emulator, name):
        pass
    assert not capfd.readouterr().err


def test_a_header_that_quotes_the_client_is_still_a_header(emulator: Emulator) -> None:
    developer = emulator.identities.developer
    token = requests.post(
        f"https://login.microsoftonline.com/{developer.tenant}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": developer.client_id,
            "client_secret": developer.secret,
            "scope": "https://\u20ac/.default",
        },
        timeout=10,
    ).json()["access_token"]
    answer = requests.get(
        "https://management.azure.com/subscriptions?api-version=2024-03-01",
        headers={"authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"


def test_the_control_port_makes_subscriptions_and_people_and_turns_the_clock(
    emulator: Emulator,
) -> None:
    made = _control(emulator, "POST", "/subscriptions", {"registered": None}).json()["id"]
    assert emulator.cloud.resources.get(f"/subscriptions/{made}") is not None
    person = _control(emulator, "POST", "/principals", {"name": "robot"}).json()
    with ClientSecretCredential(
        emulator.cloud.tenant, person["client_id"], person["secret"]
    ) as credential:
        assert credential.get_token("https://management.azure.com/.default").token
    before = emulator.control.clock.timestamp()
    answer = _control(emulator, "POST", "/clock", {"advance": 60})
    assert answer.status_code == 200
    assert emulator.control.clock.timestamp() - before > 59
    calls = _control(emulator, "GET", "/calls").json()["value"]
    assert calls[-1]["path"].endswith("/token")
    assert person["secret"] not in str(calls)


def test_a_web_page_can_not_use_the_control_port(emulator: Emulator) -> None:
    assert emulator.address is not None
    with requests.Session() as session:
        session.trust_env = False
        url = f"{emulator.address.control}/reset"
        assert session.post(url, data="{}", timeout=10).status_code == 415
        # What a browser sends unasked for a page of somebody else's: types without a preflight.
        for kind in ("text/plain; x=json", "application/x-www-form-urlencoded", "text/json"):
            sent = session.post(url, data="{}", headers={"Content-Type": kind}, timeout=10)
            assert sent.status_code == 415, kind
        for name, value in (
            ("Host", "evil.example"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "cross-site"),
        ):
            sent = session.post(url, json={}, headers={name: value}, timeout=10)
            assert sent.status_code == 403, name
        assert session.get(url.replace("/reset", "/"), timeout=10).status_code == 200


def test_another_user_of_the_machine_can_not_use_the_control_port(emulator: Emulator) -> None:
    assert emulator.address is not None
    port = urlsplit(emulator.address.control).netloc
    with requests.Session() as session:
        session.trust_env = False
        for path in ("/", "/reset", "/wrong/reset", "//reset"):
            sent = session.post(f"http://{port}{path}", json={}, timeout=10)
            assert sent.status_code == 403, path
            assert emulator.control.token not in sent.text


def test_deep_json_and_endless_headers_are_refused_in_words(emulator: Emulator) -> None:
    assert emulator.address is not None
    with requests.Session() as session:
        session.trust_env = False
        deep = session.post(
            f"{emulator.address.control}/faults",
            data="[" * 100_000,
            headers={"Content-Type": "application/json"},
            timeout=10,
        )
        assert deep.status_code == 400
        url = urlsplit(emulator.address.control)
    with socket.create_connection((url.hostname, url.port), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000)
        assert plain.recv(100).startswith(b"HTTP/1.1 431 ")


def test_a_fault_answers_as_a_proxys_page_does(emulator: Emulator, arm: Any, group: str) -> None:
    page = {"content_type": "text/html", "body": "<html>sign in</html>"}
    emulator.control.faults.add({"match": {"path": "rg-test"}, "do": {"answer": page}})
    answer = arm.send("GET", group)
    assert (answer.status_code, answer.text()) == (200, "<html>sign in</html>")
    assert arm.send("GET", group).json()["name"] == "rg-test"


def test_a_fault_fails_after_the_deed(emulator: Emulator, arm: Any, subscription: str) -> None:
    group = f"/subscriptions/{subscription}/resourceGroups/rg-after"
    emulator.control.faults.add({"match": {"path": "rg-after"}, "do": {"fail_after": 502}})
    assert arm.send("PUT", group, {"location": "eastus2"}).status_code == 502
    assert arm.send("GET", group).status_code == 200


def test_a_fault_makes_a_read_lie(emulator: Emulator, arm: Any, group: str) -> None:
    lie = {"location": None, "tags": {"a": "b"}}
    emulator.control.faults.add({"match": {"path": "rg-test"}, "do": {"merge": lie}})
    told = arm.send("GET", group).json()
    assert ("location" in told, told["tags"]) == (False, {"a": "b"})
    assert arm.send("GET", group).json()["location"] == "eastus2"


def _control(emulator: Emulator, method: str, path: str, body: Any = None) -> requests.Response:
    assert emulator.address is not None
    with requests.Session() as session:
        session.trust_env = False
        url = f"{emulator.address.control}{path}"
        return session.request(method, url, json=body, timeout=10)


@contextmanager
def _tunnel(emulator: Emulator, name: str = "management.azure.com") -> Generator[ssl.SSLSocket]:
    """A raw connection through the proxy, with TLS to a name of the client's choice."""
    assert emulator.address is not None
    proxy = urlsplit(emulator.address.proxy)
    context = ssl.create_default_context(cafile=emulator.address.ca_file)
    context.check_hostname = False
    with socket.create_connection((proxy.hostname, proxy.port), 10) as plain:
        plain.sendall(b"CONNECT management.azure.com:443 HTTP/1.1\r\n\r\n")
        assert b" 200 " in plain.recv(1000)
        with context.wrap_socket(plain, server_hostname=name) as connection:
            yield connection
