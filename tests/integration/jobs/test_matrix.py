"""Exactly one paid job, whatever goes wrong with whatever call, and a true word about it.

`make matrix` runs every case; `make rehearse` a sample by a seed that the head of its output has:
`MATRIX_SEED=…` repeats it.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from emulator.server import Emulator
from tests.integration.jobs import matrix
from tests.integration.jobs.conftest import Place, Ran, write_story

DOCUMENTED = {0, 3, 4, 6, 7, 8, 9, 10, 100, 101, 103}

CHOSEN = matrix.chosen()

pytestmark = pytest.mark.rehearsal


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", [c for c in CHOSEN if c.call.verb not in matrix.CHANGES], ids=str)
def test_a_plain_run_afterwards_ends_well_and_nothing_was_paid_twice(
    place: Place, case: matrix.Case
) -> None:
    spec = write_story(place, extra=evaluation(place))
    if case.call.verb == "down":
        made = place.tune("apply", str(spec), "--yes")
        assert made.code == 0, made.said
    first = broken(place, case, arguments(case, place, spec))
    assert "Traceback" not in first.said, first.said
    if not case.is_kill:
        assert first.code in DOCUMENTED, first.said
        assert first.code == 0 or first.err.strip(), "nothing was said"
    if first.code == 0 and not case.lies:
        true_word(place, case.call.verb)
    if first.code == 0 and case.call.verb == "down":
        assert ledger(place)["serverlessEndpoints"] == [], "it said that nothing is left"

    again = place.tune(*arguments(case, place, spec))
    assert again.code == 0, f"first {first.code}: {first.said}\nagain: {again.said}"
    true_word(place, case.call.verb)
    assert submissions(place) == 1
    if case.call.verb == "apply":
        mark = place.emulator.control.last_call()
        assert place.tune("apply", str(spec), "--yes").code == 0
        assert place.writes(mark) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", [c for c in CHOSEN if c.call.verb in matrix.CHANGES], ids=str)
def test_a_served_name_never_leads_to_nothing_or_to_a_revision_that_failed(
    place: Place, case: matrix.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, command = prepared(place, case.call.verb)
    watched = Watched(place, monkeypatch)
    began = broken(place, case, command)
    assert "Traceback" not in began.said, began.said
    if not case.is_kill:
        assert began.code in DOCUMENTED, began.said
    again = place.tune(*command)
    allowed = {"promote": {0}, "refuse": {7}, "rollback": {0, 2}}[case.call.verb]
    assert again.code in allowed, f"first {began.code}: {began.said}\nagain: {again.said}"
    watched.end()
    assert (place.endpoint().name == first) == (case.call.verb != "promote")
    assert len(ledger(place)["jobs"]) == len(ledger(place)["models"]) == 2
    if case.call.verb == "refuse":
        assert place.endpoints() == [first]


def test_the_calls_of_the_matrix_are_those_that_are_made(place: Place) -> None:
    made: dict[str, None] = {}

    def record(verb: str, command: tuple[str, ...], *, code: int = 0) -> None:
        mark = place.emulator.control.last_call()
        assert place.tune(*command).code == code
        for call in place.emulator.control.calls(after=mark):
            if verb not in matrix.CHANGES or matrix.CHANGES_HANDS.search(str(call["path"])):
                made[str(matrix.normal(verb, call))] = None

    spec = write_story(place, extra=evaluation(place))
    record("apply", ("apply", str(spec), "--yes"))
    for verb in matrix.CHANGES:
        _, command = prepared(place, verb)
        record(verb, command, code=7 if verb == "refuse" else 0)
    record("down", ("down", place.name, "--yes"))
    if os.environ.get("FOUNDRY_TUNE_ACCEPT"):
        matrix.CALLS_FILE.write_text("".join(f"{line}\n" for line in sorted(made)))
    recorded = matrix.CALLS_FILE.read_text(encoding="utf-8").splitlines()
    # How often a running job is looked at is a matter of time, and so are its newest values.
    chance = {line for line in (*made, *recorded) if line.endswith("/lastvalues")}
    assert sorted(set(made) - chance) == sorted(set(recorded) - chance)


def evaluation(place: Place, gates: str = "{}") -> str:
    return (
        f"---\ntype: evaluation\nname: {place.name}\n"
        f"endpoint: ${{{{ serverless_endpoint.{place.name} }}}}\n"
        f"data: {place.name}-test.jsonl\nmax_tokens: 8\ngates: {gates}\n"
    )


def prepared(place: Place, change: str) -> tuple[str, tuple[str, ...]]:
    """A served first revision, and the command that changes it; the name of its endpoint."""
    spec = write_story(place, extra=evaluation(place))
    made = place.tune("apply", str(spec), "--yes")
    assert made.code == 0, made.said
    first = place.endpoint().name
    worse = change == "refuse"
    gates = "{token_f1: '>= 1'}" if worse else "{}"
    second = write_story(place, epochs=3 if worse else 2, extra=evaluation(place, gates))
    command = ("apply", str(second), "--yes", "--settle", "3")
    if change != "rollback":
        return first, command
    assert place.tune(*command).code == 0
    return first, ("rollback", place.name, first.rpartition("-")[2], "--yes")


class Watched:
    """Looks after every change of the store where the name leads: never to nothing, or to worse."""

    def __init__(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        self._place = place
        self._wrong: list[str] = []
        self.instants = 0
        store = place.emulator.cloud.resources
        for name in ("put", "delete"):
            monkeypatch.setattr(store, name, self._looking_after(getattr(store, name)))

    def end(self) -> None:
        """Hold what was seen."""
        assert self._wrong == []
        assert self.instants > 0

    def _looking_after(self, change: Any) -> Any:
        def changed(*given: Any, **named: Any) -> Any:
            done = change(*given, **named)
            self._look()
            return done

        return changed

    def _look(self) -> None:
        self.instants += 1
        place, store = self._place, self._place.emulator.cloud.resources
        pointer = store.get(f"{place.project_id}/connections/{place.name}")
        if pointer is None:
            self._wrong.append("the name is gone")
            return
        followed = pointer.properties["metadata"]["foundry-tune.endpoint"]
        endpoint = store.get(f"{place.project_id}/serverlessEndpoints/{followed}")
        if endpoint is None:
            self._wrong.append(f"the name leads to {followed}, which is gone")
        elif not {"foundry-tune.proof", "foundry-tune.ready"} <= set(endpoint.body["tags"]):
            self._wrong.append(f"the name leads to {followed}, which wasn't proven")
        elif endpoint.body["tags"].get("foundry-tune.withdrawn"):
            self._wrong.append(f"the name leads to {followed}, which failed")


def arguments(case: matrix.Case, place: Place, spec: Path) -> tuple[str, ...]:
    if case.call.verb == "apply":
        return ("apply", str(spec), "--yes", "--settle", "3")
    return ("down", place.name, "--yes")


def broken(place: Place, case: matrix.Case, command: tuple[str, ...]) -> Ran:
    """The first run, with the fault; for a kill, ended when it strikes."""
    rules = place.emulator.control.faults
    rule = rules.add(case.rule)
    try:
        running = place.start(*command)
        if case.is_kill:
            until = time.monotonic() + 60
            while not struck(place.emulator, rule) and not running.is_over():
                assert time.monotonic() < until, "it neither struck nor ended"
                time.sleep(0.002)
            if not running.is_over():
                return running.kill(signal.SIGKILL)
        return running.wait()
    finally:
        rules.clear()


def struck(emulator: Emulator, rule: str) -> bool:
    return any(r["id"] == rule and r["fired"] for r in emulator.control.faults.rules())


def true_word(place: Place, verb: str) -> None:
    """What exit code 0 says is so: one of everything and proven, or nothing that costs."""
    there = ledger(place)
    if verb == "apply":
        assert (len(there["jobs"]), len(there["models"])) == (1, 1)
        (endpoint,) = there["serverlessEndpoints"]
        assert endpoint.properties["contentSafety"]["contentSafetyStatus"] == "Enabled"
        assert {"foundry-tune.spec", "foundry-tune.proof", "foundry-tune.probed"} <= set(
            endpoint.body["tags"]
        )
        # What it was taught and tested with, what it and its filter answered, what it was asked.
        kept = {data.id.parent.name.rpartition("-")[2] for data in there["data"]}
        assert kept == {"train", "valid", "answers", "filter", "contract"}
    else:
        assert there["serverlessEndpoints"] == []
        assert there["models"] == []
        assert all(data.properties["isArchived"] for data in there["data"])


def ledger(place: Place) -> dict[str, list[Any]]:
    """What there is, past every fault: straight from the emulator's store."""
    of_type = place.emulator.cloud.resources.of_type
    base = "Microsoft.MachineLearningServices/workspaces"
    types = {
        "jobs": "jobs",
        "models": "models/versions",
        "serverlessEndpoints": "serverlessEndpoints",
        "data": "data/versions",
    }
    return {
        name: list(of_type(f"{base}/{path}", place.subscription)) for name, path in types.items()
    }


def submissions(place: Place) -> int:
    """How many jobs were ever begun: those in the store, and the runs that trained."""
    calls = place.emulator.control.calls(method="PUT")
    taken = [c for c in calls if c["status"] == 201 or c.get("fault", {}).get("fail_after")]
    puts = [c for c in taken if place.subscription in c["path"] and "/jobs/" in c["path"]]
    return max(len(ledger(place)["jobs"]), len(puts))
