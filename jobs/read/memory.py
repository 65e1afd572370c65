"""How much of a GPU's memory a training takes, estimated from its document and the model's shape.

    weights      full: 4 N (fp32), and p N that autocast keeps of them while it computes in p bytes;
                 lora: p N; qlora: 0.52 bytes for each weight of a linear layer (nf4, its scales
                 quantised too, arXiv 2305.14314), p for the embedding; and 4 T of an adapter
    gradients    4 T
    optimizer    adamw 8 T, adamw_8bit 2 T, lion and sgd 4 T, adafactor T / 250 (rows and columns)
    activations  tokens · layers · (p (8 h + 2 kv + 4 i) + 8 h), after arXiv 2205.05198 with SwiGLU
                 in place of GELU; with gradient_checkpointing p h a layer and all of one layer;
                 eager attention also keeps its scores, (p + 4) heads · length a token and layer
    logits       tokens · vocabulary · (2 p + 12): kept, in float32, their softmax and its gradient;
                 none with a head
    the rest     1 GiB of CUDA's own, and a tenth for what the allocator can't use

N: weights, T: trained ones, p: bytes of the precision (4, or 2), h, kv, i: widths of the model, of
its keys, of its MLP. Tokens: batch_size · max_seq_length, twice as many for a pair. With
`sharding: fsdp` a GPU holds its part of weights, gradients and optimizer, and one layer whole.
"""

from dataclasses import dataclass

from jobs.catalog.machines import Shape
from jobs.spec.training import TrainingJob

_GIB = 1 << 30
_CUDA = 1.0
_LOST = 1.1
_OPTIMIZER_BYTES = {"adamw": 8.0, "adamw_8bit": 2.0, "lion": 4.0, "sgd": 4.0, "adafactor": 1 / 250}
_NF4 = 0.52


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one GPU has to hold, in GiB."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """All of it, with CUDA's own and what is lost between."""
        parts = (self.weights, self.gradients, self.optimizer, self.activations, self.logits)
        return sum(parts) * _LOST + _CUDA

    def __str__(self) -> str:
        parts = {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimizer": self.optimizer,
            "activations": self.activations,
            "logits": self.logits,
        }
        named = ", ".join(f"{name} {value:.1f}" for name, value in parts.items() if value >= 0.05)
        return f"{self.total:.0f} GiB ({named})"


def memory_of(spec: TrainingJob, shape: Shape) -> Memory:
    """What a training takes on each GPU."""
    trained = trained_weights(spec, shape)
    size = 4 if spec.precision == "fp32" else 2
    tokens = spec.batch_size * spec.max_seq_length * (2 if spec.task == "preference" else 1)
    parts = spec.processes if spec.sharding == "fsdp" else 1
    one_layer = size * shape.parameters / shape.layers if parts > 1 else 0
    has_head = spec.layers.head is not None
    return Memory(
        weights=(_weights(spec, shape, trained, size) / parts + one_layer) / _GIB,
        gradients=4 * trained / parts / _GIB,
        optimizer=_OPTIMIZER_BYTES[spec.moved_by.name] * trained / parts / _GIB,
        activations=tokens * _activations(spec, shape, size) / _GIB,
        logits=0 if has_head else tokens * shape.vocabulary * (2 * size + 12) / _GIB,
    )


def trained_weights(spec: TrainingJob, shape: Shape) -> int:
    """How many weights are trained: all, or those of an adapter on every linear layer."""
    head = len(spec.layers.labels or ()) * shape.hidden if spec.layers.head else 0
    if spec.method == "full":
        return shape.parameters + head
    widths = sum(inputs + outputs for inputs, outputs in shape.linear)
    return spec.lora.r * widths * shape.layers + head


def _weights(spec: TrainingJob, shape: Shape, trained: int, size: int) -> float:
    if spec.method == "full":
        return (4 if size == 4 else 4 + size) * shape.parameters
    if spec.method == "lora":
        return size * shape.parameters + 4 * trained
    linear = shape.parameters - shape.embedding
    return _NF4 * linear + size * shape.embedding + 4 * trained


def _activations(spec: TrainingJob, shape: Shape, size: int) -> float:
    """Bytes that are kept of a token."""
    h, i = shape.hidden, shape.intermediate
    layer = size * (8 * h + 2 * shape.key_value + 4 * i) + 8 * h
    if spec.attention == "eager":
        layer += (size + 4) * shape.heads * spec.max_seq_length
    if spec.gradient_checkpointing:
        return shape.layers * size * h + layer
    return shape.layers * layer
