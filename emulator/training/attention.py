"""The parts of attention that training and decoding share: rotary positions, heads, softmax.

Shapes: qkv (B, T, (K G + 2 K) D), all queries before all keys before all values. Queries become
(B, K, G T, D): those of one key-value head lie together, so that each head is one matrix product.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from emulator.training.architecture import Floats, Integers, Phi3Config

Rotation = tuple[Floats, Floats]


@lru_cache(maxsize=8)
def rotary_angles(config: Phi3Config, dtype: str) -> Rotation:
    """Gives the cosines and the sines of every position, each (positions, D / 2)."""
    exponents = np.arange(0, config.head_size, 2) / config.head_size
    angles = np.arange(config.max_position_embeddings)[:, None] * config.rope_theta**-exponents
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


def causal_bias(
    length: int, dtype: np.dtype[Any], attention_mask: Integers | None = None
) -> Floats:
    """Gives what is added to scores so that no token sees a later one, nor one that is masked."""
    # A quarter: masked twice is still finite, and a row that may see nothing gives no NaN.
    unseen = np.finfo(dtype).min / 4
    bias = np.triu(np.full((length, length), unseen, dtype), 1)
    if attention_mask is None:
        return bias
    masked = np.where(attention_mask == 0, unseen, 0).astype(dtype)
    return bias + masked[:, None, None, None, :]


def split_heads(
    config: Phi3Config, qkv: Floats, rotation: Rotation
) -> tuple[Floats, Floats, Floats]:
    """Gives queries (B, K, G T, D), keys and values (B, K, T, D), the first two rotated."""
    heads = qkv.reshape(*qkv.shape[:2], -1, config.head_size)
    turned = _rotated(heads[:, :, : config.rotated_heads], *rotation)
    query, key = np.split(turned, [config.num_attention_heads], axis=2)
    value = heads[:, :, config.rotated_heads :]
    return group_queries(config, query), key.swapaxes(1, 2), value.swapaxes(1, 2)


def merge_heads(
    config: Phi3Config, query: Floats, key: Floats, value: Floats, rotation: Rotation
) -> Floats:
    """Undoes `split_heads`: turning back is the rotation's own gradient."""
    turned = np.concatenate([_ungrouped(config, query), key.swapaxes(1, 2)], axis=2)
    cosines, sines = rotation
    heads = np.concatenate([_rotated(turned, cosines, -sines), value.swapaxes(1, 2)], axis=2)
    return heads.reshape(*heads.shape[:2], -1)


def attention_of(query: Floats, key: Floats, bias: Floats | None) -> Floats:
    """Gives how much each query attends to each key: (B, K, G T, keys), rows summing to 1."""
    scores = query @ key.swapaxes(-1, -2)
    scores *= query.shape[-1] ** -0.5
    if bias is not None:
        by_query = scores.reshape(*scores.shape[:2], -1, *bias.shape[-2:])
        by_query += bias
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def join_heads(config: Phi3Config, grouped: Floats) -> Floats:
    """Turns (B, K, G T, D) into (B, T, H)."""
    heads = _ungrouped(config, grouped)
    return heads.reshape(*heads.shape[:2], -1)


def group_queries(config: Phi3Config, heads: Floats) -> Floats:
    """Turns (B, T, H) or (B, T, K G, D) into (B, K, G T, D)."""
    sequences, length = heads.shape[:2]
    by_head = heads.reshape(sequences, length, -1, config.head_size).swapaxes(1, 2)
    return by_head.reshape(sequences, config.num_key_value_heads, -1, config.head_size)


def _ungrouped(config: Phi3Config, grouped: Floats) -> Floats:
    sequences, size = grouped.shape[0], config.head_size
    return grouped.reshape(sequences, config.num_attention_heads, -1, size).swapaxes(1, 2)


def _rotated(heads: Floats, cosines: Floats, sines: Floats) -> Floats:
    """Turns each pair (x[i], x[i + D/2]) of a head by its position's angle."""
    half = heads.shape[-1] // 2
    first, second = heads[..., :half], heads[..., half:]
    cosines, sines = cosines[..., None, :], sines[..., None, :]
    turned = np.empty_like(heads, order="C")
    np.multiply(first, cosines, out=turned[..., :half])
    turned[..., :half] -= second * sines
    np.multiply(second, cosines, out=turned[..., half:])
    turned[..., half:] += first * sines
    return turned
