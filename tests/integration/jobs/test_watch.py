"""`watch`: times to live and caps, kept on the virtual clock whatever fails or is lost."""

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.ids import parse_id
from emulator.state.store import Resource
from jobs import revision
from jobs.errors import AccessDeniedError
from tests.integration.jobs.conftest import Place, arm_of, somebody_who, write_story
from tests.integration.jobs.finished import finish
from tests.integration.jobs.test_saved_plan import require_schema

pytestmark = pytest.mark.usefixtures("early_in_a_month")

HOUR = 3600
PRICE = 10.0
"""USD for an hour of hosting, as the spec says."""
BUDGET = f"""\
budget:
  max_usd: 1000
  prices: {{hosting_per_hour: {PRICE:g}, source: a test of caps, as_of: 2026-11-01}}
"""


def write(place: Place, limits: str) -> Path:
    """A story that was applied, with limits on its endpoint."""
    spec = write_story(place)
    finish(place, [spec])
    text = spec.read_text(encoding="utf-8")
    head, rest = text.split("---\n", 1)
    rest = rest.replace("type: serverless_endpoint\n", f"type: serverless_endpoint\n{limits}", 1)
    spec.write_text(f"{head}{BUDGET}---\n{rest}", encoding="utf-8")
    return spec


def candidate(place: Place, name: str) -> str:
    """An endpoint of the story that nobody follows: what a client that was lost has left."""
    id = parse_id(f"{place.project_id}/serverlessEndpoints/{name}")
    properties = {
        "authMode": "Key",
        "contentSafety": {"contentSafetyStatus": "Enabled"},
        "modelSettings": {"modelId": model_of_its_own(place, name)},
        "provisioningState": "Succeeded",
        "endpointState": "Online",
        "inferenceEndpoint": {"uri": f"https://{name}.eastus2.models.ai.azure.com"},
    }
    body = {
        "location": "eastus2",
        "tags": revision.tags(place.name, name[-10:]),
        "properties": properties,
    }
    place.emulator.cloud.resources.put(
        Resource(id=id, type=f"{WORKSPACES}/serverlessEndpoints", body=body)
    )
    return name


def model_of_its_own(place: Place, name: str) -> str:
    """Azure serves no custom model twice."""
    store, models = place.emulator.cloud.resources, parse_id(f"{place.project_id}/models/{name}")
    for id, like in ((models, ""), (models.child("versions", "1"), "/versions/1")):
        first = store.get(f"{place.project_id}/models/{place.name}{like}")
        assert first is not None
        store.put(replace(first, id=id))
    return f"{models.text}/versions/1"


def named(place: Place, number: int) -> str:
    return revision.endpoint_name(place.name, f"{number:010x}")


def pass_time(place: Place, hours: float) -> None:
    place.emulator.control.clock.advance(hours * HOUR)


def test_a_time_to_live_warns_and_then_takes_down_what_serves_too(place: Place) -> None:
    spec = write(place, "ttl: 8h\n")
    young = place.tune("watch", str(spec), "--once")
    assert (young.code, "8h" in young.out, "soon" in young.out) == (0, True, False), young.said
    pass_time(place, 7)
    assert "soon" in place.tune("watch", str(spec), "--once").out
    pass_time(place, 1.1)
    (served,) = place.endpoints()
    mark = place.emulator.control.last_call()
    dry = place.tune("watch", str(spec), "--once", "--dry-run")
    assert f"{served}  would be deleted: lives 8h and no longer" in dry.out
    assert (place.endpoints(), place.writes(mark)) == ([served], [])
    done = place.tune("watch", str(spec), "--once", "-o", "json")
    assert done.code == 0, done.said
    answer = json.loads(done.out)
    require_schema("watch", answer)
    assert [(one["name"], one["role"]) for one in answer["endpoints"]] == [(served, "served")]
    assert place.endpoints() == []
    status = place.tune("status")
    assert "follows" not in status.said, "and no name leads to nothing"
    planned = place.tune("plan", str(spec))
    assert "ends 8h after it is made, 80.00 USD of hosting at most" in planned.out, planned.said


