"""Phi-3's forward pass for one sequence that grows, with the past's keys and values kept."""

import numpy as np

from emulator.training.architecture import Floats, Phi3Config, Weights
from emulator.training.attention import (
    attention_of,
    causal_bias,
    join_heads,
    rotary_angles,
    split_heads,
)
from emulator.training.phi3 import logistic, rms_norm


class Decoder:
    """One sequence in the making; `capacity` tokens at most."""

    def __init__(self, config: Phi3Config, weights: Weights, capacity: int) -> None:
        self._config = config
        self._weights = weights
        shape = (config.num_hidden_layers, config.num_key_value_heads, capacity, config.head_size)
        self._keys: Floats = np.empty(shape, weights.flat.dtype)
        self._values: Floats = np.empty(shape, weights.flat.dtype)
        self._length = 0
        embedding = "model.embed_tokens.weight"
        self._embedding = weights[embedding]
        self._head = weights[embedding if config.tie_word_embeddings else "lm_head.weight"]

    def feed(self, tokens: list[int]) -> Floats:
        """Takes in the next tokens and gives the logits of the one that follows them."""
        hidden = self._embedding[tokens][None]
        first, self._length = self._length, self._length + len(tokens)
        cosines, sines = rotary_angles(self._config, hidden.dtype.str)
        rotation = cosines[first : self._length], sines[first : self._length]
        bias = None
        if len(tokens) > 1:
            bias = causal_bias(self._length, hidden.dtype)[first:]
        for index in range(self._config.num_hidden_layers):
            hidden = self._layer(index, hidden, rotation, bias)
        scaled, _, _ = rms_norm(self._config, self._weights["model.norm.weight"], hidden[0, -1])
        return self._head @ scaled

    def _layer(
        self, index: int, hidden: Floats, rotation: tuple[Floats, Floats], bias: Floats | None
    ) -> Floats:
        config, weights, name = self._config, self._weights, f"model.layers.{index}"
        scaled, _, _ = rms_norm(config, weights[f"{name}.input_layernorm.weight"], hidden)
        qkv = scaled @ weights[f"{name}.self_attn.qkv_proj.weight"].T
        query, key, value = split_heads(config, qkv, rotation)
        self._keys[index, :, self._length - key.shape[2] : self._length] = key[0]
        self._values[index, :, self._length - key.shape[2] : self._length] = value[0]
        attention = attention_of(query, self._keys[None, index, :, : self._length], bias)
        attended = attention @ self._values[None, index, :, : self._length]
        joined = join_heads(config, attended)
        hidden = hidden + joined @ weights[f"{name}.self_attn.o_proj.weight"].T

        scaled, _, _ = rms_norm(config, weights[f"{name}.post_attention_layernorm.weight"], hidden)
        gate_up = scaled @ weights[f"{name}.mlp.gate_up_proj.weight"].T
        gate, up = np.split(gate_up, [config.intermediate_size], axis=-1)
        return hidden + (gate * logistic(gate) * up) @ weights[f"{name}.mlp.down_proj.weight"].T
