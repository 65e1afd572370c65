"""The example job's own arithmetic, and what it says of data that it can't use."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[3] / "examples" / "classify-intents"
DATA = Path(__file__).parents[3] / "examples" / "intents"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    spec = importlib.util.spec_from_file_location("classify_intents", FOLDER / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_a_step_goes_down_the_gradient_of_the_loss_that_it_tells(program: Any) -> None:
    random = np.random.default_rng(3)
    inputs, targets = random.normal(size=(5, 4)), np.array([0, 2, 1, 2, 0])
    model = program.Model.untrained(4, 3, random)
    before, epsilon = model.weights.copy(), 1e-6

    def loss(weights: Any) -> float:
        return program.Model(weights, model.bias.copy()).step(inputs, targets, 0.0, 0.0)

    gradient = np.zeros_like(before)
    for place in np.ndindex(*before.shape):
        shift = np.zeros_like(before)
        shift[place] = epsilon
        gradient[place] = (loss(before + shift) - loss(before - shift)) / (2 * epsilon)
    model.step(inputs, targets, 1.0, 0.0)
    np.testing.assert_allclose(before - model.weights, gradient, atol=1e-8)


def test_scores_are_those_of_a_matrix_counted_by_hand(program: Any) -> None:
    matrix = program.confusion(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 2)
    assert matrix.tolist() == [[2, 1], [0, 1]]
    assert program.accuracy(matrix) == 3 / 4
    assert program.macro_f1(matrix) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_it_labels_messages_that_it_has_never_seen(tmp_path: Path) -> None:
    done = _train(tmp_path, DATA / "train.jsonl", DATA / "test.jsonl")
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "model" / "card.json").read_text(encoding="utf-8"))
    assert card["accuracy"] >= 0.85
    assert card["pieces"] in done.stdout
    assert 1 / 3 < card["cross_validated_accuracy"] < card["accuracy"]
    assert sum(map(sum, card["confusion_matrix"])) == 36
    assert (tmp_path / "model" / "weights.npz").exists()


@pytest.mark.rehearsal
def test_what_is_counted_is_chosen_without_the_test_messages(tmp_path: Path) -> None:
    """Test labels that are wrong change what is told of the test, and nothing that is learned."""
    rows = [json.loads(line) for line in (DATA / "test.jsonl").read_text().splitlines()]
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("".join(json.dumps(row | {"label": "billing"}) + "\n" for row in rows))
    cards: list[dict[str, Any]] = []
    for test in (DATA / "test.jsonl", wrong):
        assert _train(tmp_path, DATA / "train.jsonl", test).returncode == 0
        cards.append(json.loads((tmp_path / "model" / "card.json").read_text(encoding="utf-8")))
    one, other = cards
    assert one["accuracy"] != other["accuracy"]
    for same in ("pieces", "vocabulary", "cross_validated_accuracy"):
        assert one[same] == other[same]


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        ('{"text": "a", "label": "x"}\nno json', "", "train.jsonl:2: not a row"),
        ('{"text": 1, "label": "x"}', "", "train.jsonl:1: text and label must be strings"),
        ('{"text": "a", "label": "x"}', "", "needs rows of two labels or more"),
        (
            '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}',
            "",
            "there is no row to judge by",
        ),
        (
            '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}',
            '{"text": "c", "label": "z"}',
            "the label 'z' is in no row of",
        ),
    ],
)
def test_data_that_cannot_be_used_is_refused_in_a_line(
    tmp_path: Path, train: str, test: str, said: str
) -> None:
    (tmp_path / "train.jsonl").write_text(train, encoding="utf-8")
    (tmp_path / "test.jsonl").write_text(test, encoding="utf-8")
    done = _train(tmp_path, tmp_path / "train.jsonl", tmp_path / "test.jsonl")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def _train(folder: Path, train: Path, test: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "train.py", "--train", train, "--test", test, "--model", folder / "model"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
