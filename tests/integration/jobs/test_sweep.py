"""A sweep: every trial is a job paid once, so many at a time; the best of them is served."""

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.clock import isoformat
from tests.integration.jobs.conftest import Place, Ran, write_story
from tests.integration.jobs.finished import finish, write_stories
from tests.integration.jobs.test_kills import killed_at, submissions, wait_for_call

pytestmark = pytest.mark.rehearsal

GRID = "{method: grid, at_once: 2, parameters: {learning_rate: [2e-6, 2e-5, 2e-4]}}"


def test_a_grid_of_three_trains_two_at_a_time_and_serves_the_best(place: Place) -> None:
    spec = write_sweep(place, GRID)
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert len(place.jobs()) == submissions(place) == 3
    assert most_at_once(place) == 2
    found = trials(place, spec)
    losses = {trial["job"]: trial["validation_loss"] for trial in found["trials"]}
    best = min(losses, key=lambda job: losses[job])
    assert len(set(losses.values())) == 3
    assert found["best"] == best
    assert place.endpoint().name == best
    assert f"The best is {best} (learning rate 2e-05)." in applied.out
    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert again.code == 0, again.said
    assert "Nothing to do" in again.out
    told = f"learning rate 2e-05; validation loss {losses[best]:.4f}, the best"
    assert told in again.out
    assert place.writes(mark) == metric_reads(place, mark, 3)


def test_a_trial_is_the_job_of_the_same_spec_written_by_hand(place: Place) -> None:
    by_hand = write_story(place, endpoint=False)
    hand = place.tune("apply", str(by_hand), "--yes", "--set", "hyperparameters.learning_rate=2e-4")
    assert hand.code == 0, hand.said
    [job] = place.jobs()
    spec = write_sweep(place, GRID, endpoint=False)
    planned = place.tune("plan", str(spec))
    assert f"=   finetuning  {job}" in planned.out
    assert place.tune("apply", str(spec), "--yes").code == 0
    assert submissions(place) == len(place.jobs()) == 3


def test_a_saved_plan_of_a_sweep_trains_what_was_reviewed_and_serves_the_best(place: Place) -> None:
    spec = write_sweep(place, GRID)
    saved = place.folder / "plan.json"
    assert place.tune("plan", str(spec), "--out", str(saved)).code == 0
    spec.write_text(spec.read_text().replace("2e-4", "2e-3"))
    moved = place.tune("apply", str(saved), "--yes")
    assert moved.code == 11, moved.said
    assert submissions(place) == 0
    spec.write_text(spec.read_text().replace("2e-3", "2e-4"))
    applied = place.tune("apply", str(saved), "--yes")
    assert applied.code == 0, applied.said
    assert submissions(place) == 3
    assert place.endpoint().name == trials(place, spec)["best"]


def test_killed_between_its_trials_it_goes_on_with_three_jobs(place: Place) -> None:
    spec = write_sweep(place, GRID)
    jobs = r"/jobs/tiny-"
    for fault in ("lose_answer", "drop"):
        killed = killed_at(place, place.start("apply", str(spec), "--yes"), "PUT", jobs, fault)
        assert killed.code == -signal.SIGKILL
    killed = killed_at(
        place, place.start("apply", str(spec), "--yes"), "POST", "/lastvalues$", "drop"
    )
    assert killed.code == -signal.SIGKILL, killed.said
    last = place.tune("apply", str(spec), "--yes")
    assert last.code == 0, last.said
    assert len(place.jobs()) == submissions(place) == 3
    assert most_at_once(place) == 2
    assert place.endpoint().name == trials(place, spec)["best"]


def test_a_plan_tells_each_trial_and_the_sum_and_over_budget_nothing_is_written(
    place: Place,
) -> None:
    spec = write_sweep(place, GRID, budget="max_usd: 2")
    mark = place.emulator.control.last_call()
    planned = place.tune("plan", str(spec), "-o", "json")
    assert planned.code == 5, planned.said
    plan = json.loads(planned.out)
    costs = [a["cost"] for a in plan["actions"] if a["type"] == "finetuning"]
    assert len(costs) == 3
    [told] = plan["costs"]
    training = [line for line in told["lines"] if line["what"] == "training"]
    assert [line["high"] for line in training] == [cost["high"] for cost in costs]
    assert told["low"] == sum(line["low"] for line in told["lines"])
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 5, refused.said
    assert "more than the budget of 2.00 USD" in refused.err
    assert place.writes(mark) == []


