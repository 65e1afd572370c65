"""Phi-3's forward pass, and its backward pass written by hand.

In the comments: B sequences, T tokens, H hidden, D numbers a head, K key-value heads, each with G
queries. Weights are (out, in), so a linear layer is `x @ W.T` and its weight's gradient `dy.T @ x`.
A gradient is named after what it belongs to: `d_scores` is d loss / d scores.
"""

from dataclasses import dataclass

import numpy as np

from emulator.training.architecture import Floats, Integers, Phi3Config, Weights
from emulator.training.attention import (
    attention_of,
    causal_bias,
    group_queries,
    join_heads,
    merge_heads,
    rotary_angles,
    split_heads,
)

IGNORED = -100
"""The target of a position that the loss leaves out (Hugging Face's number)."""


def loss_and_gradients(
    config: Phi3Config, weights: Weights, gradients: Weights, tokens: Integers, targets: Integers
) -> float:
    """Gives the mean cross-entropy over all targets that count; overwrites `gradients`.

    Both are (B, T), `targets[:, t]` being what must follow `tokens[:, :t + 1]`. Padding belongs on
    the right, where causal attention never sees it.
    """
    layers, final = _run(config, weights, tokens)
    counted = targets != IGNORED
    rows = final.scaled[counted]
    losses, d_logits = _cross_entropy(rows @ _head(config, weights).T, targets[counted])
    d_logits /= len(rows)

    # A tied matrix is both head and embedding: the second use adds to the first one's gradient.
    gradients["model.embed_tokens.weight"].fill(0)
    np.matmul(d_logits.T, rows, out=_head(config, gradients))
    d_final = np.zeros_like(final.scaled)
    d_final[counted] = d_logits @ _head(config, weights)
    d_hidden = _norm_backward(final, d_final, weights, gradients)
    for layer in reversed(layers):
        d_hidden = _layer_backward(config, weights, gradients, layer, d_hidden)
    _add_rows(gradients["model.embed_tokens.weight"], tokens, d_hidden)
    return float(losses.mean())


def summed_loss(
    config: Phi3Config, weights: Weights, tokens: Integers, targets: Integers
) -> tuple[float, int]:
    """Gives the sum of the cross-entropies, and over how many targets it was taken."""
    _, final = _run(config, weights, tokens)
    counted = targets != IGNORED
    scores = final.scaled[counted] @ _head(config, weights).T
    losses, _ = _cross_entropy(scores, targets[counted])
    return float(losses.sum()), len(losses)


def logits(
    config: Phi3Config,
    weights: Weights,
    tokens: Integers,
    attention_mask: Integers | None = None,
    positions: Integers | None = None,
) -> Floats:
    """Gives (B, T, vocabulary); where the mask is 0, no other token attends to the token."""
    _, final = _run(config, weights, tokens, attention_mask, positions)
    return final.scaled @ _head(config, weights).T


def rms_norm(config: Phi3Config, weight: Floats, hidden: Floats) -> tuple[Floats, Floats, Floats]:
    """Gives the scaled numbers, those before scaling, and by what they were made normal."""
    mean_square = np.einsum("...h,...h->...", hidden, hidden)[..., None] / hidden.shape[-1]
    inverse = 1 / np.sqrt(mean_square + config.rms_norm_eps)
    normal = hidden * inverse
    return normal * weight, normal, inverse


def logistic(numbers: Floats) -> Floats:
    """Gives 1 / (1 + e^-x); below -80 the result is 0 to any precision, and e^-x would overflow."""
    result = np.maximum(numbers, -80)
    np.negative(result, out=result)
    np.exp(result, out=result)
    result += 1
    return np.reciprocal(result, out=result)


@dataclass(frozen=True, slots=True)
class _Norm:
    """What RMSNorm's backward pass needs of its forward pass."""

    name: str
    scaled: Floats
    normal: Floats
    inverse: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """What a layer's backward pass needs of its forward pass."""

    name: str
    rotation: tuple[Floats, Floats]
    before: _Norm
    query: Floats
    key: Floats
    value: Floats
    attention: Floats
    attended: Floats
    after: _Norm
    gate: Floats
    up: Floats
    sigmoid: Floats
    inner: Floats


def _head(config: Phi3Config, weights: Weights) -> Floats:
    tied = config.tie_word_embeddings
    return weights["model.embed_tokens.weight" if tied else "lm_head.weight"]


def _run(
    config: Phi3Config,
    weights: Weights,
    tokens: Integers,
    attention_mask: Integers | None = None,
    positions: Integers | None = None,
) -> tuple[list[_Layer], _Norm]:
    length = tokens.shape[1]
    hidden = weights["model.embed_tokens.weight"][tokens]
    cosines, sines = rotary_angles(config, hidden.dtype.str)
    at = slice(length) if positions is None else positions
    rotation = cosines[at], sines[at]
    bias = causal_bias(length, hidden.dtype, attention_mask)
    layers: list[_Layer] = []
    for index in range(config.num_hidden_layers):
        layer, hidden = _layer(config, weights, f"model.layers.{index}", hidden, bias, rotation)
        layers.append(layer)
    return layers, _norm(config, weights, "model.norm.weight", hidden)


