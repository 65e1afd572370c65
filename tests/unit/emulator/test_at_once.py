"""What the event loop answers by itself, and what it hands to a thread because it could wait."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from emulator.arm.subscriptions import add_subscription
from emulator.front import Front
from emulator.http.messages import Request

SUB = "11111111-0000-4000-8000-000000000000"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-at-once"
CREATE = b'{"location": "eastus2"}'

Make = Callable[..., Request]


@pytest.fixture
def front() -> Iterator[Front]:
    made = Front()
    owner = made.cloud.access.add_principal("ServicePrincipal", "owner", id="1" * 8)
    made.start()
    add_subscription(made.cloud, SUB, owner=owner, registered=None)
    yield made
    made.stop()


@pytest.fixture
def make(front: Front) -> Make:
    owner = front.cloud.access.principal("1" * 8)
    assert owner is not None
    token = front.cloud.tokens.issue(owner, "https://management.azure.com")

    def request(method: str, path: str, body: bytes = b"", **more: Any) -> Request:
        query = "api-version=2024-03-01"
        return Request(
            cloud=front.cloud,
            method=method,
            host=more.get("host", "management.azure.com"),
            path=path,
            raw_path=path,
            raw_query=query,
            query=dict(parse_qsl(query)),
            headers={"authorization": f"Bearer {token}"},
            body=body,
            id="1",
            correlation_id="1",
        )

    assert front.handle(request("PUT", GROUP, CREATE))[0].status == 201
    return request


def test_one_resource_is_read_and_written_at_once(front: Front, make: Make) -> None:
    written = front.handle_at_once(make("PUT", f"{GROUP}-2", CREATE))
    assert written is not None
    assert written[0].status == 201
    read = front.handle_at_once(make("GET", f"{GROUP}-2"))
    assert read is not None
    assert b'"name":"rg-2"' in bytes(read[0].body)  # pyright: ignore[reportArgumentType] # no stream


def test_a_refusal_is_answered_at_once_too(front: Front, make: Make) -> None:
    refused = front.handle_at_once(make("GET", f"{GROUP}-3"))
    assert refused is not None
    assert refused[0].status == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/subscriptions/{SUB}/resourceGroups", b""),
        ("GET", f"/subscriptions/{SUB}", b""),
        ("GET", f"{GROUP}/resources", b""),
        ("DELETE", GROUP, b""),
        ("PATCH", GROUP, CREATE),
        ("POST", f"{VAULT}/thing", b""),
        ("PUT", GROUP, b" " * 70_000 + CREATE),
        ("GET", "/nowhere/at/all/a", b""),
    ],
)
def test_what_can_take_its_time_goes_to_a_thread(
    front: Front, make: Make, method: str, path: str, body: bytes
) -> None:
    assert front.handle_at_once(make(method, path, body)) is None


def test_another_host_goes_to_a_thread(front: Front, make: Make) -> None:
    assert front.handle_at_once(make("GET", GROUP, host="login.microsoftonline.com")) is None


def test_a_fault_goes_to_a_thread_for_it_may_wait(front: Front, make: Make) -> None:
    front.cloud.faults.add({"match": {"path": "elsewhere"}, "do": {"delay": 1}})
    assert front.handle_at_once(make("GET", GROUP)) is None
    front.cloud.faults.clear()
    assert front.handle_at_once(make("GET", GROUP)) is not None


def test_what_is_due_goes_to_a_thread(front: Front, make: Make) -> None:
    front.cloud.clock.run(0)
    assert front.handle(make("DELETE", GROUP))[0].status == 202
    assert front.handle_at_once(make("GET", f"{GROUP}-2")) is None
    assert front.handle(make("GET", f"{GROUP}-2"))[0].status == 404
    assert front.handle_at_once(make("GET", f"{GROUP}-2")) is not None


def test_while_somebody_writes_nobody_waits_on_the_loop(front: Front, make: Make) -> None:
    writes, done = threading.Event(), threading.Event()

    def write() -> None:
        with front.cloud.database.transaction():
            writes.set()
            done.wait(30)

    writer = threading.Thread(target=write)
    writer.start()
    assert writes.wait(30)
    assert front.handle_at_once(make("GET", GROUP)) is None
    done.set()
    writer.join(30)
    assert front.handle_at_once(make("GET", GROUP)) is not None
