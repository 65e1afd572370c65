"""Rules about trainings of one's own: each finds its case, and not what only looks alike."""

import json
from pathlib import Path

import pytest

from jobs.findings import Finding
from jobs.read.examine import examine
from jobs.read.program import code_of
from jobs.spec.story import load
from jobs.spec.training import TrainingJob
from tests.unit.jobs.spec_texts import TODAY, job

LOSSES = """\
raise RuntimeError("read, not run")
import torch
def mine(logits, targets): return logits.sum(-1)
def alone(logits): return logits
def deepen(model): return model
"""
ROWS = [{"text": f"my console is hot {n}", "label": ("repair", "refund")[n % 2]} for n in range(6)]
CHATS = [
    {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]}
    for n in range(6)
]
TRAINING = """\
type: training
name: triage
model: Phi-4-mini-instruct
training_data: chats.jsonl
resources: {instance_type: Standard_NC24ads_A100_v4}
"""
HEAD = "task: classification\ntraining_data: rows.jsonl\n"
LABELS = "layers: {head: classification, labels: [repair, refund]}\n"


def training(*changes: str) -> str:
    """The training above with lines of its own, which take the place of those of the same field."""
    lines = {line.partition(":")[0]: line for line in TRAINING.splitlines()}
    for line in "".join(changes).splitlines():
        lines[line.partition(":")[0]] = line
    return "\n".join(lines.values()) + "\n"


