"""Serves what `train.py` made, as the scoring script of a managed online endpoint.

A chat or text model takes {"messages": [{"role": "user", "content": "…"}]} and answers as OpenAI's
chat completions do; of their other fields max_tokens, temperature, top_p, seed and stop count. One
with a head takes {"text": "…"}, or a list of them, and answers with label and probabilities, or,
of a custom task, with its outputs.
"""

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    StoppingCriteriaList,
    StopStringCriteria,
)

LONGEST_ANSWER = 4096
FIELDS = {"messages", "model", "max_tokens", "temperature", "top_p", "seed", "stop"}
ROLES = ("system", "user", "assistant", "tool")

_served: "Served"


class RefusedError(Exception):
    """A request that can't be answered: what is wrong with it."""


def init() -> None:
    """Loads the model that Azure ML has mounted; the server calls it once.

    Raises:
        RuntimeError: there is no model, or it has layers that transformers doesn't know.
    """
    global _served
    _served = Served(Path(os.environ["AZUREML_MODEL_DIR"]))


def run(raw_data: str | bytes) -> Any:
    """The answer to the body of one request; what can't be answered is told with status 400."""
    try:
        return _served.answer(_parsed(raw_data))
    except RefusedError as refusal:
        error = {"code": "BadRequest", "message": str(refusal)}
        return _with_status({"error": error}, 400)


class Served:
    """A model with its tokenizer."""

    def __init__(self, mounted: Path) -> None:
        weights, tokenizer = _folders(mounted)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        architectures = AutoConfig.from_pretrained(weights).architectures or [""]
        self._labels = "SequenceClassification" in architectures[0]
        kind: Any = AutoModelForSequenceClassification if self._labels else AutoModelForCausalLM
        model, found = kind.from_pretrained(weights, dtype="auto", output_loading_info=True)
        if strange := [*found["unexpected_keys"], *found["missing_keys"]]:
            named = ", ".join(sorted(map(str, strange))[:5])
            raise RuntimeError(
                f"{weights} has layers that transformers doesn't know ({named}): load the model in "
                "score.py as the function of `layers.add` makes it"
            )
        if not self._labels and not self._tokenizer.chat_template:
            raise RuntimeError(f"{tokenizer} has no chat template to write messages with")
        self._model: Any = model.to(self._device).eval()
        added = self._tokenizer.added_tokens_decoder
        self._markers = [token.content for token in added.values() if token.special]
        # <|end|> ends a turn of Phi's template, what the tokenizer calls the end ends a text
        names = ("<|end|>", self._tokenizer.eos_token)
        self._ends = [number for number, token in added.items() if token.content in names]

    def answer(self, request: dict[str, Any]) -> Any:
        """A completion, or labels."""
        return self._labelled(request) if self._labels else self._completed(request)

    # ── a label ─────────────────────────────────────────────────────────────────────────────

    @torch.no_grad()
    def _labelled(self, request: dict[str, Any]) -> Any:
        texts = request.get("text")
        alone = isinstance(texts, str)
        texts = [texts] if alone else texts
        if not isinstance(texts, list) or not texts or not all(map(_is_text, texts)):
            raise RefusedError("`text` is no text, and no list of texts.")
        answers = [self._label(text) for text in texts]  # one by one: padding moves no digit
        return answers[0] if alone else answers

    def _label(self, text: str) -> dict[str, Any]:
        ids = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        self._refuse_longer(ids.shape[1])
        outputs = self._model(ids.to(self._device)).logits[0].float()
        names = self._model.config.id2label
        if self._model.config.problem_type == "regression":  # as train.py marks a custom task
            return {"outputs": {names[n]: value for n, value in enumerate(outputs.tolist())}}
        shares = outputs.softmax(-1).tolist()
        probabilities = {names[number]: share for number, share in enumerate(shares)}
        return {"label": max(probabilities, key=probabilities.get), "probabilities": probabilities}  # type: ignore[arg-type]

    # ── a completion ────────────────────────────────────────────────────────────────────────

    @torch.no_grad()
    def _completed(self, request: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(request.keys() - FIELDS):
            raise RefusedError(
                f"`{unknown[0]}` is not taken. There are: {', '.join(sorted(FIELDS))}."
            )
        ids = self._asked(request.get("messages")).to(self._device)
        length = _number(request, "max_tokens", 256, 1, LONGEST_ANSWER)
        temperature = _number(request, "temperature", 0.0, 0, 2)
        top_p = _number(request, "top_p", 1.0, 0, 1)
        seed = _number(request, "seed", 0, 0, 2**63 - 1)
        asked = ids.shape[1]
        self._refuse_longer(asked + int(length))
        sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
        stops, criteria = self._stops(request.get("stop"))
        torch.manual_seed(int(seed))
        made = self._model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=int(length),
            pad_token_id=self._tokenizer.pad_token_id,
            eos_token_id=self._ends,
            stopping_criteria=criteria,
            **(sampling if temperature > 0 and top_p > 0 else {"do_sample": False}),
        )[0, asked:]
        text = self._tokenizer.decode(made, skip_special_tokens=True).strip()
        cut = min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))
        ended = cut < len(text) or int(made[-1]) in self._ends
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": str(request.get("model") or Path(self._model.name_or_path).name),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text[:cut]},
                    "finish_reason": "stop" if ended else "length",
                }
            ],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": len(made),
                "total_tokens": asked + len(made),
            },
        }

    def _asked(self, messages: object) -> torch.Tensor:
        """The tokens of a conversation, asked for an answer."""
        if not isinstance(messages, list) or not messages:
            raise RefusedError("`messages` is no list, or empty.")
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            if not isinstance(message, dict) or not _is_text(message.get("content")):
                raise RefusedError(f"`{where}.content` is no text, or empty.")
            if message.get("role") not in ROLES:
                raise RefusedError(f"`{where}.role` is none of {', '.join(ROLES)}.")
            for marker in self._markers:
                if marker in message["content"]:  # it would be read as a turn nobody wrote
                    raise RefusedError(f"`{where}.content` has {marker} in it.")
        return self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )["input_ids"]

    def _stops(self, stop: object) -> tuple[list[str], StoppingCriteriaList | None]:
        stops = [stop] if isinstance(stop, str) else stop
        if stops is None:
            return [], None
        if not isinstance(stops, list) or not 0 < len(stops) <= 4 or not all(map(_is_text, stops)):
            raise RefusedError("`stop` is no text, and no list of up to four.")
        return stops, StoppingCriteriaList([StopStringCriteria(self._tokenizer, stops)])

    def _refuse_longer(self, tokens: int) -> None:
        longest = self._model.config.max_position_embeddings
        if tokens > longest:
            raise RefusedError(f"{tokens} tokens with the answer; the model takes {longest}.")


