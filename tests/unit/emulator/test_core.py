"""The pipeline, the type table and long-running operations, without a socket."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from emulator import services
from emulator.arm.subscriptions import add_subscription
from emulator.arm.types import (
    Action,
    Change,
    Delete,
    Polling,
    Put,
    ResourceType,
    TypeTable,
)
from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.state.cloud import Cloud
from emulator.state.database import Database
from emulator.state.errors import AzureError

SUB = "11111111-0000-4000-8000-000000000000"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg"
THING = f"{GROUP}/providers/Test.Things/things/one"
VERSION = "2024-01-01"

Call = Callable[..., tuple[int, Any, dict[str, str]]]


def _reject_bad(change: Change) -> None:
    if change.properties.get("bad"):
        raise AzureError(400, "BadThing", "That is bad.")


def _shout(request: Request, resource: Any) -> Response:
    del request
    return Response.json({"name": str(resource.name).upper()})


@pytest.fixture
def gone() -> list[str]:
    """The names of the things that `after_delete` was told of."""
    return []


@pytest.fixture
def front(gone: list[str]) -> Iterator[Front]:
    made = Front(
        services=(
            "emulator.services.login",
            "emulator.services.resources",
            "emulator.services.authorization",
        )
    )
    things = (
        ResourceType(
            name="Test.Things/things",
            api_versions=(VERSION,),
            put=Put(created=201, updated=200, polling=Polling.ASYNC, seconds=30),
            delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION, seconds=10),
            actions={"shout": Action(handle=_shout)},
            identity=True,
            etag=True,
            read_only=("serial",),
            immutable=("color",),
            validate=_reject_bad,
            after_delete=lambda _, resource: gone.append(resource.name),
        ),
        ResourceType(
            name="Test.Things/things/parts",
            api_versions=(VERSION,),
            provisioning_state=False,
            after_delete=lambda _, resource: gone.append(resource.name),
        ),
        ResourceType(
            name="Test.Things/things/parts/versions",
            api_versions=(VERSION,),
            provisioning_state=False,
            implicit_parent=True,
        ),
    )
    cloud = made.cloud
    types = cloud.part(TypeTable)
    cloud.keep(TypeTable([*types.rows(), *things], namespaces=types.namespaces))
    cloud.clock.run(0)
    owner = cloud.access.add_principal("ServicePrincipal", "owner", secret="x")
    made.start()
    add_subscription(cloud, SUB, owner=owner, registered=None)
    yield made
    made.stop()


@pytest.fixture
def cloud(front: Front) -> Cloud:
    return front.cloud


@pytest.fixture
def call(front: Front) -> Call:
    cloud = front.cloud
    owner = next(
        cloud.access.principal(row["id"])
        for row in cloud.database.rows("SELECT id FROM principals")
    )
    assert owner is not None
    token = cloud.tokens.issue(owner, "https://management.azure.com")
    numbers = iter(range(10_000))

    def send(
        method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        url = urlsplit(path)
        query = url.query or f"api-version={VERSION}"
        if url.path.endswith("/rg"):
            query = "api-version=2024-03-01"
        request = Request(
            cloud=cloud,
            method=method,
            host="management.azure.com",
            path=url.path,
            raw_path=url.path,
            raw_query=query,
            query=dict(parse_qsl(query)),
            headers={"authorization": f"Bearer {token}"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
            body=b"" if body is None else json.dumps(body).encode(),
            id=str(next(numbers)),
            correlation_id="",
        )
        response, _ = front.handle(request)
        assert isinstance(response.body, bytes)
        answer = json.loads(response.body) if response.body else None
        return response.status, answer, response.headers

    send("PUT", GROUP, {"location": "eastus2"})
    return send


def test_an_asynchronous_put_is_followed_by_its_status_document(cloud: Cloud, call: Call) -> None:
    status, body, headers = call("PUT", THING, {"properties": {}})
    assert (status, body["properties"]["provisioningState"]) == (201, "Creating")
    assert headers["retry-after-ms"] == "20"
    assert "retry-after" not in headers, "Retry-After: 0 costs the clients thirty seconds"
    url = headers["azure-asyncoperation"].removeprefix("https://management.azure.com")
    assert call("GET", url)[1]["status"] == "InProgress"
    assert (
        call("PUT", THING, {"properties": {}})[1]["error"]["code"] == "AnotherOperationInProgress"
    )
    cloud.clock.advance(31)
    assert call("GET", url)[1]["status"] == "Succeeded"
    assert call("GET", THING)[1]["properties"]["provisioningState"] == "Succeeded"


def test_a_deletion_by_location_answers_202_until_it_is_done(
    cloud: Cloud, call: Call, gone: list[str]
) -> None:
    call("PUT", THING, {"properties": {}})
    cloud.clock.advance(31)
    status, _, headers = call("DELETE", THING)
    assert status == 202
    url = headers["location"].removeprefix("https://management.azure.com")
    assert call("GET", url)[0] == 202
    assert call("GET", THING)[1]["properties"]["provisioningState"] == "Deleting"
    again = call("DELETE", THING)
    assert (again[0], again[2]["location"]) == (202, headers["location"])
    cloud.clock.advance(11)
    assert call("GET", url)[0] == 200
    assert call("GET", THING)[0] == 404
    assert call("DELETE", THING)[0] == 204
    assert gone == ["one"]


def test_an_operation_is_seen_by_who_started_it_or_may_read_the_resource(
    cloud: Cloud, call: Call
) -> None:
    _, _, headers = call("PUT", THING, {"properties": {}})
    url = urlsplit(headers["azure-asyncoperation"])
    stranger = cloud.access.add_principal("ServicePrincipal", "stranger")
    token = cloud.tokens.issue(stranger, "https://management.azure.com")
    assert call("GET", f"{url.path}?{url.query}", authorization=f"Bearer {token}")[0] == 404


def test_a_refused_write_leaves_no_trace(cloud: Cloud, call: Call) -> None:
    body = {"identity": {"type": "SystemAssigned"}, "properties": {"bad": True}}
    before = len(cloud.database.rows("SELECT id FROM principals"))
    assert call("PUT", THING, body)[1]["error"]["code"] == "BadThing"
    assert cloud.resources.get(THING) is None
    assert len(cloud.database.rows("SELECT id FROM principals")) == before


def test_deleting_a_parent_deletes_what_is_below_it_deepest_first(
    cloud: Cloud, call: Call, gone: list[str]
) -> None:
    body = {"identity": {"type": "SystemAssigned"}, "properties": {}}
    principal = call("PUT", THING, body)[1]["identity"]["principalId"]
    cloud.clock.advance(31)
    assert call("PUT", f"{THING}/parts/p", {"properties": {}})[0] == 201
    call("DELETE", GROUP)
    cloud.clock.advance(1)
    assert call("GET", GROUP)[0] == 404
    assert gone == ["p", "one"]
    assert cloud.access.principal(principal) is None


def test_a_parent_must_be_there_unless_the_type_makes_it(cloud: Cloud, call: Call) -> None:
    status, body, _ = call("PUT", f"{THING}/parts/p", {"properties": {}})
    assert (status, body["error"]["code"]) == (404, "ParentResourceNotFound")
    call("PUT", THING, {"properties": {}})
    cloud.clock.advance(31)
    assert call("PUT", f"{THING}/parts/p/versions/1", {"properties": {}})[0] == 201
    assert call("GET", f"{THING}/parts/p")[0] == 200


def test_read_only_properties_stay_and_immutable_ones_are_refused(cloud: Cloud, call: Call) -> None:
    call("PUT", THING, {"properties": {"color": "red", "serial": "mine"}})
    cloud.clock.advance(31)
    shown = call("GET", THING)[1]["properties"]
    assert "serial" not in shown
    status, body, _ = call("PUT", THING, {"properties": {"color": "blue"}})
    assert (status, body["error"]["code"]) == (400, "PropertyChangeNotAllowed")
    assert call("PUT", THING, {"properties": {}})[1]["properties"]["color"] == "red"


def test_etags_guard_a_write(cloud: Cloud, call: Call) -> None:
    call("PUT", THING, {"properties": {}})
    cloud.clock.advance(31)
    etag = call("GET", THING)[1]["etag"]
    assert call("PUT", THING, {"properties": {}}, if_none_match="*")[0] == 412
    assert call("PUT", THING, {"properties": {}}, if_match='"old"')[0] == 412
    assert call("PUT", THING, {"properties": {}}, if_match=etag)[0] == 200


def test_an_action_is_found_whatever_its_case(cloud: Cloud, call: Call) -> None:
    call("PUT", THING, {"properties": {}})
    assert call("POST", f"{THING}/SHOUT")[1] == {"name": "ONE"}
    assert call("POST", f"{THING}/whisper")[1]["error"]["code"] == "InvalidAction"
    assert call("PATCH", THING, {})[0] == 405


@pytest.mark.parametrize("body", [[1], "text", 7])
def test_a_body_that_is_no_object_is_refused(call: Call, body: Any) -> None:
    status, answer, _ = call("PUT", THING, body)
    assert (status, answer["error"]["code"]) == (400, "InvalidRequestContent")


def test_a_defect_of_the_emulator_is_told_and_logged(
    front: Front, call: Call, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("oops")

    monkeypatch.setattr(front.cloud.resources, "get", broken)
    status, body, _ = call("GET", THING)
    assert (status, body["error"]["code"]) == (500, "InternalServerError")
    assert "RuntimeError: oops" in front.calls[-1]["crash"]
    assert "crashed" in caplog.text


def test_a_fault_strikes_the_calls_it_names_as_often_as_it_says(cloud: Cloud, call: Call) -> None:
    cloud.faults.add(
        {
            "match": {"method": "GET", "path": "/things/", "after": 1, "count": 2},
            "do": {"status": 418, "code": "Teapot"},
        }
    )
    assert [call("GET", THING)[0] for _ in range(4)] == [404, 418, 418, 404]
    assert call("GET", GROUP)[0] == 200


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"match": {"path": "("}, "do": {"drop": True}}, "not a regular expression"),
        ({"match": {"verb": "PUT"}, "do": {"drop": True}}, "has no verb"),
        ({"match": [], "do": {"drop": True}}, "'match' must be an object"),
        ({"do": {}}, "needs something to `do`"),
        ({"do": {"status": 200}}, "a status from 400 to 599"),
        ({"do": {"lose_answer": "yes"}}, "`lose_answer` is true"),
        ({"do": {"truncate": 2}}, "a part from 0 to 1"),
        ({"do": {"operation_takes": "long"}}, "a number of seconds"),
        ({"do": {"operation_fails": {"code": "X"}}}, "a code and a message"),
    ],
)
def test_a_fault_that_can_not_work_is_refused_when_it_is_added(
    cloud: Cloud, rule: Any, said: str
) -> None:
    with pytest.raises(AzureError) as refusal:
        cloud.faults.add(rule)
    assert said in refusal.value.message
    assert cloud.faults.rules() == []


def test_the_state_outlives_the_process(tmp_path: Path) -> None:
    names = (
        "emulator.services.login",
        "emulator.services.resources",
        "emulator.services.authorization",
    )
    first = Front(tmp_path, services=names)
    first.start()
    add_subscription(first.cloud, SUB)
    first.cloud.database.documents("notes").put("a", {"b": 1})
    first.stop()
    second = Front(tmp_path, services=names)
    assert second.cloud.resources.get(f"/subscriptions/{SUB}") is not None
    assert second.cloud.database.documents("notes").items() == [("a", {"b": 1})]
    second.reset()
    assert second.cloud.resources.get(f"/subscriptions/{SUB}") is None
    second.stop()


def test_a_transaction_is_all_or_nothing_and_runs_its_afterthoughts_once() -> None:
    database = Database()
    notes, ran = database.documents("notes"), list[str]()

    def fail() -> None:
        with database.transaction():
            notes.put("a", {})
            database.after_commit(lambda: ran.append("never"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert notes.get("a") is None
    with database.transaction():
        with database.transaction():
            notes.put("b", {})
            database.after_commit(lambda: ran.append("after"))
        assert ran == []
    assert (notes.get("b"), ran) == ({}, ["after"])
    database.close()


def test_every_service_is_plugged_in() -> None:
    made = Front()
    folders = {
        path.parent.name
        for path in Path(services.__file__).parent.glob("*/__init__.py")
        if "SERVICE" in path.read_text(encoding="utf-8")
    }
    assert {service.name for service in made.services} == folders
    made.stop()
