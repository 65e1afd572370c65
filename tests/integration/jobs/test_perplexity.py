"""How unsure a model is of its own answers: asked for, kept, held, told where nobody can say."""

import json
import math
from pathlib import Path

import pytest

from tests.integration.jobs.conftest import Place, write_story
from tests.integration.jobs.test_answers import asked, kept, write_questions

EVALUATION = """\
---
type: evaluation
name: {name}-eval
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [token_f1, perplexity_of_answers]
gates: {{perplexity_of_answers: "<= {most}"}}
max_tokens: 6
"""


def write(place: Place, most: float) -> Path:
    spec = write_story(place, extra=EVALUATION.format(name=place.name, most=most))
    write_questions(place, 6)
    return spec


def test_the_perplexity_of_answers_is_asked_for_once_kept_and_held(place: Place) -> None:
    applied = place.tune("apply", str(write(place, 1e6)), "--yes", "-o", "json")
    assert applied.code == 0, applied.said
    told = json.loads(applied.out)["evaluations"][0]["scores"]["perplexity_of_answers"]
    answers = kept(place)
    tokens = sum(one["logprob_tokens"] for one in answers)
    assert 6 <= tokens <= sum(one["tokens"] for one in answers)
    assert told == pytest.approx(math.exp(-sum(one["logprob"] for one in answers) / tokens))
    assert told > 1
    mark = place.emulator.control.last_call()
    missed = place.tune("apply", str(write(place, 1)), "--yes")
    assert missed.code == 7, missed.said
    assert "misses perplexity_of_answers <= 1 (it is " in missed.err
    assert asked(place, mark) == 0, "what was answered is not asked again"


def body(name: str, *, code: str = "") -> dict[str, object]:
    """What an endpoint answers that gives no log probabilities, or doesn't take the parameter."""
    if code:
        detail = {"loc": ["body", "logprobs"], "input": True, "msg": "unknown"}
        return {"status": 422, "code": code, "message": "Invalid.", "detail": detail}
    message = {"role": "assistant", "content": "Hi"}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    head = {"id": "x", "object": "chat.completion", "created": 1, "model": name}
    return {**head, "choices": [choice], "usage": usage}


def test_an_endpoint_without_log_probabilities_is_told_by_name_after_one_question_at_most(
    place: Place,
) -> None:
    assert place.tune("apply", str(write_story(place)), "--yes").code == 0
    spec = write(place, 9)
    match = {"path": "/chat/completions", "host": place.name}
    for status, code in ((200, ""), (422, "parameter_not_supported")):
        text = json.dumps(body(place.name, code=code))
        answer = {"status": status, "content_type": "application/json", "body": text}
        place.emulator.control.faults.add({"match": match, "do": {"answer": answer}})
        mark = place.emulator.control.last_call()
        refused = place.tune("apply", str(spec), "--yes")
        assert refused.code == 4, refused.said
        [endpoint] = place.endpoints()
        assert f"endpoint '{endpoint}' gives no log probabilities" in refused.err
        assert f"evaluation.{place.name}-eval: " in refused.err
        assert asked(place, mark) == 1
        place.emulator.control.faults.clear()