def _layer(
    config: Phi3Config,
    weights: Weights,
    name: str,
    hidden: Floats,
    bias: Floats,
    rotation: tuple[Floats, Floats],
) -> tuple[_Layer, Floats]:
    before = _norm(config, weights, f"{name}.input_layernorm.weight", hidden)
    qkv = before.scaled @ weights[f"{name}.self_attn.qkv_proj.weight"].T
    query, key, value = split_heads(config, qkv, rotation)
    attention = attention_of(query, key, bias)
    attended = join_heads(config, attention @ value)
    hidden = hidden + attended @ weights[f"{name}.self_attn.o_proj.weight"].T

    after = _norm(config, weights, f"{name}.post_attention_layernorm.weight", hidden)
    gate_up = after.scaled @ weights[f"{name}.mlp.gate_up_proj.weight"].T
    gate, up = gate_up[..., : config.intermediate_size], gate_up[..., config.intermediate_size :]
    sigmoid = logistic(gate)
    inner = gate * sigmoid
    inner *= up
    hidden = hidden + inner @ weights[f"{name}.mlp.down_proj.weight"].T
    layer = _Layer(
        name=name,
        rotation=rotation,
        before=before,
        query=query,
        key=key,
        value=value,
        attention=attention,
        attended=attended,
        after=after,
        gate=gate,
        up=up,
        sigmoid=sigmoid,
        inner=inner,
    )
    return layer, hidden


def _layer_backward(
    config: Phi3Config, weights: Weights, gradients: Weights, layer: _Layer, d_hidden: Floats
) -> Floats:
    d_scaled = _mlp_backward(config, weights, gradients, layer, d_hidden)
    d_hidden = d_hidden + _norm_backward(layer.after, d_scaled, weights, gradients)
    d_scaled = _attention_backward(config, weights, gradients, layer, d_hidden)
    return d_hidden + _norm_backward(layer.before, d_scaled, weights, gradients)


def _mlp_backward(
    config: Phi3Config, weights: Weights, gradients: Weights, layer: _Layer, d_output: Floats
) -> Floats:
    mlp = f"{layer.name}.mlp"
    d_inner = _linear_backward(weights, gradients, f"{mlp}.down_proj", layer.inner, d_output)
    d_gate_up = np.empty((*d_inner.shape[:-1], 2 * config.intermediate_size), d_inner.dtype)
    # silu(g) = g s, with s = sigmoid(g); its slope is s + g s (1 - s).
    silu = layer.gate * layer.sigmoid
    np.multiply(d_inner, silu, out=d_gate_up[..., config.intermediate_size :])
    silu *= 1 - layer.sigmoid
    silu += layer.sigmoid
    d_inner *= layer.up
    np.multiply(d_inner, silu, out=d_gate_up[..., : config.intermediate_size])
    scaled = layer.after.scaled
    return _linear_backward(weights, gradients, f"{mlp}.gate_up_proj", scaled, d_gate_up)


def _attention_backward(
    config: Phi3Config, weights: Weights, gradients: Weights, layer: _Layer, d_output: Floats
) -> Floats:
    block = f"{layer.name}.self_attn"
    d_attended = _linear_backward(weights, gradients, f"{block}.o_proj", layer.attended, d_output)
    d_heads = group_queries(config, d_attended)
    d_value = layer.attention.swapaxes(-1, -2) @ d_heads
    d_scores = d_heads @ layer.value.swapaxes(-1, -2)
    d_scores -= np.einsum("bkqt,bkqt->bkq", d_scores, layer.attention)[..., None]
    d_scores *= layer.attention
    d_scores *= config.head_size**-0.5
    # A key serves G queries: their rows lie one after another, so this product sums over them.
    d_key = d_scores.swapaxes(-1, -2) @ layer.query
    d_qkv = merge_heads(config, d_scores @ layer.key, d_key, d_value, layer.rotation)
    scaled = layer.before.scaled
    return _linear_backward(weights, gradients, f"{block}.qkv_proj", scaled, d_qkv)


def _linear_backward(
    weights: Weights, gradients: Weights, name: str, inputs: Floats, d_outputs: Floats
) -> Floats:
    rows = d_outputs.reshape(-1, d_outputs.shape[-1])
    np.matmul(rows.T, inputs.reshape(-1, inputs.shape[-1]), out=gradients[f"{name}.weight"])
    return d_outputs @ weights[f"{name}.weight"]


def _norm(config: Phi3Config, weights: Weights, name: str, hidden: Floats) -> _Norm:
    return _Norm(name, *rms_norm(config, weights[name], hidden))


def _norm_backward(norm: _Norm, d_scaled: Floats, weights: Weights, gradients: Weights) -> Floats:
    np.einsum("bth,bth->h", d_scaled, norm.normal, out=gradients[norm.name])
    d_hidden = d_scaled * weights[norm.name]
    mean = np.einsum("bth,bth->bt", d_hidden, norm.normal)[..., None] / d_hidden.shape[-1]
    d_hidden -= norm.normal * mean
    d_hidden *= norm.inverse
    return d_hidden


def _cross_entropy(scores: Floats, wanted: Integers) -> tuple[Floats, Floats]:
    """Gives each row's loss and, in the scores' own memory, its gradient."""
    rows = np.arange(len(wanted))
    scores -= scores.max(axis=-1, keepdims=True)
    losses = -scores[rows, wanted]
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    losses += np.log(total[:, 0])
    scores /= total
    scores[rows, wanted] -= 1
    return losses, scores


def _add_rows(table: Floats, tokens: Integers, rows: Floats) -> None:
    """Adds each token's row to the table's; the same token may occur often."""
    order = np.argsort(tokens, axis=None, kind="stable")
    found, starts = np.unique(tokens.ravel()[order], return_index=True)
    table[found] += np.add.reduceat(rows.reshape(-1, rows.shape[-1])[order], starts, axis=0)
