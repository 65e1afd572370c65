"""Makes a folder as a model is downloaded: a Phi-3 of 200,000 parameters, without weights.

python tiny_phi.py FOLDER [--spread 0.02] TEXTS.jsonl …

A training with `weights: random` takes the architecture from it, so that its path can be rehearsed
where no Phi can be downloaded. The tokenizer is a byte-level BPE over the texts. `--spread` is the
deviation of the random weights: Phi's own is 0.02, which is too little for an adapter to learn
anything by heart, since what it lies over stays as it is.
"""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 1024
END = "<|endoftext|>"
MARKERS = [END, "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}"
    "{% else %}{{ eos_token }}{% endif %}"
)
"""As Phi-3-mini's card has it."""
ARCHITECTURE = {
    "architectures": ["Phi3ForCausalLM"],
    "model_type": "phi3",
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "original_max_position_embeddings": 512,
    "tie_word_embeddings": False,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


def make(folder: Path, texts: list[Path], spread: float) -> None:
    """Writes configuration and tokenizer, as `save_pretrained` does."""
    architecture = ARCHITECTURE | {"initializer_range": spread}
    folder.mkdir(parents=True, exist_ok=True)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=MARKERS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(_said(texts), trainer)
    bpe.save(str(folder / "tokenizer.json"))
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": END,
        "additional_special_tokens": MARKERS[1:],
        "chat_template": TEMPLATE,
    }
    for name, content in (("config.json", architecture), ("tokenizer_config.json", tokenizer)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _said(texts: list[Path]) -> Iterator[str]:
    for path in texts:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield from (message["content"] for message in row.get("messages", ()))
            if "text" in row:
                yield row["text"]


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--spread", type=float, default=0.02)
    asked = parser.parse_args()
    make(asked.folder, asked.texts, asked.spread)
    print(f"{asked.folder}: a Phi-3 without weights")