def test_a_trial_that_fails_is_told_and_left_out(place: Place) -> None:
    # The first so long that it still runs when it is canceled.
    spec = write_sweep(place, "{parameters: {epochs: [10, 1]}, at_once: 1}", rows=240)
    first = place.tune("apply", str(spec), "--yes", "--no-wait")
    assert first.code == 0, first.said
    assert "waits: 1 at a time" in first.out
    [job] = place.jobs()
    assert place.tune("cancel", job, "--yes").code == 0
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    found = trials(place, spec)
    assert [trial["status"] for trial in found["trials"]] == ["Canceled", "Completed"]
    assert found["best"] == place.endpoint().name != job
    assert "1 left out." in applied.out
    again = place.tune("plan", str(spec))
    assert again.code == 0, again.said
    assert "Nothing to do" in again.out
    assert "ended as Canceled, left out (--retrain trains it once more)" in again.out


def test_ctrl_c_leaves_the_trials_running_and_one_cancel_stops_them_all(place: Place) -> None:
    spec = write_sweep(place, "{parameters: {epochs: [10, 9, 8]}}", rows=240)
    running = place.start("apply", str(spec), "--yes")
    while submissions(place) < 2 and not running.is_over():
        time.sleep(0.005)
    wait_for_call(place.emulator, "GET", f"{place.subscription}.*/runs/.*/details$")
    stopped = running.kill(signal.SIGINT)
    assert stopped.code == 130, stopped.said
    assert f"Follow them:  foundry-tune apply {spec}" in stopped.err
    assert f"Stop them:    foundry-tune cancel {place.name}" in stopped.err
    canceled = place.tune("cancel", place.name, "--yes")
    assert canceled.out.count(" canceled.") == len(place.jobs()) == 2
    assert "is over already" in place.tune("cancel", place.name, "--yes").out


def test_a_trial_that_is_not_followed_to_its_end_keeps_its_turn(place: Place) -> None:
    spec = write_sweep(place, "{parameters: {epochs: [10, 1]}, at_once: 1}", rows=240)
    match = {"method": "GET", "path": f"/runs/{place.name}-.*/details$", "count": 99}
    place.emulator.control.faults.add({"match": match, "do": {"drop": True}})
    lost = place.tune("apply", str(spec), "--yes")
    place.emulator.control.faults.clear()
    assert lost.code == 9, lost.said
    assert "waits: 1 at a time" in lost.out
    assert len(place.jobs()) == 1
    assert place.tune("cancel", place.name, "--yes").code == 0


def test_a_trial_of_which_nobody_knows_whether_it_was_taken_keeps_its_turn(place: Place) -> None:
    spec = write_sweep(place, "{parameters: {epochs: [10, 1]}, at_once: 1}", rows=240)
    job = {"path": "/jobs/tiny-", "count": 99}
    rules = place.emulator.control.faults
    rules.add({"match": {**job, "method": "PUT"}, "do": {"lose_answer": True}})
    rules.add({"match": {**job, "method": "GET", "after": 1}, "do": {"drop": True}})
    unknown = place.tune("apply", str(spec), "--yes")
    rules.clear()
    assert unknown.code == 10, unknown.said
    assert len(place.jobs()) == submissions(place) == 1
    assert place.tune("cancel", place.name, "--yes").code == 0


def test_where_no_trial_finishes_nothing_is_served_and_the_next_step_is_said(place: Place) -> None:
    spec = write_sweep(place, "{parameters: {epochs: [10]}}", rows=240)
    assert place.tune("apply", str(spec), "--yes", "--no-wait").code == 0
    [job] = place.jobs()
    assert place.tune("cancel", job, "--yes").code == 0
    over = place.tune("apply", str(spec), "--yes")
    assert over.code == 103, over.said
    assert "--retrain" in over.err
    assert place.endpoints() == []


def test_halving_trains_the_best_anew_and_costs_what_the_plan_said_at_most(place: Place) -> None:
    rates = "[2e-6, 2e-5, 2e-4, 1e-4]"
    sweep = f"{{method: halving, parameters: {{learning_rate: {rates}, epochs: [1, 2]}}}}"
    spec = write_sweep(place, sweep, at_once=4)
    planned = place.tune("plan", str(spec))
    assert planned.code == 0, planned.said
    assert "rung 2: the best 2 anew with 2 epochs" in planned.out
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert len(place.jobs()) == submissions(place) == 6
    found = trials(place, spec)
    by_rung = {n: [t for t in found["trials"] if t["rung"] == n] for n in (1, 2)}
    best = sorted(by_rung[1], key=lambda trial: trial["validation_loss"])[:2]
    kept = {trial["parameters"]["learning_rate"] for trial in best}
    assert {trial["parameters"]["learning_rate"] for trial in by_rung[2]} == kept
    assert found["best"] == place.endpoint().name
    mark = place.emulator.control.last_call()
    again = place.tune("plan", str(spec))
    assert "Nothing to do" in again.out, again.said
    # What a sweep adds to a plan: one look for the region's services, and one a finished trial.
    metric_reads(place, mark, 6)
    calls = [call["path"] for call in place.emulator.control.calls(after=mark)]
    assert calls.count("/discovery") == 1


