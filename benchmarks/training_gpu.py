"""What the training program makes of one GPU: tokens a second, memory, share of the card's peak.

.venv-training/bin/python benchmarks/training_gpu.py             a quarter of an hour on a GPU
.venv-training/bin/python benchmarks/training_gpu.py --dry-run   a tiny shape, on the CPU

Phi-3-mini's real shape with random weights in bf16, LoRA and all weights, through train.py itself,
over packing, attention kernel, compilation and batch. The table goes to the standard output.

Model FLOPs are what the mathematics asks for: of every token of a row (not of padding), 2 for each
weight forward, 2 backward to the activations, 2 backward to the weights that are trained (none for
LoRA's base); and attention over the row itself, 6 · layers · width · its length, half of it masked.
What gradient checkpointing computes twice isn't counted.
"""

import argparse
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parents[1] / "training" / "train.py"
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense bf16 FLOP/s by NVIDIA's data sheets (SXM)."""

REAL = {
    "vocab_size": 32064,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "max_position_embeddings": 131072,
    "sliding_window": 262144,
}
"""Phi-3-mini-128k-instruct's config.json; 3.82 billion weights."""
TINY = REAL | {"vocab_size": 512, "hidden_size": 96, "intermediate_size": 192}
TINY |= {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4}


@dataclass(frozen=True)
class Cell:
    """One way to train."""

    method: str
    packing: bool
    attention: str
    compiled: bool
    batch: int

    @property
    def columns(self) -> list[str]:
        """Its part of a line of the table."""
        said = {True: "yes", False: "no"}
        told = (said[self.packing], self.attention, said[self.compiled], str(self.batch))
        return [self.method, *told]


@dataclass(frozen=True)
class Size:
    """How large the measurement is."""

    shape: dict[str, int]
    length: int
    """Tokens of a sequence."""
    steps: int
    """The first two are left out: they allocate and compile."""
    precision: str