def test_who_only_watches_takes_down_what_is_past_its_time_and_does_nothing_else(
    place: Place,
) -> None:
    spec = write(place, "ttl: 8h\n")
    left = candidate(place, named(place, 1))
    watches = somebody_who(place, "watches")
    mark = place.emulator.control.last_call()
    for words in (
        ("apply", str(write_story(place, name=f"{place.name}-new")), "--yes"),
        ("promote", place.name, named(place, 1)[-10:], "--yes"),
        ("chat", place.name, "Hello"),
    ):
        refused = place.tune(*words, **watches)
        assert refused.code == 4, f"{words}: {refused.said}"
    assert [one for one in place.writes(mark) if not one.endswith("/listKeys")] == []
    arm = arm_of(watches["AZURE_CLIENT_ID"], watches["AZURE_CLIENT_SECRET"])
    for type in ("roleAssignments", "roleDefinitions"):
        path = f"{place.group_id}/providers/Microsoft.Authorization/{type}/{uuid.uuid4()}"
        with pytest.raises(AccessDeniedError):
            arm.put(path, "2022-04-01", {"properties": {}}, "take more rights")
    young = place.tune("watch", str(spec), "--once", **watches)
    assert (young.code, len(place.endpoints())) == (0, 2), young.said
    pass_time(place, 8.1)
    done = place.tune("watch", str(spec), "--once", **watches)
    assert done.code == 0, done.said
    assert f"{left}  deleted: lives 8h and no longer" in done.out
    assert place.endpoints() == []
    models = place.tune("down", place.name, "--only", "model", "--yes", **watches)
    assert models.code == 4, models.said


def test_at_a_cap_candidates_go_first_and_what_serves_only_where_that_is_said(place: Place) -> None:
    spec = write(place, "cap: {usd_per_month: 100}\n")
    (served,) = place.endpoints()
    candidate(place, named(place, 1))
    pass_time(place, 4.1)
    warned = place.tune("watch", str(spec), "--once")
    assert (warned.code, "soon" in warned.out) == (0, True), warned.said
    assert len(place.endpoints()) == 2
    pass_time(place, 1.5)
    over = place.tune("watch", str(spec), "--once")
    assert over.code == 5, over.said
    assert place.endpoints() == [served]
    assert f"{served}  stays: it serves '{place.name}'" in over.out
    again = place.tune("watch", str(spec), "--once", "--take-down-served")
    assert again.code == 0, again.said
    assert place.endpoints() == []
    after = place.tune("watch", str(spec), "--once", "-o", "json")
    (limit,) = json.loads(after.out)["limits"]
    assert limit["state"] == "over", "what is gone has cost what it has cost"
    refused = place.tune("apply", str(spec), "--yes")
    assert (refused.code, "USD are spent this month" in refused.said) == (4, True), refused.said
    assert "[FT-R005]" in refused.said
    candidate(place, named(place, 2))
    place.tune("watch", str(spec), "--once")
    assert place.endpoints() == [], "nothing more is paid for in this month"
    pass_time(place, 24 * 31)
    candidate(place, named(place, 3))
    assert place.tune("watch", str(spec), "--once").code == 0
    assert len(place.endpoints()) == 1, "a new month has its own money"


@pytest.mark.rehearsal
def test_under_a_cap_an_endpoint_counts_though_it_is_gone_before_anybody_looks(
    place: Place,
) -> None:
    spec = write_story(place)
    text = spec.read_text(encoding="utf-8").replace(
        "type: serverless_endpoint\n", "type: serverless_endpoint\ncap: {usd_per_month: 100}\n"
    )
    spec.write_text(text.replace("---\n", f"{BUDGET}---\n", 1), encoding="utf-8")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "at most 100.00 USD a month, kept by foundry-tune watch" in applied.said
    pass_time(place, 3)
    assert place.tune("down", str(spec), "--only", "endpoint", "--yes").code == 0
    told = json.loads(place.tune("watch", str(spec), "--once", "-o", "json").out)
    assert told["limits"][0]["now"].startswith("30.")


def test_the_cap_of_a_policy_is_for_the_whole_project_and_leaves_what_is_others(
    place: Place,
) -> None:
    spec = write(place, "")
    policy = place.folder / "foundry-policy.yaml"
    # A rule that the spec breaks stops what spends, and not who ends the spending.
    rules = "rules: {budget_required: true, largest_budget: 1}\ncap: {usd_per_month: 40}\n"
    policy.write_text(rules, encoding="utf-8")
    assert place.tune("plan", str(spec)).code == 3
    (served,) = place.endpoints()
    other = candidate(place, "somebody-elses")
    store = place.emulator.cloud.resources
    stored = store.get(f"{place.project_id}/serverlessEndpoints/{other}")
    assert stored is not None
    stored.body["tags"] = {}
    stored.body["properties"]["modelSettings"] = {
        "modelId": "azureml://registries/azureml/models/Phi-4-mini-instruct"
    }
    store.put(stored)
    candidate(place, named(place, 1))
    pass_time(place, 2.1)
    over = place.tune("watch", str(spec), "--once")
    assert over.code == 5, over.said
    assert place.endpoints() == sorted([served, other])
    assert f"{other}  stays: foundry-tune didn't make it" in over.out