CASES: dict[str, tuple[str, str]] = {
    "FT-T001": (
        job("epochs: 3", "epochs: 3, loss_function: focal"),
        job("epochs: 3", "num_train_epochs: 3"),
    ),
    "FT-T002": (training(HEAD, "layers: {head: classification}\n"), training(HEAD, LABELS)),
    "FT-T003": (
        training("loss: {name: custom, function: losses.py:mein}\n"),
        training("loss: {name: custom, function: losses.py:mine}\n"),
    ),
    "FT-T004": (training("training_data: rows.jsonl\n"), training()),
    "FT-T005": (
        training(HEAD, "layers: {head: classification, labels: [repair, refund, refnd]}\n"),
        training(HEAD, LABELS),
    ),
    "FT-T006": (
        training("method: qlora\nresources: {instance_type: Standard_DS3_v2}\n"),
        training("method: qlora\n"),
    ),
    "FT-T007": (
        training("model: Phi-4\nmethod: full\n"),
        training("model: Phi-4\nmethod: lora\n"),
    ),
    "FT-T008": (training("resources: {instance_type: Standard_NC99_v9}\n"), training()),
    "FT-T009": (training("resources: {instance_count: 1}\n"), training()),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "losses.py").write_text(LOSSES)
    for name, rows in (("rows", ROWS), ("chats", CHATS), ("train", CHATS), ("valid", CHATS)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def found(folder: Path, text: str) -> list[Finding]:
    spec = folder / "spec.yaml"
    spec.write_text(text, encoding="utf-8")
    return list(examine([spec], on=TODAY).findings)


@pytest.mark.parametrize(
    "line",
    [
        *("optimizer: adamw_8bit", "precision: fp16", "attention: flash_attention_2"),
        *("compile: true", "sharding: fsdp"),
    ],
)
def test_what_takes_a_gpu_is_told_at_its_field_where_the_machine_has_none(
    line: str, folder: Path
) -> None:
    told = found(folder, training(f"{line}\nresources: {{instance_type: Standard_DS3_v2}}\n"))
    assert [f.path for f in told if f.rule == "FT-T006"] == [line.partition(":")[0]]


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_its_case_and_not_the_near_miss(rule: str, folder: Path) -> None:
    wrong, near_miss = CASES[rule]
    assert rule in {finding.rule for finding in found(folder, wrong)}
    assert rule not in {finding.rule for finding in found(folder, near_miss)}


@pytest.mark.parametrize(
    ("written", "place", "said"),
    [
        (HEAD, "spec.yaml:6:7", "classification takes a head."),
        (HEAD + "layers: {head: classification}\n", "spec.yaml:7:10", "a head without labels."),
        ("optimizer: {name: sgd, betas: [0.9, 0.9]}\n", "spec.yaml:6:24", "`sgd` has no betas."),
        ("optimizer: {name: lion, betas: [0.9]}\n", "spec.yaml:6:32", "2 are expected"),
        ("optimizer: adamv\n", "spec.yaml:6:12", "Did you mean 'adamw'?"),
        ("layers: {labels: []}\n", "spec.yaml:6:18", "an empty list"),
        ("sharding: fsdp\n", "spec.yaml:6:1", "cuts the model over several processes"),
        ("task: custom\ntask_file: losses.py\n", "spec.yaml:7:12", "no function 'check'"),
        ("epochs: 0\n", "spec.yaml:6:9", "more than 0"),
        ("loss: {name: focal, gama: 2}\n", "spec.yaml:6:21", "Did you mean 'gamma'?"),
        ("loss: {name: custom, function: losses.py:alone}\n", "spec.yaml:6:32", "take two"),
        ("loss: {name: custom, function: losses.py:mein}\n", "spec.yaml:6:32", "'mine'?"),
        ("loss: {name: custom, function: broken.py:f}\n", "spec.yaml:6:32", "broken.py:2 is not"),
        ("loss: {name: custom, function: near.py:f}\n", "spec.yaml:6:32", "near.py:1 imports"),
        ("layers: {add: losses.py:mine}\n", "spec.yaml:6:15", "Write def mine(model)."),
        ("layers: {add: losses.py:deepen}\n", "", ""),
        ("model: models/none\n", "spec.yaml:3:8", "is no model of the catalogue, and no folder"),
        ("model: Phi-4-mini-instrukt\n", "spec.yaml:3:8", "Did you mean 'Phi-4-mini-instruct'?"),
        ("model: azureml:mine\n", "spec.yaml:3:8", "is not the id of a model"),
        ("model: empty\n", "spec.yaml:3:8", "has no config.json"),
        ("distribution: {type: mpi}\n", "spec.yaml:6:22", "Write type: pytorch."),
        (
            "distribution: {type: pytorch, process_count_per_instance: 2}\n",
            "spec.yaml:6:59",
            "which has 1 GPU.",
        ),
        (
            "resources: {instance_type: Standard_NC4as_T4_v3}\nprecision: bf16\n",
            "spec.yaml:6:12",
            "a T4 has no bfloat16. Write precision: fp16.",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(written: str, place: str, said: str, folder: Path) -> None:
    (folder / "broken.py").write_text("x = 1\ndef f(:\n")
    (folder / "near.py").write_text("import losses\ndef f(logits, targets): return logits\n")
    (folder / "empty").mkdir()
    errors = [
        f for f in found(folder, training(written)) if f.severity == "error" and f.rule != "FT-S040"
    ]
    if not said:
        assert errors == []
        return
    assert f"{folder}/{place}" in [error.place for error in errors]
    assert any(said in error.message for error in errors), [e.message for e in errors]


def test_a_row_of_another_task_is_told_with_its_file_and_line(folder: Path) -> None:
    rows = folder / "chats.jsonl"
    rows.write_text(rows.read_text() + '{"prompt": "x", "completion": "y"}\nno json\n')
    told = [f for f in found(folder, training()) if f.rule == "FT-T004"]
    assert [(f.file, f.line) for f in told] == [(str(rows), 7), (str(rows), 8)]
    assert told[0].message.startswith("`messages` is no list, or empty. A row is {")


def test_secrets_in_rows_of_any_task_are_told(folder: Path) -> None:
    rows = folder / "rows.jsonl"
    secret = f"sk-{'a1B2c3D4e5F6g7H8' * 3}"
    rows.write_text(rows.read_text() + json.dumps({"text": secret, "label": "repair"}) + "\n")
    told = [f for f in found(folder, training(HEAD, LABELS)) if f.rule == "FT-D041"]
    assert [(f.file, f.line) for f in told] == [(str(rows), 7)]
    assert secret not in told[0].message


def test_too_small_a_machine_is_told_with_the_estimate_and_with_what_would_fit(
    folder: Path,
) -> None:
    (folder / "chats.jsonl").write_text(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": "why " * 4000},
                    {"role": "assistant", "content": "so"},
                ]
            }
        )
        + "\n"
    )
    lines = "model: Phi-3-mini-4k-instruct\nmethod: full\noptimizer: {name: lion}\n"
    machine = "resources: {instance_type: Standard_ND96asr_v4}\n"
    (told,) = [f for f in found(folder, training(lines, machine)) if f.rule == "FT-T007"]
    assert told.path == "resources.instance_type"
    assert (
        "weights 21.4, gradients 14.2, optimizer 14.2, activations 9.2, logits 1.0" in told.message
    )
    advised = "sharding: fsdp and distribution: {type: pytorch, process_count_per_instance: 8}"
    assert told.message.endswith(f"has 40. It fits with {advised}.")
    fitting = training(lines.replace("full", "lora"), machine)
    assert "FT-T007" not in {f.rule for f in found(folder, fitting)}
    eight = "distribution: {type: pytorch, process_count_per_instance: 8}\n"
    assert "FT-T007" in {f.rule for f in found(folder, training(lines, machine, eight))}
    cut = training(lines, machine, eight, "sharding: fsdp\n")
    assert {"FT-T002", "FT-T007"}.isdisjoint({f.rule for f in found(folder, cut)})


@pytest.mark.parametrize(
    ("lines", "advice"),
    [
        # Another method fits one GPU, and several hold it as it is.
        (
            "model: Phi-4\nmethod: full\n",
            "It fits with method: lora. As it is, it fits a Standard_NC96ads_A100_v4, which has 4 "
            "GPUs of 80, with sharding: fsdp and distribution: {type: pytorch, "
            "process_count_per_instance: 4}.",
        ),
        # 4 bits can't be cut; another card has more.
        (
            "model: Phi-4\nmethod: qlora\nresources: {instance_type: Standard_NC4as_T4_v3}\n"
            "precision: fp16\nbatch_size: 4\npacking: true\ngradient_checkpointing: true\n",
            "As it is, it fits a Standard_NC24ads_A100_v4, which has 80.",
        ),
        # Long sequences are cut by nothing.
        (
            "model: Phi-4\nmethod: full\npacking: true\nmax_seq_length: 131072\n"
            "gradient_checkpointing: true\n",
            "No machine known here holds it",
        ),
    ],
)
def test_what_is_too_large_is_told_what_holds_it(folder: Path, lines: str, advice: str) -> None:
    (told,) = [f for f in found(folder, training(lines)) if f.rule == "FT-T007"]
    assert advice in told.message, told.message


def test_a_tasks_file_is_sent_beside_the_program(folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "topics.py").write_text("def check(row):\n    return None\n")
    text = training("task: custom\ntask_file: own/topics.py\n", LABELS)
    assert [f for f in found(folder, text) if f.severity == "error" and f.rule != "FT-S040"] == []
    (chapter,) = load(folder / "spec.yaml").chapters
    assert isinstance(chapter.spec, TrainingJob)
    files = code_of(chapter, chapter.spec)
    assert files["topics.py"].startswith(b"def check")
    assert b"task_file: topics.py\n" in files["train.yaml"]


def test_rows_shorter_than_the_longest_sequence_take_less(folder: Path) -> None:
    """Short rows are padded to the longest of their batch, and not to max_seq_length."""
    text = training("model: Phi-4\nbatch_size: 8\n")
    assert "FT-T007" not in {f.rule for f in found(folder, text)}
    assert "FT-T007" in {f.rule for f in found(folder, training(text, "packing: true\n"))}


def test_what_fine_tuning_cannot_do_is_told_with_the_training_that_does_it(folder: Path) -> None:
    text = job("learning_rate: 2e-5", "learning_rate: 2e-5, optim: adamw_bnb_8bit, lora_r: 8")
    (told,) = [f for f in found(folder, text + "loss: label-smoothing\n") if f.rule == "FT-T001"]
    assert told.path == "loss"
    first, _, proposed = told.message.partition("\n")
    assert first == "serverless fine-tuning has no such setting. This training has:"
    lines = [line.removeprefix("    ") for line in proposed.splitlines()]
    again = found(folder, "\n".join(lines) + "\n")
    assert [f for f in again if f.severity == "error" and f.rule != "FT-S040"] == []
    for line in (
        *("type: training", "name: xbox-support", "loss: label_smoothing", "epochs: 3"),
        *("optimizer: adamw_8bit", "  r: 8", "training_data: train.jsonl", "batch_size: 1"),
    ):
        assert line in lines, proposed


def test_a_value_that_no_training_has_is_named_below_the_proposal(folder: Path) -> None:
    (told,) = [f for f in found(folder, job("", "loss: hinge\n")) if f.rule == "FT-T001"]
    assert "# loss: 'hinge' is not one of its values." in told.message
