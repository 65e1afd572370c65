"""The `training` document and the program it is short for say the same.

They import nothing of each other. What the program says is asked of it once, in a process of its
own, and held against what stands here: fields and ranges, what fits together, rows.
"""

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from jobs.dataset.rows import SHAPES, problem
from jobs.read.fitting import contradictions
from jobs.read.program import PROGRAM, program_files
from jobs.spec.lowering import FIELDS
from jobs.spec.schema import schema
from jobs.spec.training import TrainingJob

PARTS = ("Lora", "Loss", "Optimizer", "Layers", "EarlyStopping", "Checkpoints")

DOCUMENTS: list[dict[str, Any]] = [
    {},
    {"task": "classification"},
    {"task": "classification", "layers": {"head": "classification"}},
    {"task": "classification", "layers": {"head": "classification", "labels": ["a", "b"]}},
    {"task": "classification", "layers": {"head": "classification", "labels": ["a", "a"]}},
    {"layers": {"head": "classification", "labels": ["a", "b"]}},
    {"task": "classification", "layers": {"head": "classification", "labels": ["a"]}},
    {"task": "custom"},
    {"task_file": "task.py"},
    {
        "task": "custom",
        "task_file": "task.py",
        "layers": {"head": "classification", "labels": ["a"]},
    },
    {"model_format": "mlflow", "method": "qlora"},
    {"model_format": "mlflow", "layers": {"add": "layers.py:deepen"}},
    {"sharding": "fsdp", "method": "qlora"},
    {"sharding": "fsdp", "optimizer": "adamw_8bit"},
    {"layers": {"labels": ["a", "b"]}},
    {"loss": "dpo"},
    {"task": "preference"},
    {"task": "preference", "loss": "dpo"},
    {"task": "preference", "loss": {"name": "dpo", "completion_only": True}},
    {"loss": "custom"},
    {"loss": {"function": "losses.py:mine"}},
    {"task": "preference", "loss": "dpo", "packing": True},
    {"layers": {"freeze": ["model.*"]}},
    {"method": "full", "layers": {"freeze": ["model.*"]}},
    {"method": "full", "lora": {"r": 8}},
    {"method": "full", "lora": {"r": 16}},
    {"method": "qlora", "weights": "random"},
    {"early_stopping": {}},
    {"early_stopping": {}, "validation_data": "v.jsonl"},
    {"optimizer": {"name": "sgd", "betas": [0.9, 0.99]}},
    {"optimizer": {"name": "lion", "betas": [0.9, 0.99]}},
]
ROWS: list[Any] = [
    *(None, 1, [], {}, {"messages": []}, {"messages": "x"}, {"messages": [1]}),
    {"messages": [{"role": "user", "content": "q"}]},
    {"messages": [{"role": "bot", "content": "q"}]},
    {"messages": [{"role": ["user"], "content": "q"}]},
    {"messages": [{"role": "user", "content": ["q"]}]},
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]},
    *(
        {"text": "t"},
        {"text": " "},
        {"text": 3},
        {"prompt": "p"},
        {"prompt": "p", "completion": ""},
    ),
    {"prompt": "p", "completion": "c"},
    {"text": "t", "prompt": "p"},
    *({"text": "t", "label": label} for label in ("a", "c", None, ["a"], 1)),
    {"label": "a"},
    {"prompt": "p", "chosen": "x", "rejected": "y"},
    {"prompt": "p", "chosen": "x", "rejected": "x"},
    {"prompt": [{"role": "user", "content": "q"}], "chosen": "x", "rejected": "x"},
    {"prompt": [{"role": "user", "content": "q"}], "chosen": "x", "rejected": ""},
    {"prompt": [{"role": "assistant", "content": "q"}], "chosen": "x", "rejected": "y"},
    {"prompt": [], "chosen": "x", "rejected": "y"},
]
LABELS = ["a", "b"]

