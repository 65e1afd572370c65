"""Evaluations of online endpoints: what documents may say, what is asked, when they are held."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs import revision
from jobs.foundry.models import ModelVersion
from jobs.foundry.online import Deployment, Online
from jobs.plan import desired
from jobs.plan.deployments import Examination, hosting_steps
from jobs.plan.desired import Measuring
from jobs.plan.hosting import Hosted
from jobs.plan.steps import Action, CodeStep, LaterStep
from jobs.proof.answers import KeptAnswer, as_lines, from_lines, key_of, question_hash
from jobs.proof.questions import questions_of
from jobs.proof.scripted import subject_of
from jobs.proof.slices import slices
from jobs.read.examine import examine
from jobs.read.subjects import subjects
from jobs.spec.measured import filled
from jobs.spec.story import load

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ONLINE = """\
type: online_endpoint
name: intents
model: azureml:intents:3
code_configuration: {code: serve, scoring_script: score.py}
environment: azureml:serving:1
instance_type: Standard_DS3_v2
"""
EVALUATION = """\
---
type: evaluation
name: held
endpoint: ${{ online_endpoint.intents }}
data: rows.jsonl
"""
LABELS = "metrics: [accuracy]\n"
ROWS: list[Any] = [
    {"text": "I want my money back.", "label": "refund"},
    {"text": "The fan is loud.", "label": "repair"},
]
TALK = {
    "messages": [
        {"role": "user", "content": "The fan is loud."},
        {"role": "assistant", "content": "Clean it."},
    ]
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "serve").mkdir()
    (tmp_path / "serve" / "score.py").write_text("def init(): pass\ndef run(raw_data): return 1\n")
    (tmp_path / "rubric.md").write_text("5: right\n1: wrong\n")
    return tmp_path / "spec.yaml"


def write(spec: Path, extra: str = LABELS, rows: list[Any] | None = None) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in (ROWS if rows is None else rows))
    (spec.parent / "rows.jsonl").write_text(lines)
    spec.write_text(f"{ONLINE}{EVALUATION}{extra}")


def measuring_of(spec: Path) -> Measuring:
    [measuring] = desired.read(load(spec).chapters).measurings
    return measuring


# ── what a document may say ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("extra", "rows"),
    [
        (LABELS, ROWS),
        ("metrics: [exact_match, tokens_per_1000]\ncompare_with: [served, phi]\n", [TALK] * 3),
        (
            'request: {inputs: ["${{ row.note }}"]}\nat: predictions.0.label\nexpected: class\n'
            "metrics: [accuracy]\n",
            [{"note": "loud", "class": 1}],
        ),
        ('request: {ask: "${{ row.messages }}"}\nat: said\nmetrics: [exact_match]\n', [TALK]),
        ("metrics: [accuracy]\nlabels: [refund, repair]\nslices: [label]\n", ROWS),
    ],
)
def test_rows_that_a_script_can_be_asked_are_taken(spec: Path, extra: str, rows: list[Any]) -> None:
    write(spec, extra, rows)
    assert [one for one in examine([spec]).findings if one.severity == "error"] == []


@pytest.mark.parametrize(
    ("extra", "rows", "rule", "why", "path"),
    [
        ("metrics: [perplexity_of_answers]\n", ROWS, "FT-S056", "log prob", "metrics[0]"),
        ("metrics: [accuracy, tool_calls]\n", [TALK], "FT-S056", "not offered", "metrics[1]"),
        ("metrics: [refusal_rate]\n", ROWS, "FT-S056", "nothing filters", "metrics[0]"),
        ("metrics: [tokens_per_1000]\n", ROWS, "FT-S056", "only a chat", "metrics[0]"),
        (
            "metrics: [{judge: {endpoint: phi, rubric: rubric.md}}]\n",
            ROWS,
            "FT-S056",
            "a judge grades",
            "metrics[0]",
        ),
        (
            'request: {a: "${{ row.txt }}"}\n',
            ROWS,
            "FT-S055",
            "no 'txt'. Did you mean",
            "request.a",
        ),
        ('request: {a: "${{ row.label }}"}\n', ROWS, "FT-S055", "right answer", "request.a"),
        (
            'request: {a: "${{ rows.text }}"}\n',
            ROWS,
            "FT-S055",
            "is no field of a row",
            "request.a",
        ),
        ("expected: lable\n", ROWS, "FT-S055", "no 'lable'. Did you mean 'label'", "expected"),
        ("at: a..b\n", ROWS, "FT-S055", "is no member", "at"),
        (
            "compare_with: [phi]\n",
            ROWS,
            "FT-S046",
            "compared with what it serves",
            "compare_with[0]",
        ),
        (
            "labels: [refund, repair, repiar]\n",
            ROWS,
            "FT-S043",
            "Did you mean 'repair'",
            "labels[2]",
        ),
        (
            'gates: {accuracy: ">= 0.9"}\nmetrics: [macro_f1]\n',
            ROWS,
            "FT-S025",
            "",
            "gates.accuracy",
        ),
    ],
)
def test_what_can_not_be_held_is_refused_with_its_place(
    spec: Path, extra: str, rows: list[Any], rule: str, why: str, path: str
) -> None:
    write(spec, extra, rows)
    found = [one for one in examine([spec]).findings if one.rule == rule]
    assert [one.path for one in found] == [path], examine([spec]).findings
    assert why in found[0].message
    assert found[0].line > 0


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"text": "loud"}, "`label` is no text, or empty."),
        ({"text": "", "label": "repair"}, "`text` is no text, or empty."),
        ([], "no object."),
    ],
)
def test_a_row_that_can_not_be_asked_is_told_with_its_line(spec: Path, row: Any, why: str) -> None:
    write(spec, rows=[*ROWS, row])
    [found] = [one for one in examine([spec]).findings if one.rule == "FT-T004"]
    assert (Path(found.file).name, found.line) == ("rows.jsonl", 3)
    assert found.message.startswith(why)


def test_a_row_without_the_field_that_is_sent_is_told_with_its_line(spec: Path) -> None:
    extra = 'request: {a: "${{ row.note }}"}\nexpected: class\nmetrics: [accuracy]\n'
    write(spec, extra, [{"note": "x", "class": 1}, {"class": 1}, {"note": "y", "class": None}])
    found = [one for one in examine([spec]).findings if one.rule == "FT-T004"]
    assert [(one.line, one.message) for one in found] == [
        (2, "has no 'note'."),
        (3, "'class' is no text and no number."),
    ]


def test_what_a_script_is_asked_is_nothing_for_a_serverless_endpoint(spec: Path) -> None:
    write(spec, "at: label\n", [TALK])
    text = spec.read_text().partition("---")[2].replace("${{ online_endpoint.intents }}", "phi")
    spec.write_text(text)
    [found] = [one for one in examine([spec]).findings if one.rule == "FT-S055"]
    assert found.path == "at"


def test_an_online_endpoint_of_the_file_is_meant_by_its_name_too(spec: Path) -> None:
    write(spec)
    text = spec.read_text().replace("${{ online_endpoint.intents }}", "intents")
    online, evaluation = text.split("---\n")
    spec.write_text(f"{evaluation}---\n{online}")
    assert [one for one in examine([spec]).findings if one.severity == "error"] == []
    hosting = measuring_of(spec).hosting
    assert hosting is not None
    assert hosting.name == "intents"
    alone = spec.with_name("alone.yaml")
    alone.write_text(evaluation)
    [elsewhere] = desired.read(load(alone).chapters).measurings
    assert elsewhere.hosting is None


def test_a_policy_sees_the_gates_of_an_online_endpoint(spec: Path) -> None:
    write(spec, f'{LABELS}gates: {{accuracy: ">= 0.9"}}\n')
    [judged] = subjects(load(spec))
    assert judged.subject.get("gates") == ("accuracy",)


# ── what is asked, and what is kept ─────────────────────────────────────────────────────────────


def test_a_request_has_the_rows_fields_in_it() -> None:
    row = {"text": "loud", "tags": ["a", "b"], "count": 3}
    template = {"one": "${{ row.tags }}", "two": ["n = ${{ row.count }}, ${{row.tags}}"], "n": 1}
    assert filled(template, row) == {"one": ["a", "b"], "two": ['n = 3, ["a", "b"]'], "n": 1}


def test_a_conversation_is_sent_without_its_last_turn(spec: Path) -> None:
    write(spec, 'request: {ask: "${{ row.messages }}"}\nat: said\nmetrics: [exact_match]\n', [TALK])
    [question] = questions_of(measuring_of(spec))
    assert question.request == {"ask": TALK["messages"][:1]}
    assert (question.expected, question.at) == ("Clean it.", "said")


def test_rows_of_labels_are_sliced_and_read_as_conversations_are(spec: Path) -> None:
    write(spec)
    questions = questions_of(measuring_of(spec))
    assert [one.request for one in questions] == [{"text": row["text"]} for row in ROWS]
    assert slices([one.row for one in questions], "label") == ["refund", "repair"]
    assert [list(one.messages) for one in questions] == [
        [{"role": "user", "content": row["text"]}] for row in ROWS
    ]


def test_an_answer_is_kept_by_all_that_was_sent_and_no_more(spec: Path) -> None:
    write(spec)
    measuring = measuring_of(spec)
    first, second = (key_of(measuring.spec, one) for one in questions_of(measuring))
    assert first != second
    write(spec, "metrics: [accuracy]\nat: class\nexpected: label\nmax_tokens: 9\n")
    other = measuring_of(spec)
    assert key_of(other.spec, questions_of(other)[0]) != first, "another member is another question"
    write(spec, "metrics: [accuracy]\nmax_tokens: 9\n")
    other = measuring_of(spec)
    assert key_of(other.spec, questions_of(other)[0]) == first, "it isn't sent"
    assert measuring.mark("m") == other.mark("m") or other.spec.max_tokens == 9
    answer = KeptAnswer(
        question=first,
        model="intents:3 r-0",
        messages=[],
        max_tokens=256,
        temperature=0.0,
        tools=[],
        expected="refund",
        answer="refund",
        tool_calls=[],
        refused=None,
        finish_reason="stop",
        seconds=0.1,
        tokens=0,
        prompt_tokens=0,
        severities={},
        fingerprint="",
        request={"text": ROWS[0]["text"]},
        at="label",
    )
    assert first in from_lines(as_lines([answer]))
    bent = as_lines([answer]).replace(b"money", b"honey")
    assert from_lines(bent) == {}, "a line that isn't what it says counts as never written"
    assert question_hash([], 1, 0) != first


def test_who_answers_is_the_deployment_and_a_label_means_each_anew() -> None:
    def who(environment: str, **other: str) -> str | None:
        asked = {"deployment": "r-1", "guard": "none", "title": "m:1 r-1", **other}
        subject = subject_of("workspace", environment=environment, **asked)
        return subject.identity if subject else None

    pinned = who("azureml:/projects/p/environments/e/versions/1")
    assert pinned == who("/projects/p/environments/E/versions/1", created="2026-11-29")
    assert pinned != who("/projects/p/environments/e/versions/1", deployment="r-2")
    assert pinned != who("/projects/p/environments/e/versions/1", guard="client_side")
    label = "azureml://registries/azureml/environments/sklearn/labels/latest"
    assert who(label) is None
    assert who(label, created="today") != who(label, created="tomorrow")


# ── when it is held ─────────────────────────────────────────────────────────────────────────────


def test_the_traffic_waits_for_what_is_measured(spec: Path) -> None:
    write(spec, f'{LABELS}gates: {{accuracy: ">= 0.9"}}\n')
    measuring = measuring_of(spec)
    actions = _actions(measuring, None)
    assert [(one.kind, one.type) for one in actions] == [
        ("create", "online_endpoint"),
        ("unchanged", "code"),
        ("create", "deployment"),
        ("create", "evaluation"),
        ("create", "traffic"),
    ]
    assert actions[3].note == "accuracy >= 0.9"


def test_what_was_passed_is_not_held_again_until_it_asks_something_else(spec: Path) -> None:
    write(spec, LABELS)
    measuring = measuring_of(spec)
    there = _deployment(measuring)
    assert _kinds(measuring, there) == ["create"]
    tag = f"{revision.TAG_EVALUATION}.held"
    passed = replace(there, tags={**there.tags, tag: measuring.mark(there.title)})
    assert _kinds(measuring, passed) == ["unchanged"]
    assert {one.kind for one in _actions(measuring, passed)} == {"unchanged"}
    unproven = replace(passed, tags={**passed.tags, revision.TAG_PROOF: ""})
    assert _kinds(measuring, unproven) == ["create"]
    write(spec, f'{LABELS}gates: {{accuracy: ">= 0.9"}}\n')
    assert _kinds(measuring_of(spec), passed) == ["create"]


def test_what_waits_for_a_sweep_is_measured_when_that_is_over(spec: Path) -> None:
    write(spec)
    measuring = measuring_of(spec)
    hosting = measuring.hosting
    assert hosting is not None
    later = Examination(measuring=measuring, is_later=True)
    code = CodeStep(action=_UNCHANGED, code=hosting.code, running=hosting)
    steps = hosting_steps(hosting, [code], None, _hosted(None), NOW, [later])
    assert isinstance(steps[3], LaterStep)
    assert steps[3] in steps[4].needs


def test_the_deployment_that_gets_most_of_the_traffic_is_what_serves(spec: Path) -> None:
    write(spec)
    one = _deployment(measuring_of(spec))
    two = replace(one, name="r-bbbbbbbbbb")
    hosted = replace(_hosted(one), deployments=(one, two))
    assert hosted.served == one
    endpoint = hosted.endpoint
    assert endpoint is not None
    split = replace(endpoint, traffic={one.name: 10, two.name: 90})
    assert replace(hosted, endpoint=split).served == two
    assert replace(hosted, endpoint=replace(endpoint, traffic={})).served is None


_UNCHANGED = Action(kind="unchanged", type="code", name="c")


def _kinds(measuring: Measuring, there: Deployment) -> list[str]:
    return [one.kind for one in _actions(measuring, there) if one.type == "evaluation"]


def _actions(measuring: Measuring, there: Deployment | None) -> list[Action]:
    hosting = measuring.hosting
    assert hosting is not None
    code = CodeStep(action=_UNCHANGED, code=hosting.code, running=hosting)
    gates = [Examination(measuring=measuring)]
    steps = hosting_steps(hosting, [code], None, _hosted(there), NOW, gates)
    return [step.action for step in steps]


def _deployment(measuring: Measuring) -> Deployment:
    hosting = measuring.hosting
    assert hosting is not None
    return Deployment(
        name=hosting.deployment("intents:3"),
        endpoint="intents",
        model="/models/intents/versions/3",
        provisioning_state="Succeeded",
        instance_type="Standard_DS3_v2",
        instance_count="1",
        tags={revision.TAG_SPEC: "intents", revision.TAG_PROOF: hosting.proof("intents:3")},
        created="2026-11-28T12:00:00Z",
    )


def _hosted(there: Deployment | None) -> Hosted:
    model = ModelVersion(
        id="m",
        name="intents",
        version="3",
        job="",
        description="",
        created="",
        tags={},
        properties={},
    )
    endpoint = Online(
        name="intents",
        auth_mode="Key",
        provisioning_state="Succeeded",
        uri="https://intents.eastus2.inference.ml.azure.com/score",
        traffic={there.name: 100} if there else {},
        tags={revision.TAG_SPEC: "intents"},
        created="2026-11-28T12:00:00Z",
    )
    return Hosted(
        endpoint=endpoint if there else None, deployments=(there,) if there else (), model=model
    )
