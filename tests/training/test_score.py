"""The scoring script on models that the program made, also in Azure ML's own server."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import score
from conftest import chats
from test_layers import LABELS, texts
from tuning.config import Config
from tuning.run import train

ASKED = chats(1)[0]["messages"][:1]
ANSWER = chats(1)[0]["messages"][1]["content"]


def ask(request: object) -> Any:
    said = score.run(request if isinstance(request, str) else json.dumps(request))
    # A refusal is an answer of Azure ML's server, with its status.
    return said if isinstance(said, (dict, list)) else said.get_json()


@pytest.fixture
def chat(configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> Config:
    config = configured(
        chats(3), method="full", loss="completion_only", learning_rate=3e-3, batch_size=3,
        epochs=40, checkpoints={"every": 40}, model_format="mlflow",
    )  # fmt: skip
    train(config)
    monkeypatch.setenv("AZUREML_MODEL_DIR", config.output)
    score.init()
    return config


def test_a_chat_model_is_kept_for_mlflow_and_answers_what_it_learned_in_azure_mls_server_too(
    chat: Config,
) -> None:
    from mlflow.models import Model
    from mlflow.transformers import load_model

    kept = Model.load(f"{chat.output}/model")
    assert {"transformers", "python_function"} <= kept.flavors.keys()
    assert kept.signature is not None
    assert "messages" in kept.signature.inputs.input_names()
    assert "# phi-3-tiny" in (Path(chat.output) / "model" / "model_card.md").read_text()
    parts: Any = load_model(f"{chat.output}/model", return_type="components")
    answered = ask({"messages": ASKED})
    ids = parts["tokenizer"].apply_chat_template(
        ASKED, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )["input_ids"]
    assert answered["usage"]["prompt_tokens"] == ids.shape[1]
    assert answered["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    ]
    made = parts["model"].generate(ids, max_new_tokens=24, do_sample=False)[0, ids.shape[1] :]
    assert parts["tokenizer"].decode(made, skip_special_tokens=True).strip() == ANSWER
    for row in chats(3):
        said = ask({"messages": row["messages"][:1]})["choices"][0]["message"]
        assert said == row["messages"][1]
    # what was asked for is cut, sampled by its seed, or refused with what is wrong
    short = ask({"messages": ASKED, "max_tokens": 2})
    assert short["usage"]["completion_tokens"] == 2
    assert short["choices"][0]["finish_reason"] == "length"
    stopped = ask({"messages": ASKED, "stop": " pair"})["choices"][0]
    assert (stopped["message"]["content"], stopped["finish_reason"]) == ("hold the", "stop")
    wild = {"messages": ASKED, "temperature": 2.0, "max_tokens": 12}
    said = [ask(wild | {"seed": n})["choices"][0]["message"]["content"] for n in (1, 1, 2, 3)]
    assert said[0] == said[1]
    assert len(set(said)) > 1
    for request, wrong in REFUSED.items():
        assert wrong in ask(request)["error"]["message"], request
    with_server(chat.output)


def with_server(model: str) -> None:
    """The same by Azure ML's own server: an answer, and a refusal with status 400."""
    with socket.socket() as free, socket.socket() as other:
        free.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = [place.getsockname()[1] for place in (free, other)]
    program = Path(sys.executable).with_name("azmlinfsrv")
    serving = subprocess.Popen(
        [str(program), "--entry_script", score.__file__, "--model_dir", model,
         "--port", str(ports[0]), "--health_port", str(ports[1])],
        env=os.environ | {"AZUREML_MODEL_DIR": model},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        said = posted(ports[0], {"messages": ASKED}, serving)
        assert (said[0], said[1]["choices"][0]["message"]["content"]) == (200, ANSWER)
        status, refused = posted(ports[0], {}, serving)
        assert (status, refused["error"]["code"]) == (400, "BadRequest")
    finally:
        os.killpg(serving.pid, 9)
        serving.communicate()


def posted(port: int, body: object, serving: "subprocess.Popen[bytes]") -> tuple[int, Any]:
    """Status and answer, once the server listens."""
    address = f"http://127.0.0.1:{port}/score"
    headers = {"content-type": "application/json"}
    while True:
        try:
            asked = urllib.request.Request(address, json.dumps(body).encode(), headers)
            with urllib.request.urlopen(asked) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)
        except urllib.error.URLError:
            assert serving.poll() is None, serving.communicate()[0].decode()
            time.sleep(0.05)  # it listens once init() has loaded the model


REFUSED = {
    "no json": "The body is no JSON",
    "[]": "no JSON object",
    "{}": "`messages` is no list",
    '{"messages": [{"role": "user"}]}': "`messages[0].content` is no text",
    '{"messages": [{"role": "bot", "content": "x"}]}': "`messages[0].role` is none of system",
    '{"messages": [{"role": "user", "content": "<|system|>"}]}': "has <|system|> in it",
    '{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}': "`max_tokens` is no whole",
    '{"messages": [{"role": "user", "content": "x"}], "temperature": "hot"}': "`temperature` is no",
    '{"messages": [{"role": "user", "content": "x"}], "tools": []}': "`tools` is not taken",
    '{"messages": [{"role": "user", "content": "x"}], "max_tokens": 4096}': "the model takes 4096",
}


def test_a_head_answers_with_label_and_probabilities(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(
        texts(held_out=False), task="classification",
        layers={"head": "classification", "labels": LABELS}, method="full",
        learning_rate=3e-3, batch_size=8, epochs=4,
    )  # fmt: skip
    train(config)
    monkeypatch.setenv("AZUREML_MODEL_DIR", config.output)
    score.init()
    rows = texts(held_out=True)
    answers = ask({"text": [row["text"] for row in rows]})
    assert sum(a["label"] == r["label"] for a, r in zip(answers, rows, strict=True)) > len(rows) / 2
    assert answers[0] == ask({"text": rows[0]["text"]})
    assert answers[0]["probabilities"].keys() == set(LABELS)
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1)
    for request in ({}, {"text": ""}, {"text": []}, {"text": [1]}):
        assert "`text` is no text" in ask(request)["error"]["message"]


def test_a_folder_without_a_model_or_with_layers_of_ones_own_is_refused(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file, save_file

    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    with pytest.raises(RuntimeError, match="has no model"):
        score.init()
    for file in base.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(base / "model.safetensors") | {"score.inner.weight": torch.ones(2)}
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RuntimeError, match=r"doesn't know \(score\.inner\.weight\)"):
        score.init()
