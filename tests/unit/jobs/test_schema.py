"""The JSON Schema, the models and the shipped specs are in step."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jobs.spec.models import KINDS
from jobs.spec.reader import read
from jobs.spec.schema import schema
from jobs.spec.shape import fields_of
from jobs.spec.story import load

ROOT = Path(__file__).parents[3]
SPECS = sorted((ROOT / "jobs" / "specs").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    found = schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_every_shipped_spec_satisfies_it(path: Path, validator: Any) -> None:
    trees, _ = read(path.read_bytes())
    for tree in trees:
        assert list(validator.iter_errors(tree.value)) == []
    assert [f for f in load(path).findings if f.severity == "error"] == []


def test_typos_and_wrong_values_do_not(validator: Any) -> None:
    base = {"type": "finetuning", "name": "x", "model": "m", "training_data": "t"}
    assert validator.is_valid(base)
    assert validator.is_valid({**base, "hyperparameters": {"epochs": "3", "learning_rate": "2e-5"}})
    wrongs: tuple[dict[str, Any], ...] = (
        {"nmae": "x"},
        {"type": "finetune"},
        {"hyperparameters": {"epochs": 0}},
        {"training_data": None},
        {"budget": {}},
    )
    for wrong in wrongs:
        assert not validator.is_valid({**base, **wrong}), wrong


def test_every_field_of_the_models_is_in_it_with_words() -> None:
    found = schema()["$defs"]
    for model in KINDS.values():
        properties = found[model.__name__]["properties"]
        assert set(fields_of(model)) <= set(properties)
    own = found["FineTuning"]["properties"]
    for field in ("model", "training_data", "validation_data", "budget", "tokenizer", "ignore"):
        assert own[field].get("description"), field


def test_it_is_json_all_the_way() -> None:
    assert json.loads(json.dumps(schema())) == yaml.safe_load(json.dumps(schema()))
