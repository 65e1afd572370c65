"""A task by a Python file: the one that docs/training.md shows."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import score
from test_layers import LABELS, WORDS
from tuning.config import Config
from tuning.errors import MistakesError, StoppedError
from tuning.run import train

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.fixture
def topics(tmp_path: Path) -> Path:
    """The page's file, as it stands there."""
    found = re.search(r"```python\n(# topics\.py\n.*?)```", PAGE.read_text(), re.S)
    assert found
    (tmp_path / "topics.py").write_text(found[1])
    return tmp_path / "topics.py"


@pytest.fixture
def custom(topics: Path, configured: Callable[..., Config]) -> Callable[..., Config]:
    def config(rows: list[dict[str, Any]], **fields: Any) -> Config:
        values = {
            "task": "custom",
            "task_file": str(topics),
            "loss": {"name": "custom", "function": f"{topics}:loss"},
            "layers": {"head": "classification", "labels": LABELS},
            "method": "full",
        }
        return configured(rows, **values | fields)

    return config


def messages(*, held_out: bool) -> list[dict[str, Any]]:
    """About no topic, one, or two: some pairs of words are kept for the test."""
    named = [(word, [topic]) for topic, words in WORDS.items() for word in words]
    named.append(("hello", []))
    rows = [
        {"text": f"{one} and {two}", "topics": sorted({*about, *also})}
        for one, about in named
        for two, also in named
    ]
    return [row for n, row in enumerate(rows) if (n % 7 == 0) == held_out]


def test_a_task_of_ones_own_is_learned_judged_and_served(
    custom: Callable[..., Config], write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = messages(held_out=True)
    config = custom(
        messages(held_out=False), learning_rate=3e-3, batch_size=16, epochs=8,
        warmup=0.1, validation_data=write(rows, "validation.jsonl"), checkpoints={"every": 1000},
    )  # fmt: skip
    summary = train(config)
    assert summary["validation_micro_f1"] >= 0.9
    assert (Path(config.output) / "topics.py").is_file()
    monkeypatch.setenv("AZUREML_MODEL_DIR", config.output)
    score.init()
    answers = score.run(json.dumps({"text": [row["text"] for row in rows]}))
    said = [sorted(t for t, v in a["outputs"].items() if v > 0) for a in answers]
    exact = sum(s == row["topics"] for s, row in zip(said, rows, strict=True)) / len(rows)
    assert summary["validation_exact"] == pytest.approx(exact)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("sums[", "sum["), "`metrics` of .*topics.py raised TypeError"),
        (("outputs > 0", "outputs > zero"), "`measure` of .*topics.py raised NameError"),
        (("(outputs, targets, reduction", "(outputs, 1, reduction"), "topics.py:loss raised"),
    ],
)
def test_what_breaks_in_a_tasks_file_stops_the_first_step(
    change: tuple[str, str], said: str, topics: Path, custom: Any
) -> None:
    topics.write_text(topics.read_text().replace(*change, 1))
    with pytest.raises(StoppedError, match=said):
        train(custom(messages(held_out=True)))


@pytest.mark.parametrize(
    ("change", "row", "said"),
    [
        (("", ""), {"text": "x", "topics": ["tax"]}, ":1: the topic tax is none of controller"),
        (("", ""), {"text": "x"}, "row 1: `example` of .* raised KeyError: 'topics'"),
        (("def metrics", "def figures"), {}, "topics.py: no function metrics"),
        (('row.get("text")', 'row["text"]'), {}, "`check` of .* raised KeyError: 'text'"),
        (('"target": [', '"aim": ['), {"text": "x", "topics": []}, "raised KeyError: 'target'"),
        (("float(", "str("), {"text": "x", "topics": []}, "`example` of .* gave {'input_ids'"),
    ],
)
def test_what_a_tasks_file_has_wrong_is_told_with_its_row(
    change: tuple[str, str], row: dict[str, Any], said: str, topics: Path, custom: Any
) -> None:
    topics.write_text(topics.read_text().replace(*change, 1))
    with pytest.raises(MistakesError, match=said):
        train(custom([row]))