def test_among_many_specs_the_models_of_every_rung_are_found_by_lists(place: Place) -> None:
    sweep = "{method: halving, parameters: {learning_rate: [2e-5, 2e-4], epochs: [1, 2]}}"
    spec = write_sweep(place, sweep, endpoint=False)
    assert place.tune("apply", str(spec), "--yes").code == 0
    swept, others = spec.rename(place.folder / "swept.yaml"), write_stories(place, 12)
    for role in ("train", "valid"):  # the data of all, which write_stories has renamed
        shutil.copy(place.folder / f"{role}.jsonl", place.folder / f"{place.name}-{role}.jsonl")
    finish(place, others)
    mark = place.emulator.control.last_call()
    planned = place.tune("plan", str(swept), *map(str, others))
    assert planned.code == 0, planned.said
    assert "Nothing to do" in planned.out
    asked = [call["path"] for call in place.emulator.control.calls(after=mark)]
    assert any(path.endswith("/xbox/data") for path in asked), "lists are read"


def test_a_program_reads_the_trials_from_apply(place: Place) -> None:
    spec = write_sweep(place, "{parameters: {learning_rate: [2e-5]}}", endpoint=False)
    applied = place.tune("apply", str(spec), "--yes", "-o", "json")
    assert applied.code == 0, applied.said
    [told] = json.loads(applied.out)["sweeps"]
    assert told == trials(place, spec)
    which = place.tune("report", str(spec))
    assert which.code == 2, which.said
    assert "has a sweep: several revisions" in which.err


def test_a_sweep_is_refused_where_it_stands_before_azure_is_asked(place: Place) -> None:
    spec = write_sweep(place, "{parameters: {learning_rate: []}}")
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 3, refused.said
    assert f"{spec}:7:37: sweep.parameters.learning_rate: an empty list" in refused.said
    assert "FT-S049" in refused.said
    assert place.emulator.control.last_call() == mark


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────

PRICES = (
    "prices: {training_per_million_tokens: 3000, hosting_per_hour: 0, input_per_million_tokens: 0, "
    "output_per_million_tokens: 0, source: the portal, as_of: 2026-11-23}"
)


def write_sweep(
    place: Place,
    sweep: str,
    *,
    endpoint: bool = True,
    budget: str = "",
    at_once: int = 0,
    rows: int = 21,
) -> Path:
    """A story that trains in a moment, with a sweep in its seventh line."""
    path = write_story(place, endpoint=endpoint, rows=rows)
    own = "{batch_size_multiplier: 4" + ("}" if "epochs" in sweep else ", epochs: 1}")
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[5:6] = [f"hyperparameters: {own}", f"sweep: {sweep}"]
    if at_once:
        lines[6] = lines[6].replace("{", f"{{at_once: {at_once}, ", 1)
    if budget:
        lines.insert(7, f"budget: {{{budget}, {PRICES}}}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def trials(place: Place, spec: Path) -> dict[str, Any]:
    """What `trials` says of the one sweep of a spec."""
    told: Ran = place.tune("trials", str(spec), "-o", "json")
    assert told.code == 0, told.said
    [sweep] = json.loads(told.out)["sweeps"]
    return sweep


def most_at_once(place: Place) -> int:
    """How many jobs were under way at once: from the log of their PUTs, and when each ended."""
    kind = f"{WORKSPACES}/jobs"
    jobs = place.emulator.cloud.resources.of_type(kind, place.subscription)
    ended = {job.name: str(job.private["endTime"]) for job in jobs}
    taken = place.emulator.control.calls(method="PUT", status=201)
    spans = [
        (isoformat(call["time"]), ended[name])
        for call in taken
        if (name := call["path"].rpartition("/jobs/")[2]) in ended
    ]
    assert len(spans) == len(ended)
    return max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)


def metric_reads(place: Place, after: int, count: int) -> list[str]:
    """The questions for metrics, which Azure takes as POSTs though they change nothing."""
    asked = [call for call in place.writes(after) if call.endswith("/lastvalues")]
    assert len(asked) == count
    return asked
