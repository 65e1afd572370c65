"""A model against others on the same questions: the base, what is served, an endpoint by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.foundry import data
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session
from jobs.look import inventory
from jobs.plan import desired
from jobs.proof.evaluation import Outcome, measure
from jobs.read.examine import named
from jobs.terminal.progress import Reporter
from tests.integration.jobs.conftest import Place, write_story
from tests.integration.jobs.test_answers import asked, kept, write_questions

pytestmark = pytest.mark.rehearsal

BASE = """\
---
type: serverless_endpoint
name: {name}-base
model: azureml://registries/azureml/models/Phi-4-mini-instruct
"""
EVALUATION = """\
---
type: evaluation
name: {name}-eval
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [token_f1, chrf]
max_tokens: 6
{written}
"""
WITH_BASE = "base: ${{{{ serverless_endpoint.{name}-base }}}}\ncompare_with: [base, served]\n"


def write(
    place: Place, written: str, *, count: int = 40, base: str = BASE, epochs: int = 6
) -> Path:
    text = base + EVALUATION.replace("{written}", written)
    spec = write_story(place, extra=text.format(name=place.name), rows=40, epochs=epochs)
    write_questions(place, count)
    return spec


def test_a_trained_model_is_better_than_its_base_by_what_both_answered(place: Place) -> None:
    gates = 'gates: {{chrf: "> base", token_f1: ">= served - 0.02"}}'
    spec = write(place, WITH_BASE + gates)
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "chrf with base (Phi-4-mini-instruct): +0." in applied.out
    assert "): better; 40 questions show 0." in applied.out
    assert "passes chrf > base: the difference is +0." in applied.out
    assert "token_f1 >= served - 0.02: nothing else is served yet, so it is not held" in applied.out
    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do" in again.out, again.said
    impossible = write(place, WITH_BASE + 'gates: {{chrf: "> base + 0.99"}}')
    missed = place.tune("apply", str(impossible), "--yes")
    assert missed.code == 7, missed.said
    assert "misses chrf > base + 0.99: the difference is +0." in missed.err
    assert asked(place, mark) == 0, "both models' answers are kept"


def test_a_base_that_nobody_serves_is_refused_before_anything_is_spent(place: Place) -> None:
    spec = write(place, "base: nobody\ncompare_with: [base]\n", base="")
    mark = place.emulator.control.last_call()
    planned = place.tune("plan", str(spec))
    assert f"evaluation.{place.name}-eval: there is no endpoint 'nobody' to ask as base" in (
        planned.out
    )
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 4, refused.said
    assert place.writes(mark) == []


def test_a_base_that_another_spec_serves_is_asked_by_its_name(place: Place) -> None:
    alone = place.folder / "base.yaml"
    alone.write_text(BASE.format(name=place.name).removeprefix("---\n"), encoding="utf-8")
    assert place.tune("apply", str(alone), "--yes").code == 0
    spec = write(place, "compare_with: [{name}-base]\n", base="")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert f"chrf with {place.name}-base (Phi-4-mini-instruct): +0." in applied.out


class Held:
    """One evaluation, held by one model after another against what is served."""

    def __init__(self, place: Place, gate: str) -> None:
        self.session: Session = place.session()
        spec = write(place, f'compare_with: [served]\ngates: {{{{chrf: "{gate}"}}}}\n', base="")
        [self.measuring] = desired.read(named([str(spec)]).chapters).measurings

    def endpoint(self, name: str) -> Endpoint:
        return inventory.find_endpoint(self.session, name)

    def of(self, name: str, served: str) -> Outcome:
        others = {"served": self.endpoint(served)} if served else {}
        return measure(self.session, self.endpoint(name), self.measuring, Reporter(), others)


def test_each_further_model_that_is_held_against_the_same_reference_has_less_to_spend(
    place: Place,
) -> None:
    assert place.tune("apply", str(write(place, "", epochs=1)), "--yes").code == 0
    held = Held(place, ">= served - 0.9")
    base, tuned = f"{place.name}-base", place.name
    first = held.of(tuned, base)
    assert "(error rate 0.025)" in first.gates[0]
    assert "(error rate 0.025)" in held.of(tuned, base).gates[0], "the same look once more"
    second = BASE.format(name=f"{place.name}-other").replace("Phi-4-mini-instruct", "Phi-4")
    other = place.folder / "other.yaml"
    other.write_text(second.removeprefix("---\n"), encoding="utf-8")
    made = place.tune("apply", str(other), "--yes")
    assert made.code == 0, made.said
    assert "(error rate 0.0083)" in held.of(f"{place.name}-other-base", base).gates[0]
    assert "(error rate 0.025)" in held.of(tuned, base).gates[0]
    versions = data.versions(held.session, f"{place.name}-eval-answers")
    assert len(versions) == 3, "two that were held and the one they were held against"


def test_what_is_served_is_not_held_against_itself_and_the_first_against_nobody(
    place: Place,
) -> None:
    assert place.tune("apply", str(write(place, "", epochs=1)), "--yes").code == 0
    held = Held(place, "> served")
    for served in ("", place.name):
        outcome = held.of(place.name, served)
        assert outcome.gates == ("chrf > served: nothing else is served yet, so it is not held",)
        assert outcome.comparisons == ()


def test_slices_are_compared_where_there_are_enough_questions(place: Place) -> None:
    spec = write(place, WITH_BASE + "slices: [kind]\n", base=BASE)
    rows = (place.folder / f"{place.name}-test.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [
        f'{{"kind": "{"wifi" if index % 2 else "disc"}", {row[1:]}\n'
        for index, row in enumerate(rows)
    ]
    (place.folder / f"{place.name}-test.jsonl").write_text("".join(lines), encoding="utf-8")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    told = next(line for line in applied.out.splitlines() if "by kind: better for" in line)
    for kind in ("wifi", "disc"):
        assert f"'{kind}' +0." in told


def test_a_metric_of_ones_own_is_measured_and_its_mistakes_are_told_with_their_line(
    place: Place,
) -> None:
    written = 'custom_metrics: {{brief: metrics.py:brief}}\ngates: {{brief: ">= 0.5"}}\n'
    spec = write(place, written, epochs=1, count=12, base="")
    file = place.folder / "metrics.py"
    file.write_text("def brief(answer, expected, messages):\n    return 1 / 0\n", encoding="utf-8")
    failed = place.tune("apply", str(spec), "--yes")
    assert failed.code == 3, failed.said
    assert "metrics.py:2: 'brief' failed at question 1: ZeroDivisionError" in failed.err
    assert "Traceback" not in failed.said
    file.write_text("import nothing_of_this_name\n\n\n" + file.read_text(), encoding="utf-8")
    mark = place.emulator.control.last_call()
    unloadable = place.tune("apply", str(spec), "--yes")
    assert unloadable.code == 3, unloadable.said
    assert "metrics.py:1: could not be loaded: ModuleNotFoundError" in unloadable.err
    for gives, code in (("'much'", 3), ("2.0", 3), ("0.25", 7), ("len(messages) == 1", 0)):
        body = f"def brief(answer, expected, messages):\n    return {gives}\n"
        file.write_text(body, encoding="utf-8")
        ran = place.tune("apply", str(spec), "--yes", "--keep-candidate")
        assert ran.code == code, ran.said
    assert "brief 1.00" in ran.out
    assert asked(place, mark) == 0, "scored anew, and not asked"
    file.write_text(body + "# the same, but another file\n", encoding="utf-8")
    assert "1 to evaluate" in place.tune("plan", str(spec)).out


def test_apply_tells_a_program_all_that_an_evaluation_found(place: Place) -> None:
    written = WITH_BASE + 'gates: {{accuracy: ">= 1", token_f1: "> base"}}\n'
    spec = write(place, written)
    text = spec.read_text(encoding="utf-8").replace("[token_f1, chrf]", "[token_f1, accuracy]")
    budget = """\
