"""The revisions of an online endpoint by hand: promoted, led back, told of, and cleared away."""

import json
from datetime import timedelta

import pytest

from jobs.apply import reroute
from jobs.errors import ConflictError
from jobs.foundry import online
from tests.integration.jobs.conftest import Place
from tests.integration.jobs.test_online_endpoints import (
    SCORE,
    ask,
    deployments,
    register,
    write_online,
)

SECOND = SCORE + "# the second\n"


def test_a_revision_waits_for_promote_and_is_told_of(place: Place) -> None:
    register(place)
    first = place.tune("apply", str(write_online(place)), "--yes", "--no-promote")
    assert first.code == 0, first.said
    assert f"is ready: foundry-tune promote {place.name}" in first.said
    [waiting] = deployments(place).items()
    assert waiting[1] == 0
    promoted = place.tune("promote", place.name, "--yes")
    assert promoted.code == 0, promoted.said
    assert f"nobody -> {waiting[0]} (100 %)" in promoted.out
    assert deployments(place) == {waiting[0]: 100}
    assert ask(place) == "Hello you"
    again = place.tune("promote", place.name, "--yes")
    assert again.code != 0
    assert "is ready and waits for the traffic" in again.err

    [told] = json.loads(place.tune("history", place.name, "-o", "json").out)["deployments"]
    assert (told["deployment"], told["traffic"], told["state"]) == (waiting[0], 100, "ready")
    assert told["served_since"]
    log = place.tune("logs", place.name)
    assert log.code == 0, log.said
    assert log.out.strip()
    same = place.tune("logs", f"{place.name}/{waiting[0]}")
    assert same.code == 0, same.said
    none = place.tune("logs", f"{place.name}/r-none")
    assert none.code != 0
    assert f"There is: {waiting[0]}" in none.err


@pytest.mark.rehearsal
def test_what_served_is_deleted_unless_the_document_keeps_it(place: Place) -> None:
    register(place)
    assert place.tune("apply", str(write_online(place)), "--yes").code == 0
    [first] = deployments(place)
    applied = place.tune("apply", str(write_online(place, score=SECOND)), "--yes")
    assert applied.code == 0, applied.said
    [second] = deployments(place)
    refused = place.tune("rollback", place.name, "--yes")
    assert refused.code != 0
    assert f"{first}, which served '{place.name}' before, was deleted" in refused.err
    assert "Apply the spec as it was then" in refused.err
    told = place.tune("history", place.name).out
    assert [line.split()[0] for line in told.splitlines()[1:]] == [second, first]
    assert "gone" in told


@pytest.mark.rehearsal
def test_a_kept_revision_is_led_back_to_and_no_apply_undoes_that(place: Place) -> None:
    register(place)
    keep = ("smoke_tests:", "keep_previous: 2h\nsmoke_tests:")
    assert place.tune("apply", str(write_online(place, keep)), "--yes").code == 0
    [first] = deployments(place)
    spec = write_online(place, keep, score=SECOND)
    planned = place.tune("plan", str(spec))
    assert "kept 2h after that, and billed" in planned.out, planned.said
    assert place.tune("apply", str(spec), "--yes").code == 0
    [second] = (name for name, share in deployments(place).items() if share)
    assert deployments(place) == {first: 0, second: 100}
    assert "kept until" in place.tune("plan", str(spec)).out
    assert "kept until" in place.tune("gc", place.name, "--yes").out
    assert deployments(place) == {first: 0, second: 100}

    back = place.tune("rollback", place.name, "--yes")
    assert back.code == 0, back.said
    assert deployments(place) == {first: 100, second: 0}
    assert f"{second} is kept until" in back.out
    blocked = place.tune("apply", str(spec), "--yes")
    assert blocked.code != 0
    assert "was rolled back from" in blocked.err
    assert deployments(place) == {first: 100, second: 0}
    on = place.tune("promote", place.name, "--yes")
    assert on.code == 0, on.said
    assert deployments(place) == {first: 0, second: 100}
    gone = place.tune("gc", place.name, "--now", "--yes")
    assert gone.code == 0, gone.said
    assert deployments(place) == {second: 100}
    done = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do" in done.out, done.said

    before = write_online(place, keep)
    assert place.tune("apply", str(before), "--yes").code == 0
    assert place.tune("rollback", place.name, "--yes").code == 0
    assert place.tune("gc", place.name, "--now", "--yes").code == 0
    assert deployments(place) == {second: 100}
    mark = place.emulator.control.last_call()
    blocked = place.tune("apply", str(before), "--yes")
    assert blocked.code != 0
    assert place.writes(mark) == [], "what was rolled back from is not even deployed"
    assert "was deleted since" in place.tune("promote", place.name, "--yes").out
    assert place.tune("apply", str(before), "--yes").code == 0
    assert deployments(place) == {first: 100, second: 0}


def test_traffic_that_moved_since_it_was_seen_is_left(place: Place) -> None:
    register(place)
    assert place.tune("apply", str(write_online(place)), "--yes", "--no-promote").code == 0
    session = place.session()
    endpoint = online.find(session, place.name)
    assert endpoint is not None
    managed = online.managed(session, endpoint)
    goal = reroute.ready(managed, "")
    online.lead(session, endpoint, goal.name, timedelta())
    with pytest.raises(ConflictError, match="moved by somebody else"):
        reroute.lead(session, managed, goal, back=False)
    assert online.undeploy(session, goal) is False, "it gets traffic now"
