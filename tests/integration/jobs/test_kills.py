"""`apply` killed at every write, before it happens and after, and run again: one job, one endpoint.

A fault makes a call lose its answer (the write is done) or drops it (it is not); when the fault
fires, the process is killed with SIGKILL, so that nothing of it can tidy up.
"""

import signal
import time

import pytest

from emulator.server import Emulator
from tests.integration.jobs.conftest import Place, Ran, Running, write_story

WRITES = (
    ("PUT", r"\.jsonl$"),
    # Training and validation data go side by side: whichever comes first.
    ("PUT", r"/data/tiny-[\w-]+/versions/"),
    ("PUT", r"/jobs/tiny-"),
    ("GET", r"/runs/.*/details$"),
    ("GET", r"/models/tiny-\w+/versions$"),
    ("PUT", r"/serverlessEndpoints/tiny-[\w-]+$"),
    ("POST", r"/listKeys$"),
    ("POST", r"^/chat/completions$"),
    ("PATCH", r"/serverlessEndpoints/tiny-[\w-]+$"),
    ("PUT", r"/connections/tiny-\w+$"),
)
"""Every write of the flow in its order, and the reads between them that take long."""


@pytest.mark.parametrize("fault", ["lose_answer", "drop"])
def test_killed_at_every_write_and_run_again_there_is_one_job(place: Place, fault: str) -> None:
    # Long enough that the job still runs when the next command follows it.
    spec = write_story(place, epochs=6, rows=60)
    for method, path in WRITES:
        killed = killed_at(place, place.start("apply", str(spec), "--yes"), method, path, fault)
        assert killed.code == -signal.SIGKILL, f"{method} {path}: {killed.said}"
    last = place.tune("apply", str(spec), "--yes")
    assert last.code == 0, last.said
    assert len(place.jobs()) == 1
    assert submissions(place) == 1
    mark = place.emulator.control.last_call()
    assert place.tune("apply", str(spec), "--yes").code == 0
    assert place.writes(mark) == []


def test_a_lost_answer_to_the_submission_is_adopted_not_resubmitted(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    place.emulator.control.faults.add(
        {"match": {"method": "PUT", "path": r"/jobs/tiny-"}, "do": {"lose_answer": True}}
    )
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    puts = [c for c in place.emulator.control.calls(method="PUT") if "/jobs/tiny-" in c["path"]]
    assert len([c for c in puts if place.subscription in c["path"]]) == 1
    assert len(place.jobs()) == 1


def test_an_outcome_that_stays_unknown_says_so_and_the_next_run_adopts(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    rules = place.emulator.control.faults
    rules.add({"match": {"method": "PUT", "path": r"/jobs/tiny-"}, "do": {"lose_answer": True}})
    # The look that would settle it fails too, until the command gives up.
    rules.add(
        {
            "match": {"method": "GET", "path": r"/jobs/tiny-", "after": 1, "count": 99},
            "do": {"drop": True},
        }
    )
    unknown = place.tune("apply", str(spec), "--yes")
    assert unknown.code == 10, unknown.said
    assert "Run the same command again: it adopts the job" in unknown.err
    rules.clear()
    adopted = place.tune("apply", str(spec), "--yes")
    assert adopted.code == 0, adopted.said
    assert len(place.jobs()) == 1


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(place: Place) -> None:
    spec = write_story(place, epochs=10, rows=240)
    running = place.start("apply", str(spec), "--yes")
    wait_for_call(place.emulator, "GET", f"{place.subscription}.*/runs/.*/details$")
    stopped = running.kill(signal.SIGINT)
    assert stopped.code == 130, stopped.said
    assert f"The job goes on in Azure. Follow it:  foundry-tune apply {spec}" in stopped.err
    assert f"Stop it:    foundry-tune cancel {place.name}" in stopped.err
    canceled = place.tune("cancel", place.name, "--yes")
    assert canceled.code == 0, canceled.said
    over = place.tune("apply", str(spec), "--yes")
    assert over.code == 103, over.said
    assert "--retrain" in over.err


def killed_at(place: Place, running: Running, method: str, path: str, fault: str) -> Ran:
    """Kill the command as soon as its call strikes the fault."""
    rules = place.emulator.control.faults
    rule = rules.add({"match": {"method": method, "path": path, "count": 50}, "do": {fault: True}})
    until = time.monotonic() + 60
    while not fired(place.emulator, rule):
        if running.is_over() or time.monotonic() > until:
            raise AssertionError(f"{method} {path} was never called: {running.wait().said}")
        time.sleep(0.002)
    killed = running.kill()
    rules.clear()
    return killed


def fired(emulator: Emulator, rule: str) -> bool:
    return any(r["id"] == rule and r["fired"] for r in emulator.control.faults.rules())


def submissions(place: Place) -> int:
    """How many PUTs of a job Azure took as new."""
    calls = place.emulator.control.calls(method="PUT", status=201)
    return sum(f"/jobs/{place.name}-" in call["path"] for call in calls)


def wait_for_call(emulator: Emulator, method: str, path: str) -> None:
    import re

    pattern, until = re.compile(path), time.monotonic() + 60
    while time.monotonic() < until:
        if any(pattern.search(c["path"]) for c in emulator.control.calls(method=method)):
            return
        time.sleep(0.005)
    raise AssertionError(f"no {method} {path} within a minute")
