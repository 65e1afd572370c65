"""Evaluations of an online endpoint: held before it gets traffic, each question asked once."""

import json
from pathlib import Path

import pytest

from jobs.foundry import online
from tests.integration.jobs.conftest import Place
from tests.integration.jobs.test_online_endpoints import deployments, register, write_online

SCORE = """\
import json

def init():
    pass

def run(raw_data):
    text = json.loads(raw_data)["text"]
    return {"label": "refund" if "money" in text else "repair"}
"""
WORSE = SCORE.replace('"money" in text', "True")
ROWS = [
    *({"text": f"I want my money back, for the {n}th time.", "label": "refund"} for n in range(12)),
    *({"text": f"The fan of my console {n} is loud.", "label": "repair"} for n in range(12)),
]
PINNED = ("labels/latest", "versions/1")


def write_measured(
    place: Place, extra: str, *, score: str = SCORE, rows: list[dict[str, object]] | None = None
) -> Path:
    """The endpoint's document with an evaluation of it, and the rows that it asks."""
    spec = write_online(place, PINNED, score=score)
    text = spec.read_text(encoding="utf-8").partition("smoke_tests:")[0]
    evaluation = (
        f"type: evaluation\nname: {place.name}-held\n"
        f"endpoint: ${{{{ online_endpoint.{place.name} }}}}\ndata: rows.jsonl\n{extra}"
    )
    spec.write_text(f"{text}---\n{evaluation}", encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in (ROWS if rows is None else rows))
    (place.folder / "rows.jsonl").write_text(lines, encoding="utf-8")
    return spec


def asked(place: Place, after: int) -> int:
    """How many questions went to the endpoint since a call."""
    return sum(
        call["method"] == "POST" and call["path"].split("?")[0] == "/score"
        for call in place.emulator.control.calls(after=after)
    )


LABELS = 'metrics: [accuracy, macro_f1]\ngates: {accuracy: ">= 0.9"}\n'


def test_a_revision_is_measured_before_it_gets_traffic_and_asked_once(place: Place) -> None:
    register(place)
    spec = write_measured(place, LABELS)
    planned = place.tune("plan", str(spec))
    assert planned.code == 0, planned.said
    kinds = [line.split()[1] for line in planned.out.splitlines() if line.startswith("  + ")]
    assert kinds == ["online_endpoint", "code", "deployment", "evaluation", "traffic"]
    assert "accuracy >= 0.9" in planned.out
    assert "1 to evaluate" in planned.out

    mark = place.emulator.control.last_call()
    applied = place.tune("apply", str(spec), "--yes", "-o", "json")
    assert applied.code == 0, applied.said
    assert asked(place, mark) == len(ROWS)
    [told] = json.loads(applied.out)["evaluations"]
    assert told["scores"] == {"accuracy": 1.0, "macro_f1": 1.0}
    [one] = online.deployments(place.session(), place.name)
    assert told["model"] == f"greeter:1 {one.name}"
    calls = [
        f"{call['method']} {call['path'].split('?')[0].rpartition('/')[2]}"
        for call in place.emulator.control.calls(after=mark)
    ]
    puts = [n for n, call in enumerate(calls) if call == f"PUT {place.name}"]
    assert calls.index("POST score") < puts[-1], "asked before the traffic was moved"

    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do: Azure is as the spec says." in again.out, again.said
    other = write_measured(place, LABELS.replace("0.9", "0.95"))
    held = place.tune("apply", str(other), "--yes")
    assert held.code == 0, held.said
    assert "24 questions: accuracy 1.00, macro_f1 1.00" in held.said
    assert asked(place, mark) == 0
    done = place.tune("apply", str(other), "--yes")
    assert "Nothing to do" in done.out, done.said


