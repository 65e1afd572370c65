"""Every mistake of a configuration or of data at once: where, what, what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROGRAM
from tuning import config, rows
from tuning.errors import MistakesError

GOOD = "model: m\ntraining_data: t.jsonl\n"


def mistakes(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(MistakesError) as caught:
        config.read(file, overrides)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_all_mistakes_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    text = (
        "model: m\nmethd: lora\nloss: focl\noptimizer: {name: adamw, momentum: 2}\n"
        "lora:\n  rank: 8\nbatch_size: 0\ncheckpoints: {every: never}\n"
    )
    assert mistakes(tmp_path, text) == [
        "c.yaml: `training_data` is missing. Write it.",
        "c.yaml:2:1: `methd` is no field. Did you mean `method`?",
        "c.yaml:3:1: `loss.name: focl` is none. Did you mean `focal`?",
        "c.yaml:4:26: `optimizer.momentum: 2`: Input should be less than 1. Change it.",
        "c.yaml:6:3: `lora.rank` is no field. There are: r, alpha, dropout, targets.",
        "c.yaml:7:1: `batch_size: 0`: Input should be greater than or equal to 1. Change it.",
        "c.yaml:8:15: `checkpoints.every: never`: Input should be a valid integer, unable to "
        "parse string as an integer. Change it.",
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("task: classification", "c.yaml:3:1: classification takes a head."),
        ("layers: {head: classification}\ntask: classification", "3:10: a head without labels."),
        ("layers: {labels: [a, b]}", "c.yaml:3:10: labels without a head."),
        (
            "task: classification\nlayers: {head: classification, labels: [a, a]}",
            "a label stands there twice.",
        ),
        ("loss: dpo", "the loss `dpo` doesn't fit the task `chat`."),
        ("task: preference", "the loss `cross_entropy` doesn't fit the task `preference`."),
        ("loss: custom", "`custom` and `function` belong together."),
        ("loss: {name: custom, function: nowhere.py:f}", "there is no file nowhere.py."),
        ("loss: {name: custom, function: f}", "`f` is no function. Write FILE.py:FUNCTION."),
        ("task: preference\nloss: dpo\npacking: true", "c.yaml:5:1: rows of `preference` are"),
        ("layers: {freeze: ['*']}", "`lora` freezes every weight of the base already."),
        ("method: full\nlora: {r: 4}", "c.yaml:4:1: `method: full` has no adapter."),
        ("early_stopping: {patience: 2}", "there is no validation loss to watch."),
        ("optimizer: {name: sgd, betas: [0.9, 0.9]}", "c.yaml:3:24: `sgd` has no betas."),
        ("task: custom", "c.yaml:3:1: `custom` and `task_file` belong together."),
        ("task_file: nowhere.py", "there is no file nowhere.py. Name one beside train.py."),
        (
            "task: classification\nlayers: {head: classification, labels: [a]}",
            "one label alone: nothing to tell apart.",
        ),
        ("model_format: gguf", "3:1: `model_format: gguf`: only llama.cpp's own checkout makes"),
        ("model_format: onnx", "onnxruntime-genai makes ONNX of a finished `model/`."),
        ("model_format: mlflow\nmethod: qlora", "`qlora` leaves an adapter"),
        ("sharding: deepspeed_zero3", "3:1: `sharding: deepspeed_zero3`: DeepSpeed is not taken"),
        ("sharding: fsdp\nmethod: qlora", "`fsdp` doesn't cut weights of 4 bits."),
        ("sharding: fsdp\noptimizer: adamw_8bit", "`adamw_8bit` doesn't step weights that are"),
        ("method: qlora\nweights: random", "`qlora` loads a model's weights in 4 bits."),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    told = mistakes(tmp_path, f"{GOOD}{lines}\n")
    assert any(said in line for line in told), told


def test_an_override_is_named_as_one(tmp_path: Path) -> None:
    assert mistakes(tmp_path, GOOD, "epochs=-1") == [
        "--set epochs=-1: `epochs: -1`: Input should be greater than 0. Change it."
    ]


def test_a_number_that_yaml_reads_as_text_is_a_number(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"{GOOD}learning_rate: 2e-5\n")
    assert config.read(file).learning_rate == 2e-5


@pytest.mark.parametrize("text", ["model: [", "- a\n", ""])
def test_what_is_no_mapping_is_told_without_a_traceback(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)[0].startswith("c.yaml")


@pytest.mark.parametrize(
    ("task", "row", "said"),
    [
        ("chat", {"text": "x"}, "`messages` is no list"),
        ("chat", {"messages": [{"role": "user", "content": "x"}]}, "nothing to learn"),
        ("chat", {"messages": [{"role": "bot", "content": "x"}]}, "the role 'bot'"),
        ("text", {"prompt": "x"}, "`completion` is no text"),
        ("classification", {"text": "x", "label": "c"}, "the label 'c' is none of a, b"),
        ("preference", {"prompt": "x", "chosen": "y", "rejected": "y"}, "are the same"),
        ("preference", {"prompt": "x", "chosen": "y"}, "`rejected` is no text"),
    ],
)
def test_rows_of_another_task_are_told_with_their_lines(
    tmp_path: Path, task: str, row: dict[str, object], said: str
) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(f"\n{json.dumps(row)}\nno json\n")
    fields: dict[str, object] = {"model": "m", "training_data": str(file), "task": task}
    fields["layers"] = {"labels": ["a", "b"]}
    with pytest.raises(MistakesError) as caught:
        rows.read(config.Config.model_validate(fields))
    first, second = caught.value.mistakes
    assert first.where == f"{file}:2"
    assert said in first.what
    assert second.where == f"{file}:3"


def test_the_program_ends_with_3_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("model: m\ncolour: red\n")
    command = [sys.executable, str(PROGRAM), "--config", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 3
    assert "Traceback" not in run.stderr
    assert f"{file}:2:1: `colour` is no field." in run.stderr
    assert len(run.stderr.splitlines()) == 2
