"""The model card: what a stand-in is, in words and numbers that were measured."""

from collections.abc import Mapping
from typing import Any

from emulator.training.architecture import Floats, Weights
from emulator.training.standin import base_seed

NOTICE = (
    "A stand-in made by foundry-tune's emulator, not {base}: a tiny model of Phi-3's architecture"
    " that starts from random weights. It knows nothing but what it was trained on here, and says"
    " nothing about the quality of the model that Azure would train."
)


def of_base(base_model: str, weights: Weights) -> dict[str, Any]:
    """Gives the card of a base model before any fine-tuning."""
    return {
        "name": "foundry-emulator-standin",
        "stand_in": True,
        "stand_in_for": base_model,
        "description": NOTICE.format(base=base_model),
        "trained": "not at all: random weights",
        "parameters": weights.flat.size,
        "base_weights_seed": base_seed(base_model),
    }


def of_training(
    base_model: str,
    weights: Weights,
    adapter: Mapping[str, Floats] | None,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Gives the card of a fine-tuned model; `facts` are the run's own numbers."""
    method = (
        {
            "method": "full",
            "why_not_lora": (
                "Azure's pipeline trains a LoRA adapter (r 8, alpha 128). Beside random weights an"
                " adapter learns too slowly to show anything, so all weights are trained;"
                " apply_lora=true trains an adapter all the same."
            ),
        }
        if adapter is None
        else {
            "method": "lora, merged into the weights",
            "trained_parameters": sum(array.size for array in adapter.values()),
        }
    )
    return {
        **of_base(base_model, weights),
        "trained": "from scratch on the training data alone, tokenizer included",
        **method,
        **facts,
    }
