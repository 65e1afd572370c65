"""The losses once more, from their formulas alone: NumPy in double precision, a row at a time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

Floats = NDArray[np.float64]


class Reference:
    """A model's folder, asked for log-probabilities."""

    def __init__(self, folder: Path | str, tokenizer: Path | str | None = None) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer or folder)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def log_p(self, ids: list[int]) -> Floats:
        """log p(token | those before it) for every token of the vocabulary: (length, classes)."""
        with torch.no_grad():
            logits = self._model(torch.tensor([ids])).logits[0].double().numpy()
        logits = logits - logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def points(self, ids: list[int], learned: list[bool]) -> tuple[Floats, list[int]]:
        """Log-probabilities before each learned token, and these tokens."""
        log_p = self.log_p(ids)
        at = [t for t in range(1, len(ids)) if learned[t]]
        return log_p[[t - 1 for t in at]], [ids[t] for t in at]

    def chat(self, messages: list[dict[str, str]], answers: bool) -> tuple[list[int], list[bool]]:
        """A conversation written out by hand as Phi-3's card has it, piece by piece."""
        ids: list[int] = []
        learned: list[bool] = []
        for message in messages:
            answer = message["role"] == "assistant"
            for text, wanted in (
                (f"<|{message['role']}|>\n", not answers),
                (f"{message['content']}<|end|>\n", answer or not answers),
            ):
                tokens = self.tokenizer(text, add_special_tokens=False)["input_ids"]
                ids += tokens
                learned += [wanted] * len(tokens)
        end = self.tokenizer.eos_token_id
        # the end belongs to the last turn, which is the assistant's
        return [*ids, end], [*learned, True]


def entropy(log_p: Floats, targets: list[int]) -> Floats:
    return -log_p[np.arange(len(targets)), targets]


def smoothed(log_p: Floats, targets: list[int], smoothing: float) -> Floats:
    return (1 - smoothing) * entropy(log_p, targets) + smoothing * -log_p.mean(-1)


def focal(log_p: Floats, targets: list[int], gamma: float) -> Floats:
    p = np.exp(log_p[np.arange(len(targets)), targets])
    return -((1 - p) ** gamma) * np.log(p)


def dpo(chosen: float, rejected: float, beta: float) -> float:
    """Of log-likelihood ratios to the reference."""
    return float(np.log(1 + np.exp(-beta * (chosen - rejected))))


def steps(output: Path | str) -> list[dict[str, float]]:
    """The steps that a run wrote down."""
    lines = (Path(output) / "metrics.jsonl").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if "loss" in entry]
