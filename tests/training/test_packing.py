"""Rows that share a sequence don't see each other, or packing is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from tuning.batches import Collate, pack
from tuning.config import Config
from tuning.errors import MachineError
from tuning.examples import Example
from tuning.model import refuse_leaking


def rows(*lengths: int) -> list[Example]:
    draw = torch.Generator().manual_seed(1)
    ids = [torch.randint(5, 500, (n,), generator=draw).tolist() for n in lengths]
    return [Example(i, [-100, *i[1:]]) for i in ids]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_row_in_a_packed_sequence_is_read_as_if_alone(base: Path, attention: str) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(base, attn_implementation=attention).eval()
    model.config.use_cache = False  # as `load` has it: with a cache, rows do see each other
    examples = rows(9, 5, 12, 3, 7)
    sequences = pack(examples, 20)
    assert len(sequences) == 2
    batch = Collate(pad=0)(sequences)
    batch.pop("targets")
    with torch.no_grad():
        together = model(**batch).logits
        for sequence, logits in zip(sequences, together, strict=True):
            at = 0
            for example in sequence:
                alone = model(torch.tensor([example.input_ids])).logits[0]
                end = at + len(example.input_ids)
                assert (logits[at:end] - alone).abs().max() < 1e-5
                at = end


def test_nothing_is_learned_across_the_edge_of_a_row_or_from_padding() -> None:
    one, other = rows(4, 3)
    batch = Collate(pad=0)([[one, other], [one]])
    inner = [*one.input_ids[1:], -100]
    assert batch["targets"].tolist() == [
        [*inner, *other.input_ids[1:], -100],
        [*inner, -100, -100, -100],
    ]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 0, 1, 2], [0, 1, 2, 3, 0, 1, 2]]


def test_every_row_is_packed_once_and_none_is_too_long() -> None:
    examples = rows(*[1 + n * 7 % 30 for n in range(50)])
    sequences = pack(examples, 32)
    assert sorted(map(id, (e for s in sequences for e in s))) == sorted(map(id, examples))
    sizes = [sum(len(e.input_ids) for e in s) for s in sequences]
    assert max(sizes) <= 32
    assert sum(sizes) / (32 * len(sizes)) > 0.9


class Leaks(nn.Module):
    """A model that takes no notice of positions."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, input_ids: torch.Tensor, **_positions: Any) -> Any:
        return self.inner(input_ids=input_ids)


def test_packing_is_refused_where_rows_would_see_each_other(
    base: Path, configured: Callable[..., Config]
) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    with pytest.raises(MachineError, match="see each other"):
        refuse_leaking(model, configured(packing=True))  # with a cache, they do
    model.config.use_cache = False
    refuse_leaking(model, configured(packing=True))
    with pytest.raises(MachineError, match="lets rows that share a sequence see each other"):
        refuse_leaking(Leaks(model), configured(packing=True))
