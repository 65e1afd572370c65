"""Teach a softmax regression which intent a message has: a command job of NumPy alone.

    python train.py --train train.jsonl --test test.jsonl --model out/

What is counted of a message, its words or its letters, is chosen by cross-validation over the
training messages; the test messages are looked at once, at the end. It prints the loss of every
tenth epoch and the confusion matrix of the test messages, logs both to the run that it belongs to,
and writes the model as `weights.npz` and `card.json`.
"""

import argparse
import json
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# So small matrices are slower on two cores than on one; numpy reads it when it is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import numpy.typing as npt
from run import Run

Rows = list[tuple[str, str]]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def main() -> int:
    """Train, judge, save; exit code 1 with one line where the data can't be used."""
    options = arguments().parse_args()
    try:
        train, test = read_data(options.train, options.test)
    except (OSError, ValueError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    labels = sorted({label for _, label in train})

    run = Run()
    run.parameters(
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        seed=options.seed,
    )
    found = {
        name: cross_validated(train, labels, pieces, options) for name, pieces in PIECES.items()
    }
    chosen = max(found, key=lambda name: found[name])
    told = "  ".join(f"{name} {value:.3f}" for name, value in found.items())
    print(f"cross-validated accuracy: {told}; {chosen} it is")
    vocabulary = vocabulary_of([text for text, _ in train], PIECES[chosen])
    print(f"{len(train)} messages, {len(labels)} labels, {len(vocabulary)} features")
    model = Model.untrained(len(vocabulary), len(labels), np.random.default_rng(options.seed))
    inputs, targets = features(train, vocabulary, PIECES[chosen]), indices(train, labels)
    for epoch in range(1, options.epochs + 1):
        loss = model.step(inputs, targets, options.learning_rate, options.weight_decay)
        if not np.isfinite(loss):
            print(f"train.py: the loss is {loss} in epoch {epoch}", file=sys.stderr)
            return 1
        if epoch % 10 == 0 or epoch == 1:
            print(f"epoch {epoch:4d}  loss {loss:.4f}", flush=True)
            run.metrics(epoch, loss=loss)

    expected = indices(test, labels)
    answered = model.probabilities(features(test, vocabulary, PIECES[chosen])).argmax(axis=1)
    matrix = confusion(expected, answered, len(labels))
    scores = {
        "accuracy": accuracy(matrix),
        "macro_f1": macro_f1(matrix),
        "cross_validated_accuracy": found[chosen],
    }
    print(table(matrix, labels))
    print("  ".join(f"{name} {value:.3f}" for name, value in scores.items()))
    run.metrics(options.epochs, **scores)
    save(options.model, model, chosen, vocabulary, labels, matrix, scores)
    return 0


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--train", type=Path, required=True, help="JSONL rows of text and label")
    parser.add_argument("--test", type=Path, required=True, help="the same, to judge by")
    parser.add_argument("--model", type=Path, required=True, help="the folder that is written")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=1.0)
    parser.add_argument("--weight-decay", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=7)
    return parser


def read_data(train: Path, test: Path) -> tuple[Rows, Rows]:
    """The rows of both files.

    Raises:
        ValueError: there is nothing to tell apart, or nothing that taught a label of the test.
    """
    learned, judged = read_rows(train), read_rows(test)
    labels = {label for _, label in learned}
    if len(labels) < 2:
        raise ValueError(f"{train}: a classifier needs rows of two labels or more")
    for _, label in judged:
        if label not in labels:
            raise ValueError(f"{test}: the label '{label}' is in no row of {train}")
    if not judged:
        raise ValueError(f"{test}: there is no row to judge by")
    return learned, judged


def read_rows(path: Path) -> Rows:
    """The text and label of every row.

    Raises:
        ValueError: a row is no object with the two strings; with its line.
    """
    rows: Rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row: Any = json.loads(line)
            text, label = row["text"], row["label"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number}: not a row of text and label: {error}") from None
        if not isinstance(text, str) or not isinstance(label, str):
            raise ValueError(f"{path}:{number}: text and label must be strings")  # noqa: TRY004
        rows.append((text, label))
    return rows


Pieces = Callable[[str], "Counter[str]"]


def words(text: str) -> "Counter[str]":
    """Each word as it is."""
    return Counter(re.findall(r"[a-z']+|\d+", text.lower()))


def letters(shortest: int, longest: int) -> Pieces:
    """So many letters in a row, each word with its ends: endings and typos still match."""

    def pieces(text: str) -> "Counter[str]":
        found: Counter[str] = Counter()
        for word, count in words(text).items():
            ended = f" {word} "
            for length in range(shortest, longest + 1):
                for start in range(len(ended) - length + 1):
                    found[ended[start : start + length]] += count
        return found

    return pieces


PIECES: dict[str, Pieces] = {
    "words": words,
    "2-4 letters": letters(2, 4),
    "3-5 letters": letters(3, 5),
}
"""What may be counted of a message."""
FOLDS = 5


