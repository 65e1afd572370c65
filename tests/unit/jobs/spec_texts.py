"""Spec texts that rules are tried on, and how findings are asked for."""

import json
from datetime import date
from pathlib import Path

from jobs.read.examine import examine

TODAY = date(2026, 11, 23)

JOB = """\
type: finetuning
name: xbox-support
task: chat_completion
model: azureml://registries/azureml/models/Phi-4-mini-instruct
training_data: train.jsonl
validation_data: valid.jsonl
hyperparameters: {epochs: 3, batch_size_multiplier: 1, learning_rate: 2e-5}
outputs: {registered_model: {name: xbox-support}}
"""
ENDPOINT = """\
type: serverless_endpoint
name: xbox-support
model: ${{ finetuning.xbox-support.registered_model }}
"""
EVALUATION = """\
type: evaluation
name: xbox-support
endpoint: ${{ serverless_endpoint.xbox-support }}
data: test.jsonl
"""
COMMAND = """\
type: command
name: prepare
command: python prepare.py
environment: azureml:prepare:1
"""
METRICS = """\
raise RuntimeError("read, not run")
def brief(answer, expected, messages): return 1.0
def two(answer, expected): return 1.0
def defaults(answer, expected, messages, strict=True): return 1.0
def any(*all): return 1.0
def named(answer, expected, messages, *, key): return 1.0
async def later(answer, expected, messages): return 1.0
"""


def job(old: str = "", new: str = "") -> str:
    assert old in JOB
    return JOB.replace(old, new) if old else JOB + new


def endpoint(extra: str = "", *, before: str = JOB) -> str:
    return f"{before}---\n{ENDPOINT}{extra}"


def alone(extra: str = "", model: str = "azureml://registries/azureml/models/Phi-4") -> str:
    return f"type: serverless_endpoint\nname: plain\nmodel: {model}\n{extra}"


def evaluation(extra: str = "") -> str:
    return f"{endpoint()}---\n{EVALUATION}{extra}"


def judged(judge: str, extra: str = "") -> str:
    """An evaluation with a judge."""
    return evaluation(f"metrics: [token_f1, {{judge: {{{judge}}}}}]\n{extra}")


def swept(sweep: str) -> str:
    plain = job("{epochs: 3, batch_size_multiplier: 1, learning_rate: 2e-5}", "{}")
    return f"{plain}sweep: {sweep}\n"


def rules_of(folder: Path, text: str, on: date = TODAY) -> set[str]:
    spec = folder / "spec.yaml"
    spec.write_text(text, encoding="utf-8")
    return {finding.rule for finding in examine([spec], on=on).findings}


def conversation(number: int) -> str:
    words = [f"w{number * 31 + i}" for i in range(8)]
    return (
        json.dumps(
            {
                "messages": [
                    {"role": "system", "content": "You are an agent."},
                    {"role": "user", "content": f"How do I {' '.join(words)}?"},
                    {"role": "assistant", "content": f"Like this: {' '.join(reversed(words))}."},
                ]
            }
        )
        + "\n"
    )
