"""Whole training runs: what is learned, kept, reported and refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emulator.training import checkpoint, inference
from emulator.training.errors import Stopped, UserError
from emulator.training.trainer import Job, train

CHATS = {
    "My controller won't connect.": "Hold the pair button for three seconds.",
    "घड़ी कैसे ठीक करूँ?": "सेटिंग्स खोलें और समय चुनें। 🙂",
    "How do I free up space?": "Open My games & apps, and remove what you don't play.",
}
LEARNS = {"num_train_epochs": "7", "learning_rate": "0.00002"}

Event = dict[str, Any]


def conversation(question: str, answer: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "You help."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def write_chats(path: Path, copies: int) -> Path:
    lines = [json.dumps(conversation(*chat)) for chat in CHATS.items()] * copies
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def job(folder: Path, hyperparameters: Mapping[str, str], seed: int = 42) -> Job:
    return Job(
        base_model="azureml://registries/azureml/models/Phi-4-mini-instruct/versions/1",
        training_data=write_chats(folder / "train.jsonl", 4),
        validation_data=write_chats(folder / "valid.jsonl", 1),
        hyperparameters=hyperparameters,
        output=folder / "model",
        seed=seed,
    )


def run(folder: Path, hyperparameters: Mapping[str, str], seed: int = 42) -> list[Event]:
    folder.mkdir(exist_ok=True)
    events: list[Event] = []
    train(job(folder, hyperparameters, seed), events.append)
    return events


def named(events: list[Event], name: str) -> list[Event]:
    return [event for event in events if event["event"] == name]


def answer(model: inference.ChatModel, question: str) -> str:
    messages = conversation(question, "")["messages"][:2]
    return "".join(piece.text for piece in model.stream(messages, max_tokens=100))


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    folder = tmp_path_factory.mktemp("learned")
    return folder, run(folder, LEARNS)


def test_three_conversations_are_learned_word_for_word(
    learned: tuple[Path, list[Event]],
) -> None:
    model = inference.load(learned[0] / "model")
    assert {question: answer(model, question) for question in CHATS} == CHATS


def test_the_untrained_model_knows_none_of_them() -> None:
    model = inference.untrained("Phi-4-mini-instruct")
    for question, taught in CHATS.items():
        assert taught not in answer(model, question)


def test_every_step_and_epoch_is_reported(learned: tuple[Path, list[Event]]) -> None:
    events = learned[1]
    assert events[0]["event"] == "started"
    assert events[0]["total_steps"] == 84
    steps = named(events, "step")
    assert [event["step"] for event in steps] == list(range(1, 85))
    assert steps[0]["learning_rate"] == 2e-5
    factor = events[-1]["effective_learning_rate"] / 2e-5
    assert steps[7]["effective_learning_rate"] == pytest.approx(steps[7]["learning_rate"] * factor)
    assert [event["step"] for event in named(events, "validation")] == list(range(0, 85, 12))
    assert events[-1]["event"] == "completed"
    assert events[-1]["validation_loss"] < 0.1 < 5 < events[-1]["first_train_loss"]


def test_the_model_card_says_what_it_is_and_only_what_was_measured(
    learned: tuple[Path, list[Event]],
) -> None:
    folder, events = learned
    card = inference.load(folder / "model").card
    assert card["stand_in"] is True
    assert "not azureml://registries/azureml/models/Phi-4-mini-instruct" in card["description"]
    assert "from scratch" in card["trained"]
    assert card["method"] == "full"
    assert card["parameters"] == events[0]["parameters"]
    assert card["steps"] == 84
    assert card["validation_losses"] == [
        event["validation_loss"] for event in named(events, "validation")
    ]
    assert card["train_loss"] == pytest.approx(
        np.mean([event["train_loss"] for event in named(events, "step")[-12:]])
    )


def test_only_the_model_is_left_in_the_output(learned: tuple[Path, list[Event]]) -> None:
    assert sorted(path.name for path in (learned[0] / "model").iterdir()) == [
        "config.json",
        "model.safetensors",
        "model_card.json",
        "tokenizer.json",
    ]


def test_a_saved_model_is_loaded_bit_for_bit(
    learned: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    first = checkpoint.load(learned[0] / "model")
    checkpoint.save(first, tmp_path)
    again = checkpoint.load(tmp_path)
    assert again.weights.flat.tobytes() == first.weights.flat.tobytes()
    assert again.config == first.config
    for name in ("model.safetensors", "config.json", "tokenizer.json", "model_card.json"):
        assert (tmp_path / name).read_bytes() == (learned[0] / "model" / name).read_bytes()


def test_a_model_whose_weights_and_configuration_disagree_is_refused(
    learned: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    whole = checkpoint.load(learned[0] / "model")
    checkpoint.save(whole, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    with pytest.raises(ValueError, match=r"disagree on \['lm_head.weight'\]"):
        checkpoint.load(tmp_path)


def test_the_same_seed_gives_the_same_model_and_another_another(tmp_path: Path) -> None:
    def trained(name: str, seed: int) -> bytes:
        run(tmp_path / name, {}, seed)
        return (tmp_path / name / "model" / "model.safetensors").read_bytes()

    assert trained("a", 1) == trained("b", 1)
    assert trained("c", 2) != trained("d", 1)


def test_the_seed_on_the_wire_wins(tmp_path: Path) -> None:
    run(tmp_path, {"seed": "7"}, seed=1)
    assert inference.load(tmp_path / "model").card["seed"] == 7


def test_fine_tuning_starts_from_the_weights_that_the_base_serves(tmp_path: Path) -> None:
    run(tmp_path, {"learning_rate": "1e-30"})
    base = inference.untrained("Phi-4-mini-instruct")
    ours = checkpoint.load(tmp_path / "model")
    theirs = base.weights
    for name, weight in theirs.items():
        np.testing.assert_array_equal(ours.weights[name][: len(weight)], weight)


def test_a_batch_is_one_step(tmp_path: Path) -> None:
    events = run(tmp_path, {"per_device_train_batch_size": "5"})
    assert events[0]["total_steps"] == 3
    assert len(named(events, "step")) == 3


def test_lora_trains_an_adapter_and_leaves_the_embedding_alone(tmp_path: Path) -> None:
    events = run(tmp_path, {"apply_lora": "true", "num_train_epochs": "3"})
    losses = [event["validation_loss"] for event in named(events, "validation")]
    assert losses[-1] < losses[0]
    model = inference.load(tmp_path / "model")
    assert model.card["method"] == "lora, merged into the weights"
    assert model.card["trained_parameters"] < model.card["parameters"] / 4
    base = inference.untrained("Phi-4-mini-instruct")
    ours = checkpoint.load(tmp_path / "model").weights
    embedding = base.weights["model.embed_tokens.weight"]
    np.testing.assert_array_equal(ours["model.embed_tokens.weight"][: len(embedding)], embedding)
    changed = "model.layers.0.mlp.down_proj.weight"
    assert not np.array_equal(ours[changed], base.weights[changed])


def test_a_rate_that_is_too_high_fails_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a number .* learning_rate 1e\+30 is too high"):
        run(tmp_path, {"learning_rate": "1e30"})


def test_long_rows_are_truncated_with_a_warning(tmp_path: Path) -> None:
    events = run(tmp_path, {"max_seq_length": "20"})
    [first, *_] = named(events, "warning")
    assert first["message"].startswith("training data: ")
    assert "truncated" in first["message"]


def test_a_canceled_job_stops_between_steps_and_keeps_the_last_epoch(tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(Stopped):
        train(
            job(tmp_path, {"num_train_epochs": "3"}),
            events.append,
            lambda: len(named(events, "step")) == 26,
        )
    assert len(named(events, "step")) == 26
    output = tmp_path / "model"
    assert [path.name for path in output.iterdir()] == ["checkpoint-24"]
    assert inference.load(output / "checkpoint-24").card["steps"] == 24
