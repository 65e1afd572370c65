"""What `forecast` says of what is served is what happens: held over HTTPS, row by row."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.catalog.catalog import Model, catalog
from jobs.errors import FoundryTuneError
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session
from tests.integration.jobs.conftest import Place, write_story

DAY = timedelta(days=1)
BEFORE_ALL = date(2025, 6, 1)
SERVED = [model for model in catalog().models if model.id]


@pytest.fixture
def past(place: Place) -> Iterator[Place]:
    """A project on a day before any model of the catalogue ended; today again afterwards."""
    now = place.emulator.control.clock.now()
    on(place, BEFORE_ALL)
    yield place
    place.emulator.control.clock.set(now)


@pytest.mark.rehearsal
def test_every_rows_endpoints_are_made_and_answer_until_the_day_that_is_forecast(
    past: Place,
) -> None:
    session = past.session()
    made = [make(past, session, model) for model in SERVED]
    ends = {one["endpoint"]: one for one in forecast(past)}
    assert ends.keys() == {endpoint.name for endpoint in made}
    keys = {endpoint.name: endpoints.key(session, endpoint.name) for endpoint in made}
    refused_from = {
        row["name"]: row["refused_from"]
        for row in json.loads(past.tune("models", "-o", "json").out)["models"]
    }
    dated = 0
    for model, endpoint in zip(SERVED, made, strict=True):
        end = ends[endpoint.name]
        assert (end["model"], end["what"]) == (model.name, "answers")
        assert end["refused_from"] == refused_from[model.name]["answers"]
        last = day(end["refused_from"])
        if last is None:
            on(past, date(2999, 12, 30))
            assert answer(endpoint, keys[endpoint.name]) == 200
            continue
        dated += 1
        assert end["todo"]
        on(past, last - DAY)
        assert answer(endpoint, keys[endpoint.name]) == 200
        on(past, last)
        assert answer(endpoint, keys[endpoint.name]) == 404

        none_new = day(refused_from[model.name]["new endpoints"])
        assert none_new is not None
        on(past, none_new - DAY)
        endpoints.delete(past.session(), endpoint)
        again = make(past, past.session(), model)
        endpoints.delete(past.session(), again)
        on(past, none_new)
        with pytest.raises(FoundryTuneError, match=rf"{model.name} was (deprecated|retired) on"):
            make(past, past.session(), model)
    assert dated >= 10


def test_what_was_tuned_is_forecast_warned_of_and_ends_as_said(past: Place) -> None:
    spec = write_story(past)
    text = spec.read_text(encoding="utf-8").replace("Phi-4-mini-instruct", "Phi-3-mini-4k-instruct")
    spec.write_text(text, encoding="utf-8")
    applied = past.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said

    told = past.tune("forecast")
    assert told.code == 0, told.said
    assert "2025-08-30 (90 days)" in told.out
    assert "have Phi-4-mini-instruct proven and serving before that day" in told.out
    assert "LIFECYCLE: " in told.out
    [end] = forecast(past)
    assert end == {
        "endpoint": past.endpoint().name,
        "model": "Phi-3-mini-4k-instruct",
        "what": "answers",
        "refused_from": "2025-08-30",
        "source": "LIFECYCLE",
        "todo": end["todo"],
    }
    warning = "endpoints of tuned Phi-3-mini-4k-instruct answer 404 from 2025-08-30 on, in 90 days."
    planned = past.tune("plan", str(spec))
    assert planned.code == 0, planned.said
    assert "Nothing to do" in planned.out
    assert warning in planned.out
    status = past.tune("status")
    assert warning in status.out
    assert "Have Phi-4-mini-instruct proven and serving" in status.out
    [row] = json.loads(past.tune("status", "-o", "json").out)["specs"]
    assert row["refused_from"] == "2025-08-30"

    on(past, date(2025, 8, 29))
    assert past.tune("chat", past.name, "Hello").code == 0
    on(past, date(2025, 8, 30))
    gone = past.tune("chat", past.name, "Hello")
    assert gone.code != 0
    assert "retired on 2025-08-30" in gone.err
    assert "answer 404 since 2025-08-30" in past.tune("status").out
    assert "2025-08-30 (refused)" in past.tune("forecast").out


def test_an_endpoint_whose_base_model_nobody_knows_is_listed_all_the_same(served: Place) -> None:
    from jobs.foundry import models

    session = served.session()
    endpoint = served.endpoint()
    [model] = models.versions(session, served.name)
    path = f"{session.project_id}/models/{model.name}/versions/{model.version}"
    body = session.arm.get(path, "2024-10-01", "read it")
    body["properties"]["isArchived"] = True
    session.arm.put(path, "2024-10-01", {"properties": body["properties"]}, "archive it")
    [end] = forecast(served)
    assert (end["endpoint"], end["model"]) == (endpoint.name, f"{served.name}:1")
    assert end["refused_from"] is None
    assert "retirement schedule" in end["todo"]
    assert "not known" in served.tune("forecast").out


def test_no_endpoint_and_what_contradicts_itself_is_said(place: Place) -> None:
    assert place.tune("forecast").out == "The project has no endpoint.\n"
    spec = str(write_story(place))
    both = place.tune("forecast", spec, "-w", "xbox")
    assert both.code == 2, both.said
    assert "not both" in both.err
    unnamed = place.tune("forecast", "--set", "finetuning.x.model=Phi-4")
    assert unnamed.code == 2, unnamed.said
    assert "no spec file is named" in unnamed.err


def on(place: Place, when: date) -> None:
    """Set Azure's clock to a second after the day has begun."""
    place.emulator.control.clock.set(datetime(when.year, when.month, when.day, 0, 0, 1, tzinfo=UTC))


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def make(place: Place, session: Session, model: Model) -> Endpoint:
    """An endpoint of a model as it is, subscribed to where it is another publisher's."""
    assert model.id
    if model.marketplace:
        path = f"{session.project_id}/marketplaceSubscriptions/{model.name.replace('.', '-')}"
        body = {"properties": {"modelId": model.id}}
        session.arm.put(path, "2024-10-01", body, "subscribe to it")
    name = f"e{place.subscription[:8]}-{model.name.replace('.', '-')}"
    return endpoints.put(
        session,
        name,
        location="eastus2",
        model_id=model.id,
        content_safety=True,
        auth_mode="Key",
        tags={},
    )


def answer(endpoint: Endpoint, key: str) -> int:
    """The status with which it answers a question."""
    import requests

    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{endpoint.uri}/chat/completions"
    return requests.post(url, json=body, headers=headers, timeout=60).status_code


def forecast(place: Place) -> list[dict[str, Any]]:
    told = place.tune("forecast", "-o", "json")
    assert told.code == 0, told.said
    return json.loads(told.out)["ends"]