@pytest.mark.rehearsal
def test_a_missed_gate_takes_the_revision_down_and_is_remembered(place: Place) -> None:
    register(place)
    applied = place.tune("apply", str(write_measured(place, LABELS)), "--yes")
    assert applied.code == 0, applied.said
    [first] = deployments(place)

    compared = (
        'compare_with: [served]\nmetrics: [accuracy]\ngates: {accuracy: ">= served - 0.02"}\n'
    )
    spec = write_measured(place, compared, score=WORSE)
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 7, refused.said
    assert "misses" in refused.err
    assert "was deleted again; what served before goes on." in refused.err
    assert "accuracy with served (greeter:1 " in refused.said
    assert deployments(place) == {first: 100}
    assert asked(place, mark) == len(ROWS), "what serves has answered before"

    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert again.code == 7, again.said
    assert "no deployment was made for it" in again.err
    assert asked(place, mark) == 0
    assert [call for call in place.writes(mark) if "/deployments/" in call] == []


CHAT = """\
import json

def init():
    pass

def run(raw_data):
    asked = json.loads(raw_data)
    assert set(asked) == {"messages", "max_tokens", "temperature"}, asked
    said = "Clean the fan." if "fan" in asked["messages"][-1]["content"] else "Send it in."
    return {
        "choices": [{"message": {"content": said}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3},
    }
"""
TALKS: list[dict[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"The {part} of console {n} is loud."},
            {"role": "assistant", "content": answer},
        ]
    }
    for n in range(6)
    for part, answer in (("fan", "Clean the fan."), ("drive", "Send it in."))
]
OWN = """\
import json

def init():
    pass

def run(raw_data):
    words = json.loads(raw_data)["inputs"][0]
    return {"predictions": [{"class": 2 if "loud" in words else 1}]}
"""


@pytest.mark.rehearsal
@pytest.mark.parametrize(
    ("score", "extra", "rows", "said"),
    [
        (
            CHAT,
            'metrics: [exact_match, token_f1, tokens_per_1000]\ngates: {exact_match: ">= 0.9"}\n',
            TALKS,
            "12 questions: exact_match 1.00, token_f1 1.00, tokens_per_1000 3000.00",
        ),
        (
            OWN,
            'request: {inputs: ["It says: ${{ row.note }}"]}\nat: predictions.0.class\n'
            'expected: class\nmetrics: [accuracy]\ngates: {accuracy: ">= 0.9"}\n',
            [{"note": f"It is {what}.", "class": n} for n, what in ((1, "dark"), (2, "loud"))],
            "2 questions: accuracy 1.00",
        ),
    ],
    ids=["conversations", "another shape"],
)
def test_a_script_is_asked_as_it_takes_questions(
    place: Place, score: str, extra: str, rows: list[dict[str, object]], said: str
) -> None:
    register(place)
    applied = place.tune(
        "apply", str(write_measured(place, extra, score=score, rows=rows)), "--yes"
    )
    assert applied.code == 0, applied.said
    assert said in applied.said


@pytest.mark.rehearsal
def test_a_script_that_can_not_answer_is_refused_with_what_it_said(place: Place) -> None:
    register(place)
    broken = SCORE.replace('"repair"}', '"repair"} if "7" not in text else {"error": "no sevens"}')
    refused = place.tune("apply", str(write_measured(place, LABELS, score=broken)), "--yes")
    assert refused.code == 7, refused.said
    assert 'it answers with no \'label\': {"error": "no sevens"}' in refused.err
    assert deployments(place) == {}


@pytest.mark.rehearsal
def test_a_killed_evaluation_asks_only_what_it_has_no_answer_to(place: Place) -> None:
    register(place)
    slow = SCORE.replace("    text =", "    import time; time.sleep(0.3)\n    text =")
    spec = write_measured(place, LABELS, score=slow)
    mark = place.emulator.control.last_call()
    running = place.start("apply", str(spec), "--yes")
    while asked(place, mark) < 5:
        assert not running.is_over()
    running.kill()
    [made] = online.deployments(place.session(), place.name)
    kept = sum(
        file.read_text(encoding="utf-8").count("\n")
        for file in (place.folder / ".foundry-tune" / "answers").glob("*.jsonl")
    )
    assert 0 < kept < len(ROWS)
    mark = place.emulator.control.last_call()
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert asked(place, mark) == len(ROWS) - kept
    assert deployments(place) == {made.name: 100}
