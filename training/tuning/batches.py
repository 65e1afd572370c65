"""From examples to tensors: several rows packed into one sequence, or padded to one length.

`targets[:, t]` is what the logits at t must predict: the labels moved left by one.
"""

import bisect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tuning.examples import Example, Labelled, Pair
from tuning.losses import IGNORED

Batch = dict[str, Tensor]


def pack(examples: Sequence[Example], length: int) -> list[list[Example]]:
    """Examples in sequences of at most `length` tokens: best fit, the longest first."""
    room: list[tuple[int, int]] = []  # (tokens left, number of the sequence), sorted
    packed: list[list[Example]] = []
    order = sorted(range(len(examples)), key=lambda i: -len(examples[i].input_ids))
    for index in order:
        example = examples[index]
        need = len(example.input_ids)
        at = bisect.bisect_left(room, (need, 0))
        left, number = room.pop(at) if at < len(room) else (length, len(packed))
        if number == len(packed):
            packed.append([])
        packed[number].append(example)
        bisect.insort(room, (left - need, number))
    return packed


class Collate:
    """Makes a batch of what a data loader hands it."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, items: Sequence[Any]) -> Batch:
        """Packed sequences, labelled texts, pairs or plain examples, as tensors."""
        if isinstance(items[0], list):
            return self._packed(items)
        if isinstance(items[0], Labelled):
            batch = self._padded([Example(i.input_ids, i.input_ids) for i in items])
            return batch | {"targets": torch.tensor([item.label for item in items])}
        if isinstance(items[0], Pair):
            both = [*(pair.chosen for pair in items), *(pair.rejected for pair in items)]
            reference = torch.tensor([pair.reference for pair in items]).T
            return self._padded(both) | {"reference": reference.contiguous()}
        return self._padded(items)

    def _padded(self, examples: Sequence[Example]) -> Batch:
        longest = max(len(example.input_ids) for example in examples)
        ids = torch.full((len(examples), longest), self._pad)
        labels = torch.full((len(examples), longest + 1), IGNORED)
        mask = torch.zeros((len(examples), longest), dtype=torch.long)
        for row, example in enumerate(examples):
            end = len(example.input_ids)
            ids[row, :end] = torch.tensor(example.input_ids)
            labels[row, :end] = torch.tensor(example.labels)
            mask[row, :end] = 1
        return {"input_ids": ids, "attention_mask": mask, "targets": labels[:, 1:].contiguous()}

    def _packed(self, sequences: Sequence[Sequence[Example]]) -> Batch:
        """Positions begin anew with every row, and no mask is given.

        That is how transformers is told of rows that share a sequence: it lets each attend to
        itself alone. The padding at the end is one more such row, from which nothing is learned.
        """
        rows: list[Batch] = []
        length = max(sum(len(e.input_ids) for e in s) for s in sequences)
        for sequence in sequences:
            filled = sum(len(example.input_ids) for example in sequence)
            padding = [self._pad] * (length - filled)
            parts = [*sequence, Example(padding, [IGNORED] * len(padding))]
            ids = [token for part in parts for token in part.input_ids]
            labels = [label for part in parts for label in part.labels]
            positions = [at for part in parts for at in range(len(part.input_ids))]
            rows.append(
                {
                    "input_ids": torch.tensor(ids),
                    "position_ids": torch.tensor(positions),
                    "targets": torch.tensor([*labels[1:], IGNORED]),
                }
            )
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def tokens_in(batch: Batch) -> Tensor:
    """How many tokens of rows, not of padding, a batch has."""
    if "attention_mask" in batch:
        return batch["attention_mask"].sum()
    return torch.tensor(batch["input_ids"].numel())
