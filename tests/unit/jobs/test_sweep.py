"""A sweep's trials, and how far it is: from plain values, nothing is asked or changed here."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from jobs.apply.turns import Turns
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.plan.actual import Actual
from jobs.plan.decide import decide
from jobs.plan.desired import Desired, Training
from jobs.plan.steps import EndpointStep, LaterStep, Step
from jobs.plan.sweeps import LastLosses, SweepState, stand
from jobs.spec import content_hash, load_bytes
from jobs.spec.models import FineTuning
from jobs.spec.sweep import Sweep
from jobs.spec.trials import candidates, rungs, trial
from tests.unit.jobs.test_plan import EMPTY, NOW, desired, job, measuring, serving, training

HEAD = """\
type: finetuning
name: xbox
model: Phi-4-mini-instruct
training_data: train.jsonl
validation_data: valid.jsonl
"""


# ── the trials ──────────────────────────────────────────────────────────────────────────────────


def test_a_trial_has_the_revision_of_the_same_document_written_by_hand() -> None:
    swept = read(
        "hyperparameters: {per_device_train_batch_size: 2}\n"
        "sweep: {parameters: {learning_rate: [1e-5, 2e-5], epochs: [3]}}\n"
        "budget: {max_usd: 5}\n"
    )
    hand = read(
        "hyperparameters: {num_train_epochs: 3, batch_size_multiplier: 2, learning_rate: 0.00002}"
    )
    found = [content_hash(one) for one in trials(swept)]
    assert found[1] == content_hash(hand)
    assert found[0] != found[1]


def test_a_document_without_a_sweep_keeps_the_revision_it_always_had() -> None:
    assert content_hash(read("hyperparameters: {epochs: 3, learning_rate: 2e-5}")) == "848ef6fb38"


def test_a_grid_has_every_combination_in_one_order() -> None:
    sweep = swept_by("{parameters: {epochs: [1, 2], learning_rate: [1e-5, 2e-5]}}")
    assert [tuple(one.values()) for one in candidates(sweep)] == [
        (1e-5, 1),
        (1e-5, 2),
        (2e-5, 1),
        (2e-5, 2),
    ]


def test_what_is_drawn_depends_on_the_seed_alone_and_more_trials_go_on_where_fewer_ended() -> None:
    text = (
        "{{method: random, trials: {trials}, seed: {seed}, parameters: {{epochs: [1, 2], "
        "batch_size_multiplier: {{min: 1, max: 32, scale: log}}, "
        "learning_rate: {{min: 1e-6, max: 1e-4, scale: log}}}}}}"
    )
    five, ten, other = (
        candidates(swept_by(text.format(trials=trials, seed=seed)))
        for trials, seed in ((5, 0), (10, 0), (5, 1))
    )
    # Written down: another machine or Python that drew others would pay for others.
    assert dict(five[0]) == {"learning_rate": 4.88e-05, "batch_size_multiplier": 14, "epochs": 1}
    assert ten[:5] == five
    assert not any(one in five for one in other)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_draws_lie_between_the_ends_and_reach_both_of_whole_numbers(scale: str) -> None:
    sweep = swept_by(
        "{method: random, trials: 80, parameters: {"
        f"batch_size_multiplier: {{min: 2, max: 5, scale: {scale}}}, "
        f"learning_rate: {{min: 1e-6, max: 1e-4, scale: {scale}}}}}}}"
    )
    found = candidates(sweep)
    assert len(found) == 80
    assert {one["batch_size_multiplier"] for one in found} == {2, 3, 4, 5}
    assert all(1e-6 <= one["learning_rate"] <= 1e-4 for one in found)
    below = sum(one["learning_rate"] < 1e-5 for one in found)
    assert (below > 25) == (scale == "log")


def test_halving_keeps_one_of_factor_and_never_fewer_than_one() -> None:
    sweep = swept_by(
        "{method: halving, trials: 9, factor: 3, parameters: {epochs: [1, 3, 9], "
        "learning_rate: {min: 1e-6, max: 1e-4}}}"
    )
    assert [tuple(rung) for rung in rungs(sweep)] == [(9, 1), (3, 3), (1, 9)]


# ── how far it is ───────────────────────────────────────────────────────────────────────────────

GRID = "{parameters: {learning_rate: [1e-5, 2e-5, 3e-5]}, at_once: 2}"
HALVING = "{method: halving, parameters: {learning_rate: [1e-5, 2e-5, 3e-5, 4e-5], epochs: [1, 2]}}"


def test_metrics_are_read_once_all_trials_are_over_and_not_before() -> None:
    asked: list[str] = []
    running = standing(GRID, {0: 0.5, 1: "Running"}, asked)
    assert not running.is_over
    assert running.best is None
    assert asked == []
    over = standing(GRID, {0: 0.5, 1: 0.3, 2: "Failed"}, asked)
    assert over.is_over
    assert len(asked) == 2


def test_the_lowest_loss_is_best_and_of_equals_the_first() -> None:
    assert best_of(standing(GRID, {0: 0.5, 1: 0.3, 2: 0.4})) == 2e-5
    assert best_of(standing(GRID, {0: 0.3, 1: 0.3, 2: 0.4})) == 1e-5


def test_of_equals_the_one_with_fewer_epochs_is_best() -> None:
    found = standing("{parameters: {epochs: [4, 2]}}", {0: 0.3, 1: 0.3})
    assert found.best is not None
    assert found.best.values == {"epochs": 2}


@pytest.mark.parametrize("left_out", ["Failed", "Canceled", "NotResponding", None])
def test_what_did_not_finish_with_a_loss_is_told_and_left_out(
    left_out: str | float | None,
) -> None:
    found = standing(GRID, {0: 0.5, 1: left_out, 2: 0.7})
    assert best_of(found) == 1e-5
    assert found.trials[1].step.action.kind == "unchanged"
    assert "left out" in found.trials[1].step.action.note


def test_where_none_has_finished_everything_is_blocked_and_says_the_next_step() -> None:
    found = standing(GRID, {0: "Failed", 1: "Failed", 2: "Canceled"})
    assert found.is_over
    assert {t.step.action.kind for t in found.trials} == {"blocked"}
    actions = [step.action for step in decided(found, actual_of(found))]
    blocked = {action.type: action for action in actions if action.kind == "blocked"}
    assert set(blocked) == {"finetuning", "model", "endpoint", "evaluation", "connection"}
    assert "--retrain" in blocked["finetuning"].next_step
    assert (blocked["finetuning"].rule, blocked["model"].rule) == ("FT-R007", "FT-R008")
    assert blocked["endpoint"].rule == blocked["connection"].rule == "FT-R008"


def test_a_best_trial_that_lost_its_model_blocks_and_another_does_not() -> None:
    losses: Ends = {0: 0.5, 1: 0.3, 2: 0.4}
    lost = standing(GRID, losses, without_model={1})
    assert [t.step.action.kind for t in lost.trials] == ["unchanged", "blocked", "unchanged"]
    loser = standing(GRID, losses, without_model={2})
    assert {t.step.action.kind for t in loser.trials} == {"unchanged"}
    assert best_of(loser) == 2e-5


def test_halving_knows_its_next_rung_once_the_one_before_is_over() -> None:
    first = standing(HALVING, {0: 0.5, 1: 0.2, 2: "Running", 3: 0.3})
    assert [len(first.trials), len(first.awaited)] == [4, 1]
    second = standing(HALVING, {0: 0.5, 1: 0.2, 2: 0.4, 3: 0.3})
    entered = [t for t in second.trials if t.rung == 2]
    assert [t.values["learning_rate"] for t in entered] == [2e-5, 4e-5]
    assert {t.step.training.spec.epochs for t in entered} == {2}
    assert not second.is_over


def test_the_best_of_halving_may_be_of_any_rung() -> None:
    found = standing(HALVING, {0: 0.5, 1: 0.2, 2: 0.4, 3: 0.3, (2, 0): 0.25, (2, 1): 0.6})
    assert found.is_over
    assert found.best is not None
    assert found.best.values == {"learning_rate": 2e-5, "epochs": 1}


def test_what_waits_for_the_best_is_in_the_plan_before_it_is_known() -> None:
    found = standing(HALVING, {})
    steps = decided(found, EMPTY)
    told = [(step.action.kind, step.action.type) for step in steps]
    assert told == [
        ("create", "data"),
        ("create", "data"),
        *[("create", "finetuning")] * 5,
        ("create", "model"),
        ("create", "endpoint"),
        ("create", "evaluation"),
        ("create", "connection"),
    ]
    assert [step.needs for step in steps[2:6]] == [steps[:2]] * 4


def test_what_is_compared_with_the_best_waits_for_it_and_the_rest_does_not() -> None:
    found = standing(GRID, {})
    measured = replace(measuring(), endpoint="beside", references={"base": "xbox"})
    asked = Desired(
        trainings=(found.training,),
        servings=tuple(replace(serving(name), training=of) for name, of in beside(found)),
        measurings=(measured,),
    )
    steps = decide(asked, EMPTY, now=NOW, standings={"xbox": found})
    later = {(s.action.type, s.action.name) for s in steps if isinstance(s, LaterStep)}
    assert {name for kind, name in later if kind == "connection"} == {"xbox", "beside"}
    assert ("evaluation", "xbox") in later
    assert [s.serving.name for s in steps if isinstance(s, EndpointStep)] == ["apart"]


def test_retrain_trains_once_more_what_was_left_out_and_nothing_else() -> None:
    ends: Ends = {0: 0.5, 1: "Failed", 2: 0.4}
    again = standing(GRID, ends, retrain=True)
    assert [t.step.job is None for t in again.trials] == [False, True, False]
    assert again.trials[1].step.job_name.endswith("-2")
    assert not again.is_over


# ── turns ───────────────────────────────────────────────────────────────────────────────────────


def test_turns_are_taken_in_the_order_of_the_plan_and_no_more_than_there_are() -> None:
    turns, stop, order = Turns(2, ["old"], ["a", "b", "c"]), threading.Event(), list[str]()
    under_way, most, lock = {"old"}, 0, threading.Lock()

    def work(name: str) -> None:
        nonlocal most
        assert turns.take(name, stop)
        with lock:
            order.append(name)
            under_way.add(name)
            most = max(most, len(under_way))
            under_way.remove(name)
        turns.give_back()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("c", "b", "a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert order == ["a", "b", "c"]
    assert most == 2


def test_nobody_waits_for_a_turn_that_will_not_come_back() -> None:
    turns = Turns(1, [], ["a", "b"])
    assert turns.take("a", threading.Event())
    turns.keep()
    assert not turns.take("b", threading.Event())


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────

Ends = Mapping[int | tuple[int, int], str | float | None]
"""How the trials of a sweep ended: a loss, or a status, by their number, or rung and number."""


def read(rest: str) -> FineTuning:
    story = load_bytes((HEAD + rest).encode(), "spec.yaml")
    assert not story.findings
    [spec] = story.specs
    assert isinstance(spec, FineTuning)
    return spec


def swept_by(sweep: str) -> Sweep:
    found = read(f"sweep: {sweep}\n").sweep
    assert found is not None
    return found


def trials(spec: FineTuning) -> list[FineTuning]:
    assert spec.sweep is not None
    first = rungs(spec.sweep)[0]
    return [trial(spec, values, first) for values in candidates(spec.sweep)]


def standing(
    sweep: str,
    ends: Ends,
    asked: list[str] | None = None,
    without_model: Sequence[int] | set[int] = (),
    *,
    retrain: bool = False,
) -> SweepState:
    """How far a sweep is whose trials ended so; `asked` collects whose metrics were read."""
    spec = read(f"sweep: {sweep}\n")
    assert spec.sweep is not None
    base = replace(training(), spec=spec)
    losses: dict[str, LastLosses] = {}

    def measure(jobs: Sequence[Job]) -> Mapping[str, LastLosses]:
        if asked is not None:
            asked.extend(job.name for job in jobs)
        return losses

    actual = EMPTY
    found = stand(base, spec.sweep, actual, measure)
    for rung in range(1, len(rungs(spec.sweep)) + 1):
        entered = [t for t in found.trials if t.rung == rung]
        for number, one in enumerate(entered):
            end = ends.get((rung, number), ends.get(number, "") if rung == 1 else "")
            if end == "":
                continue
            name = one.step.job_name
            status = end if isinstance(end, str) else "Completed"
            actual = replace(actual, jobs=(job(name=name, status=status), *actual.jobs))
            if not isinstance(end, str):
                losses[name] = LastLosses(1.0, end)
                if number not in without_model:
                    actual = replace(actual, models={"xbox": (*models(actual), model(name))})
        found = stand(base, spec.sweep, actual, measure)
        if asked:
            asked.clear()
    return stand(base, spec.sweep, actual, measure, retrain=retrain)


def beside(found: SweepState) -> list[tuple[str, Training | None]]:
    return [("xbox", found.training), ("beside", None), ("apart", None)]


def models(actual: Actual) -> tuple[ModelVersion, ...]:
    return tuple(actual.models.get("xbox", ()))


def model(of: str) -> ModelVersion:
    return ModelVersion(
        id=f"/models/{of}",
        name="xbox",
        version="1",
        job=of,
        description="",
        created="",
        tags={},
        properties={},
    )


def actual_of(found: SweepState) -> Actual:
    jobs = tuple(t.step.job for t in found.trials if t.step.job)
    return replace(EMPTY, jobs=jobs)


def decided(found: SweepState, actual: Actual) -> tuple[Step, ...]:
    return decide(desired(found.training), actual, now=NOW, standings={"xbox": found})


def best_of(found: SweepState) -> float:
    assert found.best is not None
    return found.best.values["learning_rate"]