def main() -> int:
    """Measures every cell that there is time for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="a tiny shape on the CPU")
    parser.add_argument("--minutes", type=float, default=14, help="no cell is begun after them")
    options = parser.parse_args()

    import torch

    there = torch.cuda.is_available()
    if not there and not options.dry_run:
        print("There is no GPU here. `--dry-run` takes a tiny shape on the CPU.", file=sys.stderr)
        return 4
    card = torch.cuda.get_device_name() if there else "the CPU, a dry run that says nothing"
    size = Size(REAL, 2048, 8, "bf16")
    cells = list(all_cells())
    if options.dry_run:
        size, cells = Size(TINY, 256, 4, "fp32"), [Cell("lora", True, "sdpa", False, 2)]
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(cells, size, Path(folder), time.monotonic() + options.minutes * 60)
        lines = table(measured, card)
    print("\n".join(lines))
    return 0


def all_cells() -> Iterator[Cell]:
    """The whole product, what is likely best first, so that time runs out on the rest."""
    for batch, compiled, packing, attention, method in itertools.product(
        (4, 16), (False, True), (True, False), ("sdpa", "flash_attention_2"), ("lora", "full")
    ):
        yield Cell(method, packing, attention, compiled, batch)


def measure(
    cells: list[Cell], size: Size, folder: Path, until: float
) -> list[tuple[Cell, list[str]]]:
    """What each cell gives: tokens a second, GiB, model FLOP/s; or why it gives nothing."""
    lengths = write_model_and_data(size, folder)
    found: list[tuple[Cell, list[str]]] = []
    for number, cell in enumerate(cells, 1):
        if time.monotonic() > until:
            found += [(left, ["no time left"]) for left in cells[number - 1 :]]
            break
        print(f"{number}/{len(cells)} {' '.join(cell.columns)}", file=sys.stderr, flush=True)
        steps, said = run(cell, size, folder)
        if len(steps) <= 2:
            found.append((cell, [said]))
            continue
        rate = statistics.median(step["tokens_per_second"] for step in steps[2:])
        memory = max(step["memory_gib"] for step in steps)
        flops = rate * flops_a_token(cell, size.shape, lengths)
        found.append((cell, [f"{rate:,.0f}", f"{memory:.1f}", f"{flops:.3e}"]))
    return found


def run(cell: Cell, size: Size, folder: Path) -> tuple[list[dict[str, float]], str]:
    """The steps that train.py told of before it was ended, and its last words if it ended itself.

    It is killed after its last step: a checkpoint of all weights and the optimizer is 46 GB.
    """
    output = folder / "out" / "-".join(cell.columns)
    config = {
        "model": str(folder),
        "weights": "random",
        "task": "text",
        "training_data": str(folder / "train.jsonl"),
        "output": str(output),
        "method": cell.method,
        "packing": cell.packing,
        "attention": cell.attention,
        "compile": cell.compiled,
        "batch_size": cell.batch,
        "max_seq_length": size.length,
        "precision": size.precision,
        "gradient_checkpointing": cell.method == "full" or cell.batch > 4,
        "max_steps": 10 * size.steps,
        "checkpoints": {"every": 1000},
    }
    file = folder / "train.json"
    file.write_text(json.dumps(config))
    command = [sys.executable, str(PROGRAM), "--config", str(file)]
    last = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        assert program.stdout
        for line in program.stdout:
            last = line.strip() or last
            if line.startswith(f"step {size.steps + 1}/"):
                break
        program.kill()
    metrics = output / "metrics.jsonl"
    lines = metrics.read_text().splitlines() if metrics.is_file() else []
    return [json.loads(line) for line in lines[: size.steps]], last.replace("|", "/")


def flops_a_token(cell: Cell, shape: dict[str, int], lengths: list[int]) -> float:
    """Model FLOPs of a step, a token of a row."""
    width, layers = shape["hidden_size"], shape["num_hidden_layers"]
    inner, heads = shape["intermediate_size"], shape["num_attention_heads"]
    keys = width // heads * shape["num_key_value_heads"]
    a_layer = width * (2 * width + 2 * keys) + 3 * width * inner
    weights = layers * a_layer + width * shape["vocab_size"]  # looking up a token costs nothing
    mean_context = sum(n * n for n in lengths) / sum(lengths)
    return (6 if cell.method == "full" else 4) * weights + 6 * layers * width * mean_context


def table(measured: list[tuple[Cell, list[str]]], card: str) -> list[str]:
    """Lines of Markdown; the share is of the peak of a card that is known."""
    peak = next((flops for name, flops in PEAKS.items() if name in card), None)
    lines = [
        f"Phi-3's shape with random weights on {card}:",
        "",
        "| method | packing | attention | compiled | batch | tokens/s | GiB | FLOP/s | of peak |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cell, figures in measured:
        if len(figures) == 1:
            lines.append(f"| {' | '.join(cell.columns)} | {figures[0]} | | | |")
            continue
        share = f"{float(figures[2]) / peak:.0%}" if peak else "unknown"
        lines.append(f"| {' | '.join([*cell.columns, *figures, share])} |")
    return lines


def write_model_and_data(size: Size, folder: Path) -> list[int]:
    """A model's folder without weights, and rows as long as chats are; gives their lengths."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import Phi3Config, PreTrainedTokenizerFast

    letters = {letter: n for n, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}
    bytes_alone = Tokenizer(models.BPE(vocab=letters, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=bytes_alone, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(folder)
    end = tokenizer.eos_token_id
    Phi3Config(**size.shape, pad_token_id=end, bos_token_id=end, eos_token_id=end).save_pretrained(
        folder
    )
    draw = random.Random(1)
    median = size.length / 5
    lengths = [
        min(size.length, max(8, round(draw.lognormvariate(0, 0.8) * median))) for _ in range(2000)
    ]
    with (folder / "train.jsonl").open("w") as rows:
        for length in lengths:  # a letter is a token, and the end one more
            text = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=length - 1))
            rows.write(json.dumps({"text": text}) + "\n")
    return lengths


if __name__ == "__main__":
    sys.exit(main())
