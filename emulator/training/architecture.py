"""The shape of a Phi-3 model, and its weights as named views of one flat buffer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.int64]

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "model_type": ("phi3",),
    "hidden_act": ("silu",),
    "rope_scaling": (None,),
    "partial_rotary_factor": (1, 1.0),
    "sliding_window": (None,),
    "attention_dropout": (0, 0.0),
    "embd_pdrop": (0, 0.0),
    "resid_pdrop": (0, 0.0),
}
"""Settings of Hugging Face's Phi3Config that change the arithmetic, and what is computed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phi3Config:
    """The numbers that shape a model, under the names of Hugging Face's Phi3Config."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    max_position_embeddings: int = 2048
    tie_word_embeddings: bool = True

    @property
    def head_size(self) -> int:
        """Numbers in one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def rotated_heads(self) -> int:
        """Heads that the rotary embedding turns: all queries and all keys."""
        return self.num_attention_heads + self.num_key_value_heads

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every weight's shape, under Hugging Face's names and in its (out, in) layout."""
        hidden, inner = self.hidden_size, self.intermediate_size
        qkv = (self.rotated_heads + self.num_key_value_heads) * self.head_size
        shapes: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (self.vocab_size, hidden)
        }
        for index in range(self.num_hidden_layers):
            layer = f"model.layers.{index}"
            shapes |= {
                f"{layer}.input_layernorm.weight": (hidden,),
                f"{layer}.self_attn.qkv_proj.weight": (qkv, hidden),
                f"{layer}.self_attn.o_proj.weight": (hidden, hidden),
                f"{layer}.post_attention_layernorm.weight": (hidden,),
                f"{layer}.mlp.gate_up_proj.weight": (2 * inner, hidden),
                f"{layer}.mlp.down_proj.weight": (hidden, inner),
            }
        shapes["model.norm.weight"] = (hidden,)
        if not self.tie_word_embeddings:
            shapes["lm_head.weight"] = (self.vocab_size, hidden)
        return shapes

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads a config.json.

        Raises:
            ValueError: a setting changes the arithmetic in a way that this engine doesn't compute.
        """
        for name, computed in NEUTRAL.items():
            value = document.get(name, computed[0])
            if value not in computed:
                raise ValueError(
                    f"config.json: {name} {value!r} is not supported: {computed[0]!r} is"
                )
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in document.items() if name in known})


class Weights(Mapping[str, Floats]):
    """Named arrays that are views of one flat buffer, so that an optimizer walks memory once."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: npt.DTypeLike) -> None:
        sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
        self.flat: Floats = np.zeros(sum(sizes.values()), dtype)
        self._views: dict[str, Floats] = {}
        start = 0
        for name, shape in shapes.items():
            self._views[name] = self.flat[start : start + sizes[name]].reshape(shape)
            start += sizes[name]

    @classmethod
    def holding(cls, arrays: Mapping[str, Floats]) -> Self:
        """Copies arrays into a new buffer."""
        dtype = next(iter(arrays.values())).dtype
        weights = cls({name: array.shape for name, array in arrays.items()}, dtype)
        for name, array in arrays.items():
            weights[name][...] = array
        return weights

    def like(self) -> Self:
        """Gives zeros of the same names, shapes and type."""
        return type(self)({name: view.shape for name, view in self.items()}, self.flat.dtype)

    def __getitem__(self, name: str) -> Floats:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)
