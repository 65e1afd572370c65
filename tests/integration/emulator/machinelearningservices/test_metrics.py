"""Azure Monitor's metrics of an endpoint are what was really asked, through azure-mgmt-core."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import openai
import pytest

from emulator.front import Front
from emulator.rehearsal.identities import DEVELOPER
from emulator.server import Emulator
from emulator.services.inference import calls
from tests.integration.emulator.machinelearningservices.test_chat import Endpoint, ask, violence

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.emulator.machinelearningservices.conftest import Foundry, MakeFoundry

BASE = "azureml://registries/azureml/models/Phi-4-mini-instruct"
HELLO: list[Any] = [{"role": "user", "content": "Hello there."}]
MONITORING_READER = "43d0d8ad-25c7-4714-9337-8ba259a9fe05"


class Watched(Endpoint):
    """An endpoint whose metrics may be read."""

    def metrics(self, names: str, **query: str) -> Any:
        return self.foundry.platform.ok(
            "GET",
            f"{self.path}/providers/Microsoft.Insights/metrics",
            version="2018-01-01",
            metricnames=names,
            **query,
        )

    def total(self, name: str, **query: str) -> float:
        [metric] = self.metrics(name, interval="FULL", **query)["value"]
        return sum(point["total"] for one in metric["timeseries"] for point in one["data"])

    def refused(self, names: str, **query: str) -> str:
        status, answer = self.foundry.platform(
            "GET",
            f"{self.path}/providers/Microsoft.Insights/metrics",
            version="2018-01-01",
            metricnames=names,
            **query,
        )
        assert status == 400
        assert answer["code"] == "BadRequest"
        return answer["message"]


@pytest.fixture(scope="module")
def foundry(another_foundry: MakeFoundry) -> Iterator[Foundry]:
    made = another_foundry()
    yield made
    made.platform.close()
    made.developer.close()


@pytest.fixture
def endpoint(foundry: Foundry) -> Iterator[Watched]:
    made = Watched(foundry, BASE)
    yield made
    made.delete()


def test_calls_tokens_and_refusals_are_summed_up_from_what_was_asked(endpoint: Watched) -> None:
    with endpoint.client() as client, endpoint.client(route="/v1") as unfiltered:
        answers = [ask(client, HELLO, max_tokens=5) for _ in range(3)]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        answers.append(list(ask(client, HELLO, max_tokens=5, **options))[-1])
        answers.append(ask(unfiltered, HELLO, max_tokens=5))
        for refused in (violence(4), violence(6)):
            with pytest.raises(openai.BadRequestError):
                ask(client, refused)
        with pytest.raises(openai.APIStatusError):
            ask(client, HELLO, max_tokens=0)
    assert endpoint.total("ModelRequests") == 8
    assert endpoint.total("InputTokens") == sum(a.usage.prompt_tokens for a in answers)
    assert endpoint.total("OutputTokens") == sum(a.usage.completion_tokens for a in answers)
    assert endpoint.total("TotalTokens") == sum(a.usage.total_tokens for a in answers)
    assert endpoint.total("RAITotalRequests") == 6
    assert endpoint.total("RAIRejectedRequests") == 2


def test_series_are_split_by_dimension_and_chosen_by_value(endpoint: Watched) -> None:
    with endpoint.client() as client:
        ask(client, HELLO, max_tokens=2)
        list(ask(client, HELLO, max_tokens=2, stream=True))
        with pytest.raises(openai.BadRequestError):
            ask(client, violence(6))
    with endpoint.client(key="wrong") as stranger, pytest.raises(openai.AuthenticationError):
        ask(stranger, HELLO)
    answer = endpoint.metrics("ModelRequests", interval="FULL", **{"$filter": "StatusCode eq '*'"})
    shown = {
        one["metadatavalues"][0]["value"]: one["data"][0]["total"]
        for one in answer["value"][0]["timeseries"]
    }
    assert shown == {"200": 2, "400": 1, "401": 1}
    chosen = "StatusCode eq '200' or StatusCode eq '401' and StreamType eq 'Non-Streaming'"
    assert endpoint.total("ModelRequests", **{"$filter": chosen}) == 2
    first = endpoint.metrics(
        "ModelRequests",
        interval="FULL",
        **{"$filter": "StatusCode eq '*'", "top": "1", "orderby": "total desc"},
    )
    [series] = first["value"][0]["timeseries"]
    assert series["metadatavalues"] == [
        {"name": {"value": "statuscode", "localizedValue": "statuscode"}, "value": "200"}
    ]
    named = {"$filter": "StatusCode eq '*'", "resultType": "Metadata"}
    assert "data" not in endpoint.metrics("ModelRequests", **named)["value"][0]["timeseries"][0]
    assert endpoint.total("RAIRejectedRequests", **{"$filter": "Category eq 'violence'"}) == 1
    assert endpoint.total("RAIRejectedRequests", **{"$filter": "Category eq 'hate'"}) == 0


def test_a_server_error_counts_though_no_model_answered(
    endpoint: Watched, emulator: Emulator
) -> None:
    match = {"host": endpoint.uri.removeprefix("https://"), "count": 1}
    emulator.control.faults.add({"match": match, "do": {"status": 503}})
    with endpoint.client() as client:
        with pytest.raises(openai.InternalServerError):
            ask(client, HELLO)
        ask(client, HELLO, max_tokens=2)
    assert endpoint.total("ModelRequests", **{"$filter": "StatusCode eq '503'"}) == 1
    [metric] = endpoint.metrics("ModelAvailabilityRate", interval="FULL")["value"]
    assert metric["timeseries"][0]["data"][0]["average"] == 50
    [metric] = endpoint.metrics(
        "TimeToResponse", interval="FULL", aggregation="average,minimum,maximum"
    )["value"]
    point = metric["timeseries"][0]["data"][0]
    assert 0 < point["minimum"] == point["average"] == point["maximum"]  # of one answer
    assert metric["unit"] == "MilliSeconds"


def test_intervals_are_of_the_grain_and_hold_the_calls_of_their_time(endpoint: Watched) -> None:
    with endpoint.client() as client:
        ask(client, HELLO, max_tokens=2)
    whole = endpoint.metrics("ModelRequests", interval="FULL")
    end = datetime.fromisoformat(whole["timespan"].split("/")[1]) + timedelta(minutes=1)
    span = f"{(end - timedelta(hours=3)).isoformat()}/{end.isoformat()}".replace("+00:00", "Z")
    answer = endpoint.metrics("ModelRequests", interval="PT1H", timespan=span)
    points = answer["value"][0]["timeseries"][0]["data"]
    assert [datetime.fromisoformat(p["timeStamp"]).minute for p in points] == [0] * len(points)
    assert len(points) in (3, 4)
    assert [p["total"] for p in points if p["total"]] == [1]
    early = f"{(end - timedelta(days=2)).isoformat()}/{(end - timedelta(days=1)).isoformat()}"
    assert endpoint.total("ModelRequests", timespan=early.replace("+00:00", "Z")) == 0


def test_what_means_nothing_is_refused_in_azure_monitors_words(endpoint: Watched) -> None:
    assert "Valid metrics: ModelRequests," in endpoint.refused("Requests")
    assert "Supported: PT1M" in endpoint.refused("ModelRequests", interval="PT7M")
    assert "startDateTime_ISO" in endpoint.refused("ModelRequests", timespan="yesterday")
    assert "not Average" in endpoint.refused("ModelRequests", aggregation="average")
    assert "Valid: Region" in endpoint.refused("InputTokens", **{"$filter": "Colour eq 'red'"})
    mixed = "StatusCode eq '200' or StreamType eq 'Streaming'"
    assert "'or' joins values of one" in endpoint.refused("ModelRequests", **{"$filter": mixed})
    cut = "StatusCode eq '200' and"
    assert "ends with 'and'" in endpoint.refused("ModelRequests", **{"$filter": cut})
    status, _ = endpoint.foundry.platform(
        "GET", f"{endpoint.path}x/providers/Microsoft.Insights/metrics", version="2018-01-01"
    )
    assert status == 404


def test_definitions_name_what_can_be_asked_for(endpoint: Watched) -> None:
    path = f"{endpoint.path}/providers/Microsoft.Insights/metricDefinitions"
    listed = endpoint.foundry.platform.ok("GET", path, version="2018-01-01")["value"]
    assert {"ModelRequests", "InputTokens", "TimeToResponse"} <= {
        definition["name"]["value"] for definition in listed
    }
    for definition in listed:
        assert endpoint.metrics(definition["name"]["value"], interval="FULL")["value"]
        assert {"timeGrain": "PT1M", "retention": "P93D"} in definition["metricAvailabilities"]


def test_metrics_take_the_right_to_read_them(endpoint: Watched, emulator: Emulator) -> None:
    path = f"{endpoint.path}/providers/Microsoft.Insights/metrics"
    status, refusal = endpoint.foundry.developer("GET", path, version="2018-01-01")
    assert status == 403
    assert "Microsoft.Insights/metrics/read" in refusal["error"]["message"]
    emulator.control.assign(DEVELOPER[1], MONITORING_READER, endpoint.foundry.group_id)
    assert endpoint.foundry.developer("GET", path, version="2018-01-01")[0] == 200


def test_calls_are_remembered_across_a_restart(tmp_path: Path) -> None:
    from emulator.state.ids import parse_id
    from emulator.state.store import Resource

    id = parse_id("/subscriptions/s/resourceGroups/g/providers/Microsoft.X/things/one")
    endpoint = Resource(id=id, type="Microsoft.X/things", body={})
    front = Front(tmp_path)
    calls.note(front.cloud, endpoint, 200, tokens=(3, 4), milliseconds=5.0)
    front.stop()
    again = Front(tmp_path)
    [call] = calls.between(again.cloud, endpoint, 0, again.cloud.clock.timestamp() + 1)
    again.stop()
    assert (call.status, call.input_tokens, call.output_tokens) == (200, 3, 4)
    assert call.milliseconds == 5.0
