"""The loss of a step is the one of the formula, however the step is cut up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from conftest import chats
from reference import Reference, steps
from tuning.config import Config
from tuning.run import train

NEAR = 1e-5

FORMULAS: dict[str, tuple[dict[str, Any], bool, Callable[..., Any]]] = {
    "cross_entropy": ({}, False, reference.entropy),
    "completion_only": ({}, True, reference.entropy),
    "label_smoothing": (
        {"smoothing": 0.2, "completion_only": True},
        True,
        lambda log_p, targets: reference.smoothed(log_p, targets, 0.2),
    ),
    "focal": ({"gamma": 1.5}, False, lambda log_p, targets: reference.focal(log_p, targets, 1.5)),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("cut", [{"batch_size": 6}, {"batch_size": 2, "accumulation": 3}])
def test_a_steps_loss_is_the_formulas(
    name: str, cut: dict[str, int], base: Path, configured: Callable[..., Config]
) -> None:
    options, answers, formula = FORMULAS[name]
    rows = chats(6)
    config = configured(rows, loss={"name": name, **options}, max_steps=1, method="full", **cut)
    train(config)
    model = Reference(base)
    losses = [formula(*model.points(*model.chat(row["messages"], answers=answers))) for row in rows]
    assert steps(config.output)[0]["loss"] == pytest.approx(np.concatenate(losses).mean(), abs=NEAR)


@pytest.mark.parametrize("answers", [False, True])
def test_the_loss_of_texts_is_of_all_or_of_completions(
    answers: bool, base: Path, configured: Callable[..., Config]
) -> None:
    rows = [{"prompt": "how do i sync", "completion": " hold the pair button."}]
    if not answers:
        rows.append({"text": "clean the fan"})
    loss = "completion_only" if answers else "cross_entropy"
    train(configured(rows, task="text", loss=loss, max_steps=1, batch_size=2))
    model = Reference(base)
    losses: list[Any] = []
    for row in rows:
        prompt, rest = row.get("prompt", ""), row.get("completion") or row["text"]
        ids, learned = _answered(model, prompt, rest)
        losses.append(reference.entropy(*model.points(ids, [x or not answers for x in learned])))
    step = steps(configured(rows).output)[0]
    assert step["loss"] == pytest.approx(np.concatenate(losses).mean(), abs=NEAR)


def test_dpo_is_the_formula_on_a_model_that_has_moved(
    base: Path, configured: Callable[..., Config]
) -> None:
    rows = [
        {"prompt": "refund?", "chosen": " ask within days.", "rejected": " no."},
        {"prompt": [{"role": "user", "content": "hot"}], "chosen": "clean it", "rejected": "so"},
    ]
    config = configured(
        rows, task="preference", loss={"name": "dpo", "beta": 0.5}, method="full", batch_size=2,
        max_steps=2, learning_rate=1e-3, scheduler="constant", checkpoints={"every": 1},
    )  # fmt: skip
    train(config)
    first, second = steps(config.output)
    assert first["loss"] == pytest.approx(np.log(2), abs=NEAR)
    before, after = Reference(base), Reference(Path(config.output) / "checkpoint-1", base)
    losses: list[float] = []
    for row in rows:
        ratios: list[float] = []
        for which in ("chosen", "rejected"):
            ids, learned = _answered(before, row["prompt"], row[which])
            ratios.append(
                float(
                    -reference.entropy(*after.points(ids, learned)).sum()
                    + reference.entropy(*before.points(ids, learned)).sum()
                )
            )
        losses.append(reference.dpo(ratios[0], ratios[1], 0.5))
    assert second["loss"] == pytest.approx(np.mean(losses), abs=NEAR)
    assert second["loss"] < first["loss"]


def test_a_loss_of_ones_own_is_called_with_logits_and_targets(
    base: Path, tmp_path: Path, configured: Callable[..., Config]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch.nn.functional import cross_entropy\n"
        "def twice(logits, targets):\n"
        "    return 2 * cross_entropy(logits, targets, reduction='none')\n"
    )
    rows = chats(3)
    loss = {"name": "custom", "function": f"{file}:twice", "completion_only": True}
    config = configured(rows, loss=loss, max_steps=1, batch_size=3)
    train(config)
    model = Reference(base)
    losses = [
        reference.entropy(*model.points(*model.chat(r["messages"], answers=True))) for r in rows
    ]
    expected = 2 * np.concatenate(losses).mean()
    assert steps(config.output)[0]["loss"] == pytest.approx(expected, abs=NEAR)


def test_packing_changes_nothing_about_a_steps_loss(
    base: Path, configured: Callable[..., Config]
) -> None:
    rows = chats(6)
    config = configured(rows, packing=True, batch_size=8, max_steps=1, max_seq_length=160)
    train(config)
    model = Reference(base)
    losses = [
        reference.entropy(*model.points(*model.chat(r["messages"], answers=False))) for r in rows
    ]
    assert steps(config.output)[0]["loss"] == pytest.approx(np.concatenate(losses).mean(), abs=NEAR)


def _answered(model: Reference, prompt: Any, answer: str) -> tuple[list[int], list[bool]]:
    if isinstance(prompt, str):
        pieces = [(prompt, False), (answer, True)]
    else:
        asked = f"<|user|>\n{prompt[0]['content']}<|end|>\n<|assistant|>\n"
        pieces = [(asked, False), (f"{answer}<|end|>\n", True)]
    ids: list[int] = []
    learned: list[bool] = []
    for text, wanted in [*pieces, ("<|endoftext|>", True)]:
        tokens = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += tokens
        learned += [wanted] * len(tokens)
    return ids, learned
