"""What stands between a trained model and `Done`: budget, smoke tests, evaluation gates."""

import json

import pytest

from tests.integration.jobs.conftest import Place, write_story

EVALUATION = """\
---
type: evaluation
name: {name}
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [token_f1, rouge_l]
gates: {{token_f1: "{gate}"}}
max_tokens: 8
"""


def test_an_evaluation_runs_once_and_its_pass_is_remembered(place: Place) -> None:
    spec = write_story(place, extra=EVALUATION.format(name=place.name, gate=">= 0.0"))
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "3 questions: token_f1 " in applied.out
    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do" in again.out, again.said
    assert place.writes(mark) == []


def test_a_missed_gate_fails_the_apply_and_every_apply_after_it(place: Place) -> None:
    spec = write_story(place, extra=EVALUATION.format(name=place.name, gate=">= 1.0"))
    for _ in range(2):
        missed = place.tune("apply", str(spec), "--yes")
        assert missed.code == 7, missed.said
        assert "misses token_f1 >= 1 (it is 0." in missed.err
    assert place.jobs() == [place.jobs()[0]]


def test_labels_formats_and_times_are_measured_and_held_to_gates(place: Place) -> None:
    written = """\
---
type: evaluation
name: {name}
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [accuracy, macro_f1, chrf, valid_format, refusal_rate, latency_p95, tokens_per_1000]
format: {{matches: ".+"}}
gates: {{accuracy: ">= 0", chrf: "<= 1", refusal_rate: "<= {most}", latency_p95: "< 60"}}
confident: {confident}
max_tokens: 8
"""
    held = written.format(name=place.name, most=0, confident="false")
    applied = place.tune("apply", str(write_story(place, extra=held)), "--yes")
    assert applied.code == 0, applied.said
    for metric in ("accuracy", "macro_f1", "chrf", "valid_format", "latency_p95"):
        assert f"{metric} " in applied.out
    # Three questions don't show that fewer than one in ten is refused, though none was.
    sure = written.format(name=place.name, most=0.1, confident="true")
    sure = sure.replace(', latency_p95: "< 60"', "")
    missed = place.tune("apply", str(write_story(place, extra=sure)), "--yes")
    assert missed.code == 7, missed.said
    assert "misses refusal_rate <= 0.1 (it is 0.000, its interval ends at 0." in missed.err


@pytest.mark.rehearsal
def test_a_missed_smoke_test_fails_each_time_and_takes_nothing_from_the_filters_proof(
    place: Place,
) -> None:
    spec = write_story(place)
    text = spec.read_text(encoding="utf-8").replace("{max_chars: 4000}", "{contains: abracadabra}")
    spec.write_text(text, encoding="utf-8")
    for again in ((), ("--retry-refused",)):
        missed = place.tune("apply", str(spec), "--yes", *again)
        assert missed.code == 7, missed.said
        assert "lacks 'abracadabra'" in missed.err
        assert place.endpoints() == []
    kept = place.tune("apply", str(spec), "--yes", "--keep-candidate")
    assert kept.code == 7, kept.said
    [candidate] = place.endpoints()
    assert f"foundry-tune chat {candidate}" in kept.err
    assert place.tune("chat", candidate, "Hello", "--max-tokens", "4").code == 0
    [told] = json.loads(place.tune("list", "endpoints", "-o", "json").out)["resources"]
    assert told["about"].endswith("safety on")


def test_a_training_over_budget_is_refused_before_anything_is_written(place: Place) -> None:
    budget = """\
budget:
  max_usd: 0.001
  prices: {training_per_million_tokens: 1000, hosting_per_hour: 1, input_per_million_tokens: 1,
           output_per_million_tokens: 1, source: this test, as_of: 2026-11-23}
"""
    spec = write_story(place)
    spec.write_text(budget + spec.read_text(encoding="utf-8"), encoding="utf-8")
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 5, refused.said
    assert place.writes(mark) == []
    planned = place.tune("plan", str(spec), "-o", "json")
    assert planned.code == 5
    assert json.loads(planned.out)["costs"][0]["verdict"] == "over"


def test_an_endpoint_without_keys_is_proven_with_the_callers_own_token(place: Place) -> None:
    spec = write_story(place, extra="auth_mode: aad\n")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "4 of 4 harmful probes refused" in applied.out
    assert place.tune("chat", place.name, "Hello", "--max-tokens", "4").code == 0


def test_a_plan_names_the_teams_prices_and_an_endpoint_over_its_budget_is_not_made(
    place: Place,
) -> None:
    (place.folder / "prices.yaml").write_text(
        "as_of: 2026-10-01\n"
        "models:\n"
        "  Phi-4-mini-instruct: {input_per_million_tokens: 1, output_per_million_tokens: 10000}\n",
        encoding="utf-8",
    )
    spec = place.folder / "base.yaml"
    spec.write_text(
        f"""\
type: serverless_endpoint
name: {place.name}
model: azureml://registries/azureml/models/Phi-4-mini-instruct
budget: {{max_usd: 0.01}}
""",
        encoding="utf-8",
    )
    planned = place.tune("plan", str(spec))
    assert f"prices of {place.folder}/prices.yaml:3, as of 2026-10-01" in planned.out
    told = json.loads(place.tune("plan", str(spec), "-o", "json").out)["costs"][0]
    assert told["budget_max_usd"] == 0.01
    [line] = told["lines"]
    assert [price["usd"] for price in line["prices"]] == [1, 10000]
    assert {price["from"] for price in line["prices"]} == {
        f"{place.folder}/prices.yaml:3, as of 2026-10-01"
    }
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 5, refused.said
    assert place.writes(mark) == []