ASK = """
import json, sys
from tuning import config, fields, rows
asked = json.load(sys.stdin)
given = {"model": "m", "training_data": "t.jsonl"}
documents = [config.Config.model_validate(given | one) for one in asked["documents"]]
labelled = {"layers": {"labels": asked["labels"]}}
tasks = [
    config.Config.model_validate(given | labelled | {"task": task, "loss": loss})
    for task in rows.SHAPES for loss in ("cross_entropy", "completion_only")
]
json.dump({
    "schema": json.loads(fields.schema()),
    "contradictions": [config.contradictions(one) for one in documents],
    "rows": [[rows._problem(row, one) for row in asked["rows"]] for one in tasks],
    "shapes": rows.SHAPES,
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def program() -> dict[str, Any]:
    asked = json.dumps({"documents": DOCUMENTS, "rows": ROWS, "labels": LABELS})
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(
        command, input=asked, capture_output=True, text=True, check=False, cwd=PROGRAM
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fields_ranges_choices_and_defaults_are_the_programs(program: dict[str, Any]) -> None:
    ours, theirs = json.loads(json.dumps(schema()))["$defs"], program["schema"]
    whole = {"model", "training_data", "validation_data", "output"}
    assert {*FIELDS, *whole} == set(theirs["properties"])
    for name in FIELDS:
        assert said(ours["TrainingJob"], name) == said(theirs, name), name
    for part in PARTS:
        assert set(ours[part]["properties"]) == set(theirs["$defs"][part]["properties"]), part
        for name in ours[part]["properties"]:
            assert said(ours[part], name) == said(theirs["$defs"][part], name), f"{part}.{name}"


def said(definition: dict[str, Any], name: str) -> dict[str, Any]:
    """What a schema says of a field that counts: kinds, bounds, choices, its default."""
    field = definition["properties"][name]
    found: dict[str, Any] = {}
    for option in flat(field):
        kind = option.get("type")
        if kind == "string" and "pattern" in option:
            continue  # a number in quotes, which YAML files may have
        if "enum" in option or "const" in option:
            found["choices"] = sorted(
                [*option.get("enum", ()), *filter(None, [option.get("const")])]
            )
        elif "$ref" in option:
            found["part"] = str(option["$ref"]).rpartition("/")[2]
        elif kind == "array":
            items: list[dict[str, Any]] = option.get("prefixItems") or [option["items"]]
            found["items"] = [dict(sorted(item.items())) for item in items]
            found |= {key: option[key] for key in ("minItems", "maxItems") if key in option}
        else:
            bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
            found[str(kind)] = {key: option[key] for key in bounds if key in option}
    if "part" in found:  # a name alone is short for it, and its fields are compared by themselves
        return {"part": found["part"], "null": "null" in found}
    return {**found, "default": field.get("default")}


def flat(field: dict[str, Any]) -> list[dict[str, Any]]:
    options = field.get("anyOf")
    return [inner for option in options for inner in flat(option)] if options else [field]


def test_what_does_not_fit_together_is_what_the_program_refuses(program: dict[str, Any]) -> None:
    for document, theirs in zip(DOCUMENTS, program["contradictions"], strict=True):
        given = {"model": "m", "training_data": "t.jsonl", "name": "x"} | document
        spec = msgspec.convert(given, TrainingJob)
        # Whether a function's file is there is looked at elsewhere, relative to the spec.
        wanted = [found for found in theirs if "there is no file" not in found[1]]
        assert [[list(path), what, do] for path, what, do in contradictions(spec)] == wanted
    assert sum(map(bool, program["contradictions"])) > len(DOCUMENTS) // 2


def test_rows_are_wrong_where_the_program_finds_them_wrong(program: dict[str, Any]) -> None:
    assert program["shapes"] == SHAPES
    kinds = [(task, only) for task in SHAPES for only in (False, True)]
    for (task, only), theirs in zip(kinds, program["rows"], strict=True):
        ours = [problem(row, task, labels=LABELS, answers_only=only) for row in ROWS]
        assert ours == theirs, (task, only)
    assert any(None in theirs for theirs in program["rows"])


def test_the_program_that_is_sent_is_whole() -> None:
    files = program_files()
    assert {"train.py", "requirements.lock", "tuning/__init__.py", "tuning/config.py"} <= set(files)
    assert not [name for name in files if "__pycache__" in name]
    assert {p.name for p in (PROGRAM / "tuning").glob("*.py")} == {
        name.removeprefix("tuning/") for name in files if name.startswith("tuning/")
    }
