"""A plan of many specs reads lists, one of few asks by name; neither rests on a stale word."""

import json
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.jobs.conftest import Place
from tests.integration.jobs.finished import finish, write_stories

MANY = 120
REGISTRY_PAGE = 255


def bound(specs: int, *, page: int) -> int:
    """The most requests that a plan of unchanged specs makes, where a list has so many a page.

    Sign-in two, the project, the region's services; pages of jobs, of endpoints, of the names that
    lead to them, of data assets (a spec has two) and of models. Nothing grows by the spec.
    """
    pages = ceil(specs / page) * 3 + ceil(2 * specs / page) + ceil(specs / min(page, REGISTRY_PAGE))
    return 4 + pages


def test_the_formula_gives_a_thousand_specs_in_twenty_five_requests() -> None:
    assert bound(1000, page=1000) == 13
    assert bound(1000, page=334) <= 25


@pytest.mark.parametrize("page", [1000, 50])
def test_many_unchanged_specs_are_planned_in_a_request_a_page(
    place: Place, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    specs = write_stories(place, MANY)
    finish(place, specs)
    monkeypatch.setattr(place.emulator.cloud, "page_size", page)
    planned, calls = plan(place, specs)
    assert {action["action"] for action in planned["actions"]} == {"unchanged"}
    assert len(planned["actions"]) == 6 * MANY
    assert {action["note"] for action in planned["actions"]} == {""}
    assert len(calls) <= bound(MANY, page=page), calls


def test_a_few_specs_are_asked_for_by_name_and_no_assets_are_listed(place: Place) -> None:
    specs = write_stories(place, MANY)
    finish(place, specs)
    planned, calls = plan(place, specs[:3])
    assert {action["action"] for action in planned["actions"]} == {"unchanged"}
    assert not [call for call in calls if call.endswith(("/xbox/data", "/xbox/models"))], calls
    assert not [call for call in calls if "/modelregistry/" in call or call == "/discovery"], calls
    assert len([call for call in calls if "/data/" in call]) == 6


def test_in_a_project_far_larger_than_the_specs_lists_are_left_when_they_cost_more_than_they_save(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = write_stories(place, MANY)
    finish(place, specs)
    monkeypatch.setattr(place.emulator.cloud, "page_size", 5)
    planned, calls = plan(place, specs[-12:])
    assert {action["action"] for action in planned["actions"]} == {"unchanged"}
    assert len([call for call in calls if call.endswith("/xbox/data")]) == 24 // 10
    assert len([call for call in calls if "/modelregistry/" in call]) == 12 // 10


def test_only_what_changed_is_looked_at_beside_the_lists(place: Place) -> None:
    specs = write_stories(place, MANY)
    finish(place, specs)
    changed = specs[7]
    changed.write_text(changed.read_text().replace("epochs: 1", "epochs: 2"))
    planned, calls = plan(place, specs)
    assert [
        (action["action"], action["type"])
        for action in planned["actions"]
        if action["action"] != "unchanged"
    ] == [
        ("replace", "finetuning"),
        ("create", "model"),
        ("create", "endpoint"),
        ("update", "connection"),
    ]
    named = [action["name"] for action in planned["actions"] if action["type"] == "model"]
    assert f"{changed.stem}:2" in named
    looked = [call for call in calls if changed.stem in call]
    assert len(looked) == 3, "two data versions, and the number of the model to come"


def test_new_specs_cost_no_request_each(place: Place) -> None:
    specs = write_stories(place, MANY)
    planned, calls = plan(place, specs)
    assert {action["action"] for action in planned["actions"]} == {"create"}
    assert not [call for call in calls if place.name in call], calls


# ── lists that lie ──────────────────────────────────────────────────────────────────────────────


STALE: dict[str, Any] = {"answer": {"status": 200, "body": {"value": []}}}
HTML = {"answer": {"status": 200, "content_type": "text/html", "body": "<html>"}}
ABSENT = {"status": 404, "code": "NotFound", "message": "It was not found."}


@pytest.mark.parametrize(
    ("path", "do"),
    [
        ("/xbox/data$", STALE),
        ("/modelregistry/", STALE),
        ("/modelregistry/", HTML),
        ("/modelregistry/", ABSENT),
        ("/discovery$", HTML),
    ],
    ids=["data stale", "registry stale", "registry html", "registry absent", "discovery html"],
)
def test_what_a_list_does_not_show_is_asked_for_by_name(
    place: Place, path: str, do: dict[str, Any]
) -> None:
    specs = write_stories(place, 12)
    finish(place, specs)
    fault(place, path, do)
    planned, calls = plan(place, specs)
    assert {(it["action"], it["note"]) for it in planned["actions"]} == {("unchanged", "")}
    kind = "data" if "data" in path else "models"
    asked = {call for call in calls if f"/{kind}/{place.name}" in call}
    assert len(asked) == (24 if kind == "data" else 12)


@pytest.mark.parametrize("path", ["/xbox/jobs$", "/xbox/data$", "/xbox/models$", "/modelregistry/"])
def test_a_list_that_misses_everything_pays_for_no_second_job(place: Place, path: str) -> None:
    specs = write_stories(place, 12, endpoint=False)
    finish(place, specs)
    before = place.jobs()
    assert len(before) == 12
    fault(place, path, STALE)
    mark = place.emulator.control.last_call()
    applied = place.tune("apply", *map(str, specs), "--yes")
    assert applied.code == 0, applied.said
    assert not [write for write in place.writes(mark) if "PUT" in write and "/jobs/" in write]
    place.emulator.control.faults.clear()
    assert place.jobs() == before


def test_with_retrain_a_model_is_gone_only_if_its_own_list_says_so(place: Place) -> None:
    specs = write_stories(place, 12, endpoint=False)
    finish(place, specs)
    fault(place, "/modelregistry/", STALE)
    planned, _ = plan(place, specs, "--retrain")
    assert {action["action"] for action in planned["actions"]} == {"unchanged"}


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def plan(place: Place, specs: list[Path], *more: str) -> tuple[dict[str, Any], list[str]]:
    """A plan, and the paths of the requests it made."""
    mark = place.emulator.control.last_call()
    ran = place.tune("plan", *map(str, specs), "-o", "json", *more)
    assert ran.code == 0, ran.said
    calls = [
        str(call["path"])
        for call in place.emulator.control.calls(after=mark)
        if call["method"] != "CONNECT"
    ]
    return json.loads(ran.out), calls


def fault(place: Place, path: str, do: dict[str, Any]) -> None:
    match = {"method": "GET", "path": path, "count": 99}
    place.emulator.control.faults.add({"match": match, "do": do})