budget:
  max_usd: 1000
  prices: {training_per_million_tokens: 1, hosting_per_hour: 1, input_per_million_tokens: 10,
           output_per_million_tokens: 40, source: this test, as_of: 2026-11-23}
"""
    spec.write_text(budget + text, encoding="utf-8")
    missed = place.tune("apply", str(spec), "--yes", "-o", "json")
    assert missed.code == 7, missed.said
    [found] = json.loads(missed.out)["evaluations"]
    assert (found["model"], found["questions"], found["asked"]) == (f"{place.name}:1", 40, 40)
    assert found["answers"].startswith(f"{place.name}-eval-answers:")
    compared = {one["metric"]: one for one in found["comparisons"]}
    assert compared["token_f1"]["with"] == "base"
    assert compared["token_f1"]["low"] < compared["token_f1"]["difference"]
    assert {"by": "length", "slice": "long"}.items() <= compared["token_f1"]["slices"][-1].items()
    assert sum(cell["count"] for cell in found["confusion"]) == 40
    assert found["gates"][0].startswith("passes token_f1 > base")
    assert found["missed"][0].startswith("accuracy >= 1 (it is 0.")
    cost = found["usd_per_1000"]
    assert 0.06 < cost["low"] == cost["high"] < 1, "6 tokens each at most, and their questions"
    assert "1,000 such answers cost 0." in missed.err
    assert "Check the HDMI cable and use another port.: " in missed.err


def test_apply_says_nothing_found_where_there_is_nothing_to_do(place: Place) -> None:
    spec = write(place, "", epochs=1, base="")
    assert place.tune("apply", str(spec), "--yes").code == 0
    again = place.tune("apply", str(spec), "--yes", "-o", "json")
    assert json.loads(again.out)["evaluations"] == []


def test_calls_of_tools_are_asked_for_compared_and_kept(place: Place) -> None:
    assert place.tune("apply", str(write_story(place)), "--yes").code == 0
    spec = write(place, "", count=1, base="", epochs=1)
    text = spec.read_text(encoding="utf-8").replace("[token_f1, chrf]", "[tool_calls]")
    spec.write_text(text, encoding="utf-8")
    stock = {"type": "function", "function": {"name": "stock", "arguments": '{"part": "disc"}'}}
    tool: dict[str, Any] = {
        "name": "stock",
        "parameters": {"type": "object", "properties": {"part": {}}},
    }
    row: dict[str, Any] = {
        "tools": [{"type": "function", "function": tool}],
        "messages": [
            {"role": "user", "content": "Are there discs?"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "a", **stock}]},
        ],
    }
    file = place.folder / f"{place.name}-test.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert place.tune("apply", str(write_story(place, rows=40, epochs=1)), "--yes").code == 0
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    spec.write_text(text, encoding="utf-8")
    # A stand-in is taught no tools, as no serverless Phi takes them: that is told, by name.
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 4, refused.said
    assert "'tools' is not supported by foundry-emulator's stand-in" in refused.err
    # What a model would answer that takes them.
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "b", **stock}]}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
    }
    answer = {"status": 200, "content_type": "application/json", "body": json.dumps(body)}
    match = {"path": "/chat/completions", "host": place.name}
    place.emulator.control.faults.add({"match": match, "do": {"answer": answer}})
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "1 questions: tool_calls 1.00" in applied.out
    [line] = kept(place)
    assert line["tools"] == row["tools"]
    assert line["tool_calls"] == [{"function": stock["function"]}]