def _parsed(raw: str | bytes) -> dict[str, Any]:
    try:
        request = json.loads(raw)
    except (ValueError, TypeError) as error:
        raise RefusedError(f"The body is no JSON: {error}.") from None
    if not isinstance(request, dict):
        raise RefusedError("The body is no JSON object.")
    return request


def _number(request: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = request.get(name, default)
    kinds = (int,) if isinstance(default, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "whole number" if isinstance(default, int) else "number"
        raise RefusedError(f"`{name}` is no {kind} from {least:g} to {most:g}.")
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _folders(mounted: Path) -> tuple[Path, Path]:
    """Where weights and tokenizer are in what train.py wrote, however deep; not a checkpoint's."""
    parts = ("checkpoint-", "adapter")
    known = [f for f in sorted(mounted.rglob("*config.json"), key=lambda f: len(f.parts))
             if not any(p.startswith(parts) for p in f.relative_to(mounted).parts)]  # fmt: skip
    weights = [f.parent for f in known if f.name == "config.json"]
    tokenizers = [f.parent for f in known if f.name == "tokenizer_config.json"]
    if not weights or not tokenizers:
        raise RuntimeError(f"{mounted} has no model with a tokenizer in it")
    return weights[0], tokenizers[0]


def _with_status(body: dict[str, Any], status: int) -> Any:
    """The body with a status, where Azure ML's server runs this; the body alone elsewhere."""
    try:
        from azureml_inference_server_http.api.aml_response import (  # type: ignore[import-not-found]
            AMLResponse,
        )
    except ImportError:
        return body
    return AMLResponse(body, status, json_str=True)
