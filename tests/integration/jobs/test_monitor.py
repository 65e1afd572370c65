"""`monitor`: what was asked and what it costs, and what no longer holds of what was promoted."""

import json
from typing import Any

import pytest

from emulator.rehearsal.identities import DEVELOPER
from tests.integration.jobs.conftest import Place, write_story
from tests.integration.jobs.test_safety_contract import LEAK, switch_off

pytestmark = pytest.mark.rehearsal

MONITORING_READER = "43d0d8ad-25c7-4714-9337-8ba259a9fe05"
EVALUATION = """\
---
type: evaluation
name: {name}
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: questions.jsonl
metrics: [valid_format, token_f1, latency_p95]
format: {{matches: ".+"}}
gates: {{valid_format: ">= 0.9", token_f1: ">= 0", latency_p95: "< 600"}}
max_tokens: 4
"""


@pytest.fixture
def watched(served: Place) -> Place:
    """A served story whose metrics the developer may read."""
    served.emulator.control.assign(DEVELOPER[1], MONITORING_READER, served.group_id)
    return served


def monitor(place: Place, *arguments: str, code: int = 0) -> Any:
    ran = place.tune("monitor", *arguments, "-o", "json")
    assert ran.code == code, ran.said
    return json.loads(ran.out)


def drift(place: Place, content: str, *, count: int = 1000) -> None:
    """The model behind the endpoint says something else than it was promoted with."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": content},
    }
    match = {"host": f"{place.name}[-.]", "path": "/chat/completions", "count": count}
    place.emulator.control.faults.add({"match": match, "do": {"merge": {"choices": [choice]}}})


def test_calls_tokens_refusals_and_errors_are_what_was_asked(watched: Place) -> None:
    name = watched.name
    before = monitor(watched, name, "--no-canaries")
    for question in ("Hello", "The console is too loud."):
        assert watched.tune("chat", name, question, "--max-tokens", "3").code == 0
    assert watched.tune("chat", name, "[[content-safety-test sexual=6]]").code == 6
    fault = {"match": {"host": f"{name}[-.]", "count": 1}, "do": {"status": 503}}
    watched.emulator.control.faults.add(fault)
    assert watched.tune("chat", name, "Hello", "--max-tokens", "3").code == 0  # asked once more
    after = monitor(watched, name, "--no-canaries")
    assert after["calls"] - before["calls"] == 5
    assert after["errors"] == {"503": 1}
    assert after["refused"]["sexual"] == before["refused"]["sexual"] + 1
    assert after["statuses"]["200"] - before["statuses"]["200"] == 3
    assert 0 < after["tokens"]["written"] - before["tokens"]["written"] <= 9
    assert 0 < after["seconds"]["mean"] <= after["seconds"]["most"]
    assert after["model"] == f"{name}:1"
    assert after["canaries"] is None


def test_hours_without_a_call_are_idle_and_billed(watched: Place) -> None:
    watched.emulator.control.clock.advance(5 * 3600)
    try:
        seen = monitor(watched, watched.name, "--no-canaries")
    finally:
        watched.emulator.control.clock.advance(-5 * 3600)
    assert 4 <= seen["idle_hours"] <= 5
    hosting, tokens = seen["money"]
    assert hosting["what"] == "hosting"
    assert hosting["quantity"].startswith("5.0 hours")
    assert hosting["usd"]["high"] is None, "no page says what an hour costs"
    assert seen["idle"]["usd"]["high"] is None
    assert tokens["quantity"].endswith("written")


def test_the_specs_own_price_makes_money_known(watched: Place) -> None:
    spec = watched.folder / f"{watched.name}.yaml"
    known = "{hosting_per_hour: 2, input_per_million_tokens: 1, output_per_million_tokens: 1, "
    known += "source: the portal, as_of: 2026-11-23}"
    budget = f"budget: {{max_usd: 5, prices: {known}}}\n"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("---\n", f"{budget}---\n", 1), encoding="utf-8")
    watched.emulator.control.clock.advance(3 * 3600)
    try:
        told = watched.tune("monitor", str(spec), "--no-canaries")
    finally:
        watched.emulator.control.clock.advance(-3 * 3600)
    assert told.code == 0, told.said
    assert "6.0" in told.out
    assert "billed all the same: " in told.out
    assert "from the portal" in told.out


def test_what_may_not_be_read_is_said_and_the_canaries_are_asked_all_the_same(
    served: Place,
) -> None:
    told = served.tune("monitor", str(served.folder / f"{served.name}.yaml"))
    assert told.code == 0, told.said
    assert "unverified: you may not read metrics; it takes 'Monitoring Reader'" in told.out
    assert "4 of 4 harmful probes refused, 1 of 1 harmless answered" in told.out
    assert "1 of 1 pass" in told.out
    assert "by all that the spec says" in told.out
    assert "that costs a little money" in told.err


def test_a_name_alone_is_asked_what_it_was_promoted_with(served: Place) -> None:
    seen = monitor(served, served.name)
    assert seen["canaries"]["safety"] == {"passed": True, "failures": []}
    assert [test["state"] for test in seen["canaries"]["tests"]] == ["holds"]
    assert seen["canaries"]["filter"] | {"as_on": ""} == {
        "as_on": "",
        "asked": 20,
        "holds": True,
        "less_safe": [],
        "over_blocked": [],
        "uncompared": 0,
    }
    assert seen["promoted"] is None
    assert "calls" in seen
    assert seen["calls"] is None
    with_spec = monitor(served, served.name, "-f", str(served.folder / f"{served.name}.yaml"))
    assert [test["state"] for test in with_spec["canaries"]["tests"]] == ["holds"]
    assert with_spec["promoted"] is True


def test_a_model_that_drifted_breaks_gates_and_smoke_tests(place: Place) -> None:
    lines = (
        {"messages": [{"role": "user", "content": f"Where is part {number}?"}]}
        for number in range(24)
    )
    answer = {"role": "assistant", "content": "On the shelf."}
    for line in (lines := list(lines)):
        line["messages"].append(answer)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (place.folder / "questions.jsonl").write_text(text, encoding="utf-8")
    spec = write_story(place, extra=EVALUATION.format(name=place.name))
    written = spec.read_text(encoding="utf-8").replace("{max_chars: 4000}", "{min_chars: 1}")
    spec.write_text(written, encoding="utf-8")
    assert place.tune("apply", str(spec), "--yes").code == 0
    held = monitor(place, str(spec))
    assert held["promoted"] is True
    assert {test["state"] for test in held["canaries"]["tests"]} == {"holds"}
    assert [test["name"] for test in held["canaries"]["tests"] if test["kind"] == "gate"] == [
        f"{place.name}.valid_format",
        f"{place.name}.token_f1",
    ]
    told = place.tune("monitor", str(spec))
    assert "0 of 20 answers changed since they were kept, 0 score less" in told.out, told.said
    [valid, _] = held["canaries"]["answers"]
    assert valid | {"word": ""} == {
        "evaluation": place.name,
        "metric": "valid_format",
        "asked": 20,
        "changed": 0,
        "worse": 0,
        "difference": 0,
        "low": 0,
        "high": 0,
        "word": "",
    }
    drift(place, "")
    told = place.tune("monitor", str(spec))
    assert told.code == 7, told.said
    assert "test 1 fails 5 of 5 times (surely at least " in told.out
    assert (
        "valid_format >= 0.9 no longer holds: 0.00 of 20 questions, surely 0.00 to 0." in told.out
    )
    assert "token_f1 >= 0 holds" in told.out
    assert (
        "20 of 20 answers changed since they were kept, 20 score less: valid_format -1" in told.out
    )
    assert ": worse;" in told.out
    assert "no longer holds what it was promoted by" in told.err
    place.emulator.control.faults.clear()
    drift(place, "", count=1)
    once = monitor(place, str(spec), "--questions", "0")
    [test] = once["canaries"]["tests"]
    assert (test["state"], test["asked"], test["seen"]) == ("unsure", 5, 0.8)


def test_a_filter_that_sees_less_than_when_it_was_promoted_is_raised(served: Place) -> None:
    seeded = {"filter": {"category": "sexual", "severity": "medium"}}
    match = {"host": "models.ai", "path": "/chat/", "count": 10_000}
    served.emulator.control.faults.add({"match": match, "do": seeded})
    told = served.tune("monitor", served.name)
    assert told.code == 7, told.said
    assert "20 questions in depth as on " in told.out
    assert ": 1 less safe, 0 over-blocked" in told.out
    assert "it is less safe: harmful (sexual, medium, en): refused, now answered" in told.err


def test_a_filter_that_is_off_or_leaks_is_raised_before_all_else(watched: Place) -> None:
    spec = watched.folder / f"{watched.name}.yaml"
    (watched.folder / "probes.yaml").write_text(LEAK, encoding="utf-8")
    write_story(watched, extra="safety_probes: probes.yaml\n")
    leaking = watched.tune("monitor", str(spec))
    assert leaking.code == 6, leaking.said
    assert "a violence probe was answered instead of refused" in leaking.err
    assert "not by what the spec says now" in leaking.out
    switch_off(watched)
    off = watched.tune("monitor", watched.name, "--no-canaries")
    assert off.code == 6, off.said
    assert "reads back as 'Disabled'" in off.err
    assert "content filter OFF" in off.out


def test_a_time_that_azure_monitor_does_not_keep_is_a_usage_error(place: Place) -> None:
    assert "keeps 93 days" in place.tune("monitor", "x", "--since", "94d").err
    wrong = place.tune("monitor", "x", "--since", "yesterday")
    assert wrong.code == 2
    assert "is not a time like 90m, 24h or 7d" in wrong.err
    spec = write_story(place)
    other = place.tune("monitor", "another", "-f", str(spec))
    assert other.code == 2
    assert "makes no endpoint 'another'" in other.err
