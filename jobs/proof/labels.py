"""Label tasks: accuracy, macro-F1 and the confusion matrix of answers that are one of few words."""

from collections import Counter
from collections.abc import Sequence

from jobs.read.labels import as_label

OTHER = "(none of the labels)"
"""What an answer counts as that is no label."""


def labels_of(written: Sequence[str], expected: Sequence[str]) -> tuple[str, ...]:
    """The labels as written, or else those that the data expects, by name."""
    return tuple(written) or tuple(sorted({text.strip() for text in expected}))


def accuracy(said: Sequence[str], expected: Sequence[str], labels: Sequence[str]) -> list[float]:
    """1 for each answer that is the right label, else 0."""
    pairs = _read(said, expected, labels)
    return [float(ours == theirs != OTHER) for ours, theirs in pairs]


def macro_f1(said: Sequence[str], expected: Sequence[str], labels: Sequence[str]) -> float:
    """The mean of the labels' F1, a rare one counting as much as a common one.

    A label that is neither said nor expected has an F1 of 0, as in scikit-learn.
    """
    counts = confusion(said, expected, labels)
    right = {label: counts[label, label] for label in labels}
    spoken, wanted = Counter[str](), Counter[str]()
    for (truth, answer), count in counts.items():
        wanted[truth] += count
        spoken[answer] += count
    scores = [
        2 * right[label] / (spoken[label] + wanted[label]) if right[label] else 0.0
        for label in labels
    ]
    return sum(scores) / len(scores) if scores else 0.0


def confusion(
    said: Sequence[str], expected: Sequence[str], labels: Sequence[str]
) -> Counter[tuple[str, str]]:
    """How often each label (first) was answered with each (second), `OTHER` among them."""
    return Counter((theirs, ours) for ours, theirs in _read(said, expected, labels))


def _read(
    said: Sequence[str], expected: Sequence[str], labels: Sequence[str]
) -> list[tuple[str, str]]:
    """Each answer and what was expected, as labels."""
    by_text = {as_label(label): label for label in labels}
    return [
        (by_text.get(as_label(ours), OTHER), by_text.get(as_label(theirs), OTHER))
        for ours, theirs in zip(said, expected, strict=True)
    ]
