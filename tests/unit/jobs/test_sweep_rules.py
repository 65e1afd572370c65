"""Rules about what a sweep tries, each at its place."""

from pathlib import Path

import pytest

from jobs.read.examine import examine
from tests.unit.jobs.spec_texts import TODAY, rules_of, swept


@pytest.mark.parametrize(
    ("sweep", "place", "words"),
    [
        ("{parameters: {}}", "sweep.parameters", "nothing differs"),
        ("{parameters: {epochs: [1, 2, 1]}}", "sweep.parameters.epochs[2]", "there already"),
        ("{parameters: {epochs: {min: 1, max: 3}}}", "sweep.parameters.epochs", "a grid takes"),
        ("{parameters: {epochs: [1, 2]}, trials: 2}", "sweep.trials", "every combination"),
        ("{parameters: {epochs: [1, 2]}, factor: 2}", "sweep.factor", "only halving"),
        ("{method: random, parameters: {epochs: [1, 2]}}", "sweep.method", "trials: 10"),
        (
            "{method: random, trials: 3, parameters: {epochs: [1, 2]}}",
            "sweep.trials",
            "only 2 different",
        ),
        (
            "{method: random, trials: 2, parameters: {epochs: {min: 4, max: 3}}}",
            "sweep.parameters.epochs.min",
            "more than max",
        ),
        ("{method: halving, parameters: {epochs: [1, 2]}}", "sweep.parameters", "best of several"),
        (
            "{method: halving, parameters: {learning_rate: [1e-5, 2e-5]}}",
            "sweep.parameters",
            "epochs of its rungs",
        ),
        (
            "{method: halving, parameters: {learning_rate: [1e-5, 2e-5], epochs: [2, 1]}}",
            "sweep.parameters.epochs",
            "each longer",
        ),
        (
            "{method: halving, parameters: {learning_rate: [1e-5, 2e-5], epochs: [1, 2, 4]}}",
            "sweep.parameters.epochs[2]",
            "nothing to halve",
        ),
        (
            "{method: halving, parameters: {epochs: [1, 2], "
            "learning_rate: {min: 1e-6, max: 1e-5}}}",
            "sweep.parameters.learning_rate",
            "how often",
        ),
    ],
)
def test_a_sweep_without_such_trials_is_told_where_it_stands(
    folder: Path, sweep: str, place: str, words: str
) -> None:
    (folder / "spec.yaml").write_text(swept(sweep), encoding="utf-8")
    [found] = [f for f in examine([folder / "spec.yaml"], on=TODAY).findings if f.rule == "FT-S049"]
    assert (found.path, found.line) == (place, 9)
    assert found.column > 1
    assert words in found.message


@pytest.mark.parametrize(
    ("sweep", "rule", "place"),
    [
        ("{parameters: {epoch: [1]}}", "FT-S004", "sweep.parameters.epoch"),
        ("{parameters: {epochs: [0]}}", "FT-S007", "sweep.parameters.epochs[0]"),
        ("{parameters: {epochs: [1]}, metric: accuracy}", "FT-S007", "sweep.metric"),
        ("{parameters: {epochs: [1]}, method: bayes}", "FT-S007", "sweep.method"),
        ("{parameters: {epochs: [12, 1]}}", "FT-C008", "sweep.parameters.epochs[0]"),
        (
            "{method: random, trials: 2, parameters: {epochs: {min: 1.5, max: 3}}}",
            "FT-S006",
            "sweep.parameters.epochs.min",
        ),
        (
            "{method: random, trials: 2, parameters: {learning_rate: {min: 0, max: 1e-4}}}",
            "FT-S007",
            "sweep.parameters.learning_rate.min",
        ),
    ],
)
def test_what_a_sweep_tries_is_held_to_what_a_document_may_say(
    folder: Path, sweep: str, rule: str, place: str
) -> None:
    (folder / "spec.yaml").write_text(swept(sweep), encoding="utf-8")
    found = examine([folder / "spec.yaml"], on=TODAY).findings
    assert (rule, place) in [(finding.rule, finding.path) for finding in found]


def test_a_grid_that_multiplies_to_hundreds_is_counted_and_refused(folder: Path) -> None:
    lists = "epochs: [1, 2, 3, 4, 5], batch_size_multiplier: [1, 2, 3, 4, 5, 6, 7]"
    sweep = f"{{parameters: {{{lists}, learning_rate: [1e-5, 2e-5, 3e-5]}}}}"
    (folder / "spec.yaml").write_text(swept(sweep), encoding="utf-8")
    [found] = [f for f in examine([folder / "spec.yaml"], on=TODAY).findings if f.rule == "FT-S050"]
    assert "105 combinations; at most 100" in found.message


def test_a_hyperparameter_in_the_document_and_in_its_sweep_is_said_twice(folder: Path) -> None:
    text = swept("{parameters: {epochs: [1, 2]}}").replace("{}", "{num_train_epochs: 3}", 1)
    assert "FT-S016" in rules_of(folder, text)
