"""A Phi-3 of a few hundred thousand parameters, its tokenizer, and data; all made here."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before torch is imported: sums are then taken in the same order every time.
os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Phi3Config, Phi3ForCausalLM, PreTrainedTokenizerFast

from tuning.config import Config

torch.set_num_threads(1)

PROGRAM = Path(__file__).parents[2] / "training" / "train.py"
TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}"
    "{% else %}{{ eos_token }}{% endif %}"
)
"""As Phi-3-mini's card has it."""
MARKERS = ["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
QUESTIONS = ["how do i sync my controller", "refund my game", "why is my console so hot"]
ANSWERS = ["hold the pair button.", "ask within fourteen days.", "clean the fan, give it air."]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a model is downloaded: configuration, weights, tokenizer."""
    folder = tmp_path_factory.mktemp("phi-3-tiny")
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=MARKERS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator([*QUESTIONS, *ANSWERS] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=MARKERS[1:],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    architecture = Phi3Config(
        vocab_size=512,
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=0,
    )
    Phi3ForCausalLM(architecture).save_pretrained(folder)
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes rows as JSON Lines."""

    def rows(items: list[dict[str, Any]], name: str = "train.jsonl") -> str:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in items))
        return str(tmp_path / name)

    return rows


@pytest.fixture
def configured(base: Path, tmp_path: Path, write: Callable[..., str]) -> Callable[..., Config]:
    """A configuration over chats; fields as asked."""

    def config(rows: list[dict[str, Any]] | None = None, **fields: Any) -> Config:
        values = {
            "model": str(base),
            "training_data": write(rows or chats(8)),
            "output": str(tmp_path / "out"),
            "precision": "fp32",
            "max_seq_length": 64,
        }
        return Config.model_validate(values | fields)

    return config


def chats(count: int) -> list[dict[str, Any]]:
    """Conversations, each with two turns."""
    return [
        {
            "messages": [
                {"role": "user", "content": QUESTIONS[n % 3]},
                {"role": "assistant", "content": ANSWERS[n % 3]},
                {"role": "user", "content": QUESTIONS[(n + 1) % 3] + "?" * (n % 4)},
                {"role": "assistant", "content": ANSWERS[(n + 1) % 3]},
            ]
        }
        for n in range(count)
    ]
