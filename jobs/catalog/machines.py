"""Machines with GPUs, and the shapes of models: `machines.yaml`, typed and asked."""

import re
from functools import cache
from pathlib import Path

import msgspec
import yaml

MACHINES_FILE = Path(__file__).with_name("machines.yaml")


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Machine(_Strict, frozen=True, kw_only=True):
    """A size of machine."""

    size: str
    gpu: str
    gpus: int
    gib: float
    """The memory of one of its GPUs, in GiB."""
    source: str
    bf16: bool = True
    """Whether its GPUs compute in bfloat16 (NVIDIA's do from Ampere on)."""


class Shape(_Strict, frozen=True, kw_only=True):
    """A decoder as the Phi-3 family and Llama's have it: SwiGLU, grouped queries, no biases."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    tied: bool
    """Whether the output layer is the embedding."""

    @property
    def key_value(self) -> int:
        """Width of the keys, and of the values."""
        return self.hidden // self.heads * self.kv_heads

    @property
    def linear(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of a layer's linear layers, as Phi-3 has them fused."""
        h, i = self.hidden, self.intermediate
        return ((h, h + 2 * self.key_value), (h, h), (h, 2 * i), (i, h))

    @property
    def embedding(self) -> int:
        """Weights of the embedding, and of an output layer of its own."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights."""
        norms = 2 * self.hidden
        layer = sum(inputs * outputs for inputs, outputs in self.linear) + norms
        return self.embedding + self.layers * layer + self.hidden


class _Named(_Strict, frozen=True, kw_only=True):
    names: tuple[str, ...]
    shape: Shape


class Machines(_Strict, frozen=True, kw_only=True):
    """The whole file."""

    sources: dict[str, str]
    machines: tuple[Machine, ...]
    cpu: tuple[str, ...]
    models: tuple[_Named, ...]

    def machine(self, size: str) -> Machine | None:
        """A size with GPUs, in any case; None for one without, and for one that isn't known."""
        wanted = size.casefold()
        return next((one for one in self.machines if one.size.casefold() == wanted), None)

    def has_no_gpu(self, size: str) -> bool:
        """Whether a size is of a family without any GPU."""
        found = re.match(r"standard_([a-z]+)", size, re.IGNORECASE)
        family = found[1].upper() if found else ""
        return bool(family) and not family.startswith("N") and family[0] in self.cpu

    def shape(self, model: str) -> Shape | None:
        """The shape of a model by its name in a registry."""
        named = (row for row in self.models if model in row.names)
        return next((row.shape for row in named), None)


@cache
def machines() -> Machines:
    """The list that ships with foundry-tune."""
    written = yaml.load(MACHINES_FILE.read_bytes(), Loader=yaml.CSafeLoader)
    return msgspec.convert(written, Machines)
