"""Online endpoints held to their time to live and their cap, on the virtual clock."""

import json
from pathlib import Path

import pytest

from jobs import revision
from jobs.foundry import online
from tests.integration.jobs.conftest import Place, somebody_who
from tests.integration.jobs.test_online_endpoints import (
    ask,
    deployments,
    register,
    write_online,
)

pytestmark = pytest.mark.usefixtures("early_in_a_month")

HOUR = 3600
BUDGET = """\
budget:
  max_usd: 1000
  hosting_hours: 1
  prices: {instance_per_hour: 0.5, source: a test of limits, as_of: 2026-11-01}
"""


def served(place: Place, limits: str) -> Path:
    """A document with limits, applied: two machines at half a dollar an hour."""
    register(place)
    spec = write_online(
        place, ("Standard_DS3_v2\n", f"Standard_DS3_v2\ninstance_count: 2\n{limits}{BUDGET}")
    )
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    return spec


def pass_time(place: Place, hours: float) -> None:
    place.emulator.control.clock.advance(hours * HOUR)


def test_a_time_to_live_takes_down_the_machines_and_leaves_address_and_keys(place: Place) -> None:
    spec = served(place, "ttl: 8h\n")
    [name] = deployments(place)
    young = place.tune("watch", str(spec), "--once")
    assert (young.code, "8h" in young.out, "soon" in young.out) == (0, True, False), young.said
    assert '"ends 20' in place.tune("plan", str(spec), "-o", "json").out
    pass_time(place, 7)
    assert "soon" in place.tune("watch", str(spec), "--once").out
    pass_time(place, 1.1)
    mark = place.emulator.control.last_call()
    dry = place.tune("watch", str(spec), "--once", "--dry-run")
    assert f"{place.name}/{name}  would be deleted: lives 8h and no longer" in dry.out, dry.said
    assert place.writes(mark) == []
    session = place.session()
    before = online.find(session, place.name)
    assert before is not None
    key = online.credential(session, before)
    watches = somebody_who(place, "watches")
    done = place.tune("watch", str(spec), "--once", "-o", "json", **watches)
    assert done.code == 0, done.said
    [gone] = json.loads(done.out)["endpoints"]
    assert (gone["name"], gone["role"]) == (f"{place.name}/{name}", "served")
    assert deployments(place) == {}
    planned = place.tune("plan", str(spec))
    assert "ends 8h after it is made, 8.00 USD of hosting at most" in planned.out, planned.said
    assert place.tune("apply", str(spec), "--yes").code == 0
    after = online.find(session, place.name)
    assert after is not None
    assert (after.uri, online.credential(session, after)) == (before.uri, key)
    assert ask(place) == "Hello you"


@pytest.mark.rehearsal
def test_at_a_cap_what_serves_goes_only_where_that_is_said(place: Place) -> None:
    spec = served(place, "cap: {usd_per_month: 10}\n")
    [first] = deployments(place)
    pass_time(place, 4)
    kept = spec.read_text(encoding="utf-8")
    spec.write_text(kept.replace("WHO: nobody", "WHO: me"), encoding="utf-8")
    proven = place.tune("apply", str(spec), "--yes", "--no-promote")
    assert proven.code == 0, proven.said
    assert len(deployments(place)) == 2
    young = place.tune("gc", "--yes")
    assert "left for an hour to the run that made it" in young.out, young.said
    assert len(deployments(place)) == 2
    pass_time(place, 2.2)  # 6.2 and 2.2 hours of two machines: 8.40 USD
    warned = place.tune("watch", str(spec), "--once")
    assert (warned.code, "soon" in warned.out) == (0, True), warned.said
    pass_time(place, 1)
    over = place.tune("watch", str(spec), "--once")
    assert over.code == 5, over.said
    assert deployments(place) == {first: 100}
    assert f"{place.name}/{first}  stays: it serves '{place.name}'" in over.out
    assert "10.00 USD a month" in over.out
    refused = place.tune("apply", str(spec), "--yes")
    assert (refused.code, "[FT-R005]" in refused.said) == (4, True), refused.said
    again = place.tune("watch", str(spec), "--once", "--take-down-served")
    assert again.code == 0, again.said
    assert deployments(place) == {}
    after = json.loads(place.tune("watch", str(spec), "--once", "-o", "json").out)
    assert after["limits"][0]["state"] == "over", "what is gone has cost what it has cost"


@pytest.mark.rehearsal
def test_what_nobody_is_sent_to_is_swept_and_what_no_file_has_is_told_with_its_price(
    place: Place,
) -> None:
    spec = served(place, "")
    [first] = deployments(place)
    spec.write_text(
        spec.read_text(encoding="utf-8").replace("WHO: nobody", "WHO: me"), encoding="utf-8"
    )
    assert place.tune("apply", str(spec), "--yes", "--no-promote").code == 0
    pass_time(place, 1.1)
    swept = place.tune("gc", place.name, "--yes")
    assert (swept.code, swept.out.count("deleted")) == (0, 1), swept.said
    assert deployments(place) == {first: 100}
    assert ask(place) == "Hello you"

    (place.folder / "prices.yaml").write_text(
        "as_of: 2026-11-01\nsource: a test\ninstances: {Standard_DS3_v2: 0.5}\n", encoding="utf-8"
    )
    spec.write_text(
        spec.read_text(encoding="utf-8").replace(f"name: {place.name}", "name: another"),
        encoding="utf-8",
    )
    left = json.loads(place.tune("orphans", str(spec), "-o", "json").out)["orphans"]
    [mine] = [one for one in left if one["name"] == place.name]
    assert mine["usd_per_day"] == {"low": 24.0, "high": 24.0}
    assert mine["command"] == f"foundry-tune down {place.name} --only endpoint"


@pytest.mark.rehearsal
def test_a_cap_without_a_price_is_refused_and_what_others_deployed_stays(place: Place) -> None:
    spec = served(place, "ttl: 8h\ncap: {usd_per_month: 10, take_down_served: true}\n")
    [name] = deployments(place)
    theirs = without_tags(place, name)
    pass_time(place, 11)
    over = place.tune("watch", str(spec), "--once")
    assert over.code == 5, over.said
    assert f"{theirs}  stays: foundry-tune didn't make it" in over.out
    assert deployments(place) == {name: 100}
    spec.write_text(spec.read_text(encoding="utf-8").replace(BUDGET, ""), encoding="utf-8")
    refused = place.tune("watch", str(spec), "--once")
    assert (refused.code, "[FT-R006]" in refused.err) == (5, True), refused.said
    assert "what an hour of 'Standard_DS3_v2' costs" in refused.err
    with_tags(place, name)
    ended = place.tune("watch", str(spec), "--once")
    assert ended.code == 5, ended.said
    assert deployments(place) == {}, "what is past its time goes, whatever a cap can't know"


def without_tags(place: Place, name: str) -> str:
    """Make a deployment somebody else's: its tags are gone."""
    return with_tags(place, name, {})


def with_tags(place: Place, name: str, tags: dict[str, str] | None = None) -> str:
    """Give a deployment tags: foundry-tune's own where none are named."""
    store = place.emulator.cloud.resources
    path = f"{place.project_id}/onlineEndpoints/{place.name}/deployments/{name}"
    stored = store.get(path)
    assert stored is not None
    stored.body["tags"] = revision.tags(place.name, "") if tags is None else tags
    store.put(stored)
    return f"{place.name}/{name}"
