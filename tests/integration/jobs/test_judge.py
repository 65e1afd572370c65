"""A judge asked for verdicts: each once, kept, held by gates, paid for, and its nonsense told."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.foundry import data
from tests.integration.jobs.conftest import Place, write_story
from tests.integration.jobs.test_answers import asked, kept, write_questions
from tests.integration.jobs.test_comparisons import BASE

pytestmark = pytest.mark.rehearsal

JUDGE = """\
---
type: serverless_endpoint
name: {name}-judge
model: azureml://registries/azureml/models/Phi-4
budget:
  max_usd: 1000
  prices: {{input_per_million_tokens: 10, output_per_million_tokens: 40, source: this test,
           as_of: 2026-11-23}}
"""
EVALUATION = """\
---
type: evaluation
name: {name}-eval
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics:
  - token_f1
  - judge:
      endpoint: {judge}
      rubric: rubric.md
      max_tokens: 48
max_tokens: 4
{written}
"""
REFERENCE = "${{{{ serverless_endpoint.{name}-judge }}}}"
RUBRIC = "5: says the same as the reference\n1: says something else\n"


def write(
    place: Place, written: str = "", *, judge: str = REFERENCE, served: str = JUDGE, count: int = 6
) -> Path:
    text = EVALUATION.replace("{judge}", judge).replace("{written}", written)
    spec = write_story(place, extra=(served + text).format(name=place.name))
    write_questions(place, count)
    (place.folder / "rubric.md").write_text(RUBRIC, encoding="utf-8")
    return spec


def verdicts(place: Place) -> list[dict[str, Any]]:
    return [one for one in kept(place) if one["model"] == "Phi-4"]


def test_every_answer_is_judged_once_kept_and_told_with_the_judges_agreement(place: Place) -> None:
    compared = f"base: {place.name}-base\ncompare_with: [base]\n"
    gates = 'gates: {{judge: ">= 0", token_f1: ">= 0"}}\n'
    spec = write(place, compared + gates, served=JUDGE + BASE)
    planned = place.tune("plan", str(spec))
    assert f"judged by {place.name}-judge (rubric.md, 1 to 5, twice)" in planned.out, planned.said
    assert f"serverless_endpoint.{place.name}-judge: judge 0." in planned.out
    assert "24 verdicts: " in place.tune("cost", str(spec)).out
    applied = place.tune("apply", str(spec), "--yes", "-o", "json")
    assert applied.code == 0, applied.said
    [found] = json.loads(applied.out)["evaluations"]
    told = found["judge"]
    lines = verdicts(place)
    assert told["verdicts"] == told["asked"] == len(lines) <= 24
    assert told["nonsense"] == 0
    assert told["agreement"]["pairs"] == told["verdicts"] / 2
    assert told["mean"] == 1 + 4 * found["scores"]["judge"]
    assert told["tokens"]["read"] == sum(one["prompt_tokens"] for one in lines)
    money = (10 * told["tokens"]["read"] + 40 * told["tokens"]["written"]) / 1e6
    assert abs(told["usd"]["low"] - money) < 1e-9
    assert {one["metric"] for one in found["comparisons"]} == {"token_f1", "judge"}
    assert "agrees with itself: " in applied.err
    assert all(json.loads(one["answer"])["score"] in range(1, 6) for one in lines)
    names = [asset.name for asset in data.versions(place.session(), f"{place.name}-eval-verdicts")]
    assert names == [f"{place.name}-eval-verdicts"]
    reported = place.tune("report", str(spec), "--markdown")
    assert reported.code == 0, reported.said
    assert "- Judge: agrees with itself: " in reported.out
    assert "| judge |" in reported.out

    mark = place.emulator.control.last_call()
    shutil.rmtree(place.folder / ".foundry-tune")
    again = write(place, compared + 'gates: {{judge: ">= 0.999"}}\n', served=JUDGE + BASE)
    missed = place.tune("apply", str(again), "--yes", "--keep-candidate")
    assert missed.code == 7, missed.said
    assert "misses judge >= 0.999 (it is " in missed.err
    assert asked(place, mark) == 0, "neither an answer nor a verdict, on a machine without any"
    (place.folder / "rubric.md").write_text(RUBRIC + "Be kind.\n", encoding="utf-8")
    other = place.tune("apply", str(again), "--yes", "--keep-candidate", "--retry-refused")
    assert other.code == 7, other.said
    assert asked(place, mark) == len(lines), "another rubric: every verdict anew, and no answer"


def test_a_judge_that_talks_nonsense_scores_nothing_and_is_asked_twice(place: Place) -> None:
    spec = write(place, served=JUDGE, count=2)
    text = spec.read_text(encoding="utf-8").replace(
        "max_tokens: 48", "max_tokens: 48\n      repeats: 1"
    )
    spec.write_text(text, encoding="utf-8")
    message = {"role": "assistant", "content": "I rather like it."}
    body: dict[str, Any] = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip
    alone = place.folder / "judge.yaml"
    alone.write_text(JUDGE.format(name=place.name).removeprefix("---\n"), encoding="utf-8")
    assert place.tune("apply", str(alone), "--yes").code == 0
    unanswered = {"status": 422, "content_type": "application/json", "body": json.dumps({
        "status": 422, "code": "parameter_not_supported", "message": "Invalid.",
        "detail": {"loc": ["body", "response_format"], "input": {}, "msg": "no JSON mode"},
    })}  # fmt: skip
    match = {"path": "/chat/completions", "host": f"{place.name}-judge"}
    faults = place.emulator.control.faults
    faults.add({"match": {**match, "count": 1}, "do": {"answer": unanswered}})
    said = {"status": 200, "content_type": "application/json", "body": json.dumps(body)}
    faults.add({"match": {**match, "count": 4}, "do": {"answer": said}})
    mark = place.emulator.control.last_call()
    failed = place.tune("apply", str(spec), "--yes")
    assert failed.code == 4, failed.said
    assert "2 of 2 verdicts of judge" in failed.err
    assert (
        "have no score from 1 to 5, though asked for twice; 5% may. None is made up." in failed.err
    )
    assert "It said, for one: I rather like it." in failed.err
    assert {one["answer"] for one in verdicts(place)} == {"I rather like it."}
    assert len(verdicts(place)) == 4
    assert asked(place, mark) >= 6
    # A plan rests on the rubric as it was read.
    saved = place.tune("plan", str(spec), "--out", "plan.json")
    assert saved.code == 0, saved.said
    (place.folder / "rubric.md").write_text("Be fair.\n", encoding="utf-8")
    moved = place.tune("apply", "plan.json", "--yes")
    assert moved.code == 11, moved.said
    assert "rubric.md" in moved.said


def test_a_judge_that_is_not_there_is_told_before_anything_is_spent(place: Place) -> None:
    spec = write(place, judge="{name}-nobody", served="")
    mark = place.emulator.control.last_call()
    planned = place.tune("plan", str(spec))
    assert f"there is no endpoint '{place.name}-nobody' to ask as judge" in planned.out
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 4, refused.said
    assert place.writes(mark) == []