def test_without_a_price_no_cap_is_promised(place: Place) -> None:
    spec = write(place, "cap: {usd_per_month: 100}\n")
    spec.write_text(spec.read_text(encoding="utf-8").replace(BUDGET, ""), encoding="utf-8")
    pass_time(place, 1)
    refused = place.tune("watch", str(spec), "--once")
    assert (refused.code, "Nobody knows what an hour" in refused.err) == (5, True), refused.said
    assert "[FT-R006]" in refused.err
    unlimited = str(write_story(place, name=f"{place.name}-b"))
    none = place.tune("watch", unlimited, "--once")
    assert (none.code, "has a ttl or a cap" in none.out) == (0, True), none.said
    assert place.tune("watch", unlimited).code == 2, "it would watch nothing for ever"


FAULTS: tuple[dict[str, Any], ...] = (
    {"match": {"method": "DELETE", "path": "serverlessEndpoints"}, "do": {"status": 503}},
    {"match": {"method": "DELETE", "path": "serverlessEndpoints"}, "do": {"lose_answer": True}},
    {"match": {"method": "PATCH", "path": "serverlessEndpoints"}, "do": {"lose_answer": True}},
    {"match": {"method": "GET", "path": "serverlessEndpoints"}, "do": {"drop": True}},
    {"match": {"method": "PUT", "path": "/data/"}, "do": {"lose_answer": True}},
    {"match": {"method": "PUT", "path": "/data/", "count": 9}, "do": {"status": 500}},
    {"match": {"method": "GET", "path": "/data/", "count": 9}, "do": {"status": 500}},
)


@dataclass
class World:
    """Endpoints that come and go on the virtual clock, and what they have really cost."""

    place: Place
    lives: dict[str, tuple[datetime, datetime | None]] = field(
        default_factory=dict[str, tuple[datetime, datetime | None]]
    )

    @property
    def now(self) -> datetime:
        return self.place.emulator.control.clock.now()

    def look(self) -> None:
        """Take note of what has come and gone just now."""
        there = self.place.endpoints()
        for name in there:
            self.lives.setdefault(name, (self.now, None))
        for name, (made, gone) in self.lives.items():
            if gone is None and name not in there:
                self.lives[name] = (made, self.now)

    def usd(self) -> float:
        hours = (
            ((gone or self.now) - made).total_seconds() / HOUR for made, gone in self.lives.values()
        )
        return PRICE * sum(hours)


def story_of(place: Place, seed: int, steps: int) -> None:
    """One random month: spend never passes the cap by more than what one look missed."""
    random, cap, tick = Random(seed), 100.0, 0.5
    spec = write(place, f"cap: {{usd_per_month: {cap:g}, take_down_served: true}}\n")
    world, count, unseen, is_over = World(place), 0, 0.0, False
    world.look()
    for _ in range(steps):
        deed = random.choice(("make", "make", "make", "delete", "wait"))
        # `apply` makes none once the money of the month is spent.
        if deed == "make" and len(place.endpoints()) < 4 and world.usd() < cap:
            count += 1
            candidate(place, named(place, seed * 1000 + count))
        elif deed == "delete" and (there := place.endpoints()):
            gone = parse_id(f"{place.project_id}/serverlessEndpoints/{random.choice(there)}")
            place.emulator.cloud.resources.delete(gone)
        world.look()
        hours = random.uniform(0.1, tick)
        unseen += 0.0 if is_over else PRICE * len(place.endpoints()) * hours
        pass_time(place, hours)
        faults = place.emulator.control.faults
        if random.random() < 0.5:
            faults.add(random.choice(FAULTS))
        ran = place.tune("watch", str(spec), "--once")
        faults.clear()
        world.look()
        assert ran.code in {0, 9, 10}, (seed, ran.said)
        assert world.usd() <= cap + unseen + 0.05, (seed, ran.said, world)
        if ran.code == 0 and not is_over:
            is_over = world.usd() >= cap
            unseen = unseen if is_over else 0.0
        if is_over:
            assert place.endpoints() == [], (seed, ran.said)


def test_spend_never_passes_its_cap_by_more_than_a_tick_whatever_fails(place: Place) -> None:
    story_of(place, seed=20261129, steps=14)


@pytest.mark.rehearsal
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(12))
def test_many_random_months(place: Place, seed: int) -> None:
    story_of(place, seed=seed + 1, steps=30)