def cross_validated(
    rows: Rows, labels: list[str], pieces: Pieces, options: argparse.Namespace
) -> float:
    """The share of messages labelled right by a model that never saw them, a fifth at a time."""
    order = sorted(range(len(rows)), key=lambda row: rows[row][1])  # of each label a fifth
    right = 0
    for fold in range(FOLDS):
        held_out = [rows[row] for row in order[fold::FOLDS]]
        rest = [rows[row] for place, row in enumerate(order) if place % FOLDS != fold]
        if not rest:
            continue
        vocabulary = vocabulary_of([text for text, _ in rest], pieces)
        inputs, targets = features(rest, vocabulary, pieces), indices(rest, labels)
        random = np.random.default_rng(options.seed)
        model = Model.untrained(len(vocabulary), len(labels), random)
        for _ in range(options.epochs):
            model.step(inputs, targets, options.learning_rate, options.weight_decay)
        answered = model.probabilities(features(held_out, vocabulary, pieces)).argmax(axis=1)
        right += int((answered == indices(held_out, labels)).sum())
    return right / len(rows)


def vocabulary_of(texts: list[str], pieces: Pieces) -> dict[str, float]:
    """Every piece in order, and its weight: the rarer among the messages, the more it says."""
    seen = Counter(piece for text in texts for piece in pieces(text))
    return {piece: math.log(len(texts) / seen[piece]) for piece in sorted(seen)}


def features(rows: Rows, vocabulary: dict[str, float], pieces: Pieces) -> Floats:
    """(messages, pieces): term frequency times weight, every message of length one."""
    column = {piece: number for number, piece in enumerate(vocabulary)}
    found = np.zeros((len(rows), len(vocabulary)))
    for row, (text, _) in enumerate(rows):
        for piece, count in pieces(text).items():
            if piece in column:
                found[row, column[piece]] = (1 + math.log(count)) * vocabulary[piece]
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.maximum(lengths, 1e-12)


def indices(rows: Rows, labels: list[str]) -> Integers:
    """The number of each row's label."""
    number = {label: index for index, label in enumerate(labels)}
    return np.array([number[label] for _, label in rows])


@dataclass(slots=True)
class Model:
    """A softmax regression: `weights` (features, labels), `bias` (labels)."""

    weights: Floats
    bias: Floats

    @classmethod
    def untrained(cls, inputs: int, labels: int, random: np.random.Generator) -> "Model":
        """Small random weights."""
        return cls(random.normal(0, 0.01, (inputs, labels)), np.zeros(labels))

    def probabilities(self, inputs: Floats) -> Floats:
        """(messages, labels), rows summing to one."""
        scores = inputs @ self.weights + self.bias
        exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
        return exponents / exponents.sum(axis=1, keepdims=True)

    def step(self, inputs: Floats, targets: Integers, rate: float, decay: float) -> float:
        """One step down the gradient of the mean cross entropy; gives the loss before it."""
        probabilities = self.probabilities(inputs)
        rows = np.arange(len(targets))
        loss = -float(np.log(np.maximum(probabilities[rows, targets], 1e-300)).mean())
        errors = probabilities.copy()
        errors[rows, targets] -= 1
        self.weights -= rate * (inputs.T @ errors / len(targets) + decay * self.weights)
        self.bias -= rate * errors.mean(axis=0)
        return loss


def confusion(expected: Integers, answered: Integers, labels: int) -> Integers:
    """(labels, labels): a row is what was right, a column what was said."""
    matrix = np.zeros((labels, labels), np.int64)
    np.add.at(matrix, (expected, answered), 1)
    return matrix


def accuracy(matrix: Integers) -> float:
    """The share of messages that were labelled right."""
    right: Integers = np.diag(matrix)
    return float(right.sum() / matrix.sum())


def macro_f1(matrix: Integers) -> float:
    """The mean of the labels' F1, each counting alike; 0 for a label that nothing was right of."""
    right: Integers = np.diag(matrix)
    either: Integers = matrix.sum(axis=0) + matrix.sum(axis=1)
    scores: Floats = 2 * right / np.maximum(either, 1)
    return float(scores.mean())


def table(matrix: Integers, labels: list[str]) -> str:
    """The confusion matrix as text."""
    width = max(map(len, labels))
    head = " " * width + "  " + " ".join(f"{label:>{width}}" for label in labels)
    lines = [
        f"{label:<{width}}  " + " ".join(f"{count or '·':>{width}}" for count in row)
        for label, row in zip(labels, matrix.tolist(), strict=True)
    ]
    return "\n".join(["rows: what it is; columns: what was said", head, *lines])


def save(
    folder: Path,
    model: Model,
    pieces: str,
    vocabulary: dict[str, float],
    labels: list[str],
    matrix: Integers,
    scores: dict[str, float],
) -> None:
    """Write the model, and a card that says what it is and how good."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "weights.npz", weights=model.weights, bias=model.bias)
    card = {"labels": labels, "pieces": pieces, "vocabulary": vocabulary}
    card["confusion_matrix"] = matrix.tolist()
    text = json.dumps(card | scores, ensure_ascii=False, indent=1)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
