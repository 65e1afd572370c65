"""Managed online endpoints: what is decided, what an answer must be, what a document may say."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import revision
from jobs.foundry.models import ModelVersion
from jobs.foundry.online import Deployment, Online
from jobs.foundry.scoring import Scored
from jobs.plan import desired
from jobs.plan.deployments import hosting_steps
from jobs.plan.hosting import Hosted, Hosting, read
from jobs.plan.running import EnvironmentVersion
from jobs.plan.steps import Action, CodeStep
from jobs.proof import deployment as proof
from jobs.read.examine import examine
from jobs.spec.online_endpoint import OnlineEndpoint, ScoringExpectation, ScoringTest
from jobs.spec.story import load

ENVIRONMENT = "environment: azureml:serving:1\n"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SCORE = "def init(): pass\ndef run(raw_data): return 1\n"
TRAINING = """\
type: training
name: triage
model: Phi-4-mini-instruct
task: classification
training_data: rows.jsonl
layers: {head: classification, labels: [repair, refund]}
resources: {instance_type: Standard_NC24ads_A100_v4}
"""
SPEC = """\
type: online_endpoint
name: intents
model: azureml:intents:3
code_configuration: {code: serve, scoring_script: score.py}
environment: azureml:serving:1
instance_type: Standard_DS3_v2
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "serve").mkdir()
    (tmp_path / "serve" / "score.py").write_text(SCORE)
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def hosting(spec: Path) -> Hosting:
    [chapter] = load(spec).chapters
    assert isinstance(chapter.spec, OnlineEndpoint)
    return read(chapter, chapter.spec, {})


# ── what is decided ─────────────────────────────────────────────────────────────────────────────


def test_where_nothing_is_everything_is_made_and_the_traffic_moves_last(hosting: Hosting) -> None:
    name = hosting.deployment("intents:3")
    assert _planned(hosting, _hosted()) == [
        ("create", "online_endpoint", "intents"),
        ("unchanged", "code", "c"),
        ("create", "deployment", f"intents/{name}"),
        ("create", "traffic", "intents"),
    ]


def test_a_proven_deployment_with_all_traffic_is_left_alone(hosting: Hosting) -> None:
    now = _deployment(hosting)
    found = _hosted(_endpoint({now.name: 100}), now)
    assert {kind for kind, _, _ in _planned(hosting, found)} == {"unchanged"}


def test_the_one_that_serves_goes_once_its_successor_has_the_traffic(hosting: Hosting) -> None:
    old = replace(_deployment(hosting), name="r-aaaaaaaaaa")
    found = _hosted(_endpoint({old.name: 100}), old)
    steps = _planned(hosting, found)
    assert [kind for kind, _, _ in steps] == [
        "unchanged", "unchanged", "create", "update", "delete",
    ]  # fmt: skip


def test_what_another_run_or_somebody_else_made_is_left(hosting: Hosting) -> None:
    now = _deployment(hosting)
    young = replace(now, name="r-bbbbbbbbbb", created=(NOW - timedelta(minutes=5)).isoformat())
    theirs = replace(now, name="blue", tags={})
    found = _hosted(_endpoint({now.name: 100}), now, young, theirs)
    assert {kind for kind, _, _ in _planned(hosting, found)} == {"unchanged"}
    found = _hosted(_endpoint({"blue": 100}), theirs)
    assert ("blocked", "traffic", "intents") in _planned(hosting, found)
    assert _rules(hosting, found) == ["FT-R010"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"provisioning_state": "Failed"}, "replace"),
        ({"provisioning_state": "Creating"}, "update"),
        ({"tags": {revision.TAG_SPEC: "intents"}}, "update"),
    ],
)
def test_a_deployment_that_is_not_proven_is_gone_on_with(
    hosting: Hosting, changes: dict[str, Any], kind: str
) -> None:
    there = replace(_deployment(hosting), **changes)
    steps = _planned(hosting, _hosted(_endpoint({}), there))
    assert steps[2] == (kind, "deployment", f"intents/{there.name}")


def test_what_is_not_ours_or_is_missing_blocks(hosting: Hosting) -> None:
    foreign = replace(_endpoint({}), tags={})
    other = replace(_endpoint({}), auth_mode="AADToken")
    for endpoint, rule in ((foreign, "FT-R010"), (other, "FT-R013")):
        assert _rules(hosting, _hosted(endpoint)) == [rule] * 3
        steps = _planned(hosting, _hosted(endpoint))
        assert [kind for kind, _, _ in steps] == ["blocked", "unchanged", "blocked", "blocked"]
    without = replace(_hosted(), model=None)
    assert _planned(hosting, without)[2][0] == "blocked"
    assert _rules(hosting, without) == ["FT-R014"] * 2


def test_another_byte_of_code_or_model_is_another_revision(spec: Path, hosting: Hosting) -> None:
    (spec.parent / "serve" / "score.py").write_text(SCORE + "\n")
    [chapter] = load(spec).chapters
    assert isinstance(chapter.spec, OnlineEndpoint)
    changed = read(chapter, chapter.spec, {})
    names = {hosting.deployment("m:1"), hosting.deployment("m:2"), changed.deployment("m:1")}
    assert len(names) == 3


def test_the_model_of_a_training_or_a_command_of_the_file_is_served(spec: Path) -> None:
    rows = "".join(
        json.dumps({"text": f"hot {n}", "label": ("repair", "refund")[n % 2]}) + "\n"
        for n in range(6)
    )
    (spec.parent / "rows.jsonl").write_text(rows)
    reference = "${{ training.triage.registered_model }}"
    text = f"{TRAINING}---\n{SPEC.replace('azureml:intents:3', reference)}"
    spec.write_text(text.replace("name: intents", "name: served"))
    assert [f for f in examine([spec]).findings if f.severity == "error"] == []
    [one] = desired.read(load(spec).chapters).hostings
    assert (one.model, one.made_by and one.made_by.name) == ("triage", "triage")
    spec.write_text(text.replace("training.triage", "finetuning.triage"))
    assert "FT-S014" in {f.rule for f in examine([spec]).findings}


@pytest.fixture
def trained(spec: Path) -> Path:
    """An endpoint of a training's model that names neither a script nor an environment."""
    row = json.dumps({"text": "hot", "label": "repair"}) + "\n"
    (spec.parent / "rows.jsonl").write_text(row + row.replace("repair", "refund"))
    short = SPEC.replace("azureml:intents:3", "${{ training.triage.registered_model }}")
    for line in ("code_configuration: {code: serve, scoring_script: score.py}\n", ENVIRONMENT):
        short = short.replace(line, "")
    spec.write_text(f"{TRAINING}---\n{short}")
    return spec


def test_a_trainings_model_is_served_by_our_own_script_where_it_was_trained(trained: Path) -> None:
    assert [f for f in examine([trained]).findings if f.severity == "error"] == []
    asked = desired.read(load(trained).chapters)
    [one] = asked.hostings
    [training] = asked.runnings
    assert [file.name for file in one.code.folder.files] == [one.script] == ["score.py"]
    assert "def init()" in one.code.folder.files[0].path.read_text()
    assert list(one.files) == []  # nothing of the user's own is sent
    assert isinstance(one.environment, EnvironmentVersion)
    assert isinstance(training.environment, EnvironmentVersion)
    assert one.environment.content == training.environment.content
    assert one.environment.label != training.environment.label
    assert "azureml-inference-server-http==" in one.environment.conda_file
    assert asked.environments == (training.environment, one.environment)
    named = trained.read_text().replace("resources:", "environment: azureml:torch:4\nresources:", 1)
    trained.write_text(named)
    [one] = desired.read(load(trained).chapters).hostings
    assert one.environment == "azureml:torch:4"


@pytest.mark.parametrize(
    ("old", "new", "rule", "said"),
    [
        ("${{ training.triage.registered_model }}", "azureml:x:1", "FT-S005", "that of a training"),
        ("model: Phi-4-mini", "method: qlora\nmodel: Phi-4-mini", "FT-S040", "an adapter over"),
        ("labels: [repair, refund]}", "labels: [repair, refund], add: own.py:deepen}", "FT-S040",
         "the layers that 'own.py:deepen' adds"),
    ],
)  # fmt: skip
def test_what_our_own_script_can_not_serve_is_refused_with_what_to_write(
    trained: Path, old: str, new: str, rule: str, said: str
) -> None:
    (trained.parent / "own.py").write_text("def deepen(model): return model\n")
    assert old in trained.read_text()
    trained.write_text(trained.read_text().replace(old, new))
    found = [one for one in examine([trained]).findings if one.rule == rule]
    assert said in "".join(one.message for one in found), found
    assert all(one.line > 0 for one in found)


# ── what an answer must be ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected", "problems"),
    [
        ('{"label": "refund"}', {"at": "label", "equals": "refund"}, []),
        (
            '{"label": "repair"}',
            {"at": "label", "equals": "refund"},
            ["'label' is repair, not \"refund\""],
        ),
        ('[{"p": 0.7}]', {"at": "0.p", "at_least": 0.6}, []),
        ('[{"p": 0.5}]', {"at": "0.p", "at_least": 0.6}, ["'0.p' is 0.5, not at least 0.6"]),
        ('[{"p": true}]', {"at": "0.p", "at_least": 0.6}, ["'0.p' is true, not at least 0.6"]),
        ("[1]", {"at": "label", "equals": 1}, ["the answer has no 'label': [1]"]),
        ('"Hello you"', {"contains": ["hello"], "excludes": "bye", "matches": "^.H"}, []),
        ("plain", {"contains": "hello"}, ["it lacks 'hello'"]),
        ("[1, 2]", {"equals": [1, 2]}, []),
    ],
)
def test_an_answer_is_held_to_what_is_expected(
    text: str, expected: dict[str, Any], problems: list[str]
) -> None:
    said = Scored(status=200, text=text, deployment="", seconds=0.0)
    assert proof.problems(said, ScoringExpectation(**expected)) == problems


def test_a_refusal_of_the_script_is_a_problem_unless_it_is_expected() -> None:
    said = Scored(status=424, text="no such intent", deployment="", seconds=0.0)
    [problem] = proof.problems(said, ScoringExpectation())
    assert problem == "answered with HTTP 424, not 200: no such intent"
    assert proof.problems(said, ScoringExpectation(status=424)) == []


def test_content_safety_keeps_harm_from_being_sent_and_from_passing() -> None:
    sent: list[Any] = []

    def ask(body: Any) -> Scored:
        sent.append(body)
        return Scored(status=200, text='{"said": "so much blood"}', deployment="", seconds=0.0)

    def judge(text: str) -> dict[str, int]:
        return {"violence": 4} if "blood" in text else {"hate": 2}

    filtered = ScoringExpectation(filtered=True)
    tests = [
        ScoringTest(request={"text": "blood"}),
        ScoringTest(request={"text": ["blood"]}, expect=filtered),
        ScoringTest(request={"text": "hello"}),
        ScoringTest(request={"text": "hello"}, expect=filtered),
    ]
    first, second, third, fourth = proof.run(ask, tests, judge)
    assert first.problems[0].startswith("the request was not sent: harmful")
    assert second.passed
    assert third.problems[0].startswith("its answer is harmful")
    assert fourth.passed
    assert sent == [{"text": "hello"}, {"text": "hello"}]
    harmless = proof.run(ask, [tests[3]], lambda _: {"violence": 2})
    assert "saw no harm" in harmless[0].problems[0]


# ── what a document may say ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "rule", "said"),
    [
        ("azureml:intents:3", "azureml:intents@latest", "FT-S040", "azureml:<name>:<version>"),
        ("azureml:intents:3", "Phi-4", "FT-S040", "a registered model of the project"),
        (
            "azureml:intents:3",
            "${{ command.classify.registered_model }}",
            "FT-S012",
            "no command document",
        ),
        ("azureml:serving:1", "serving", "FT-S040", "environment"),
        ("score.py", "scoer.py", "FT-S017", "Did you mean"),
        ("score.py", "../spec.py", "FT-S017", "leads out of"),
        ("code: serve", "code: nowhere", "FT-S017", "is no folder"),
        ("intents\nmodel", "a\nmodel", "FT-S021", "3 to 32"),
        ("Standard_DS3_v2", "Standard_DS3_v2\ncontent_safety: enabled", "FT-S040", "no content"),
    ],
)
def test_what_can_not_be_served_is_refused_with_its_place(
    spec: Path, old: str, new: str, rule: str, said: str
) -> None:
    assert old in SPEC
    spec.write_text(SPEC.replace(old, new, 1))
    found = {one.rule: one for one in examine([spec]).findings if one.severity == "error"}
    assert rule in found, found
    assert said in found[rule].message
    assert found[rule].line > 0


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("def init(): pass\n", "no function run()"),
        ("def init(:\n", "score.py:1 is not Python"),
        ("from model import init, run\n", ""),
        ("from model import *\n", ""),
    ],
)
def test_a_scoring_script_is_read_and_not_run(spec: Path, score: str, said: str) -> None:
    (spec.parent / "serve" / "score.py").write_text(score)
    found = [one.message for one in examine([spec]).findings if one.rule == "FT-S054"]
    assert bool(found) == bool(said)
    assert said in "".join(found)


def test_machines_cost_by_the_hour_of_the_budget(spec: Path) -> None:
    budget = (
        "instance_count: 2\nbudget: {max_usd: 20, hosting_hours: 10, prices: "
        "{instance_per_hour: 0.5, source: the sheet, as_of: 2026-11-27}}\n"
    )
    spec.write_text(SPEC + budget)
    [cost] = examine([spec]).costs
    assert (cost.total.low, cost.total.high, cost.verdict) == (10.0, 10.0, "within")


def _planned(hosting: Hosting, hosted: Hosted) -> list[tuple[str, str, str]]:
    actions = _actions(hosting, hosted)
    return [(action.kind, action.type, action.name) for action in actions]


def _rules(hosting: Hosting, hosted: Hosted) -> list[str]:
    return [action.rule for action in _actions(hosting, hosted) if action.kind == "blocked"]


def _actions(hosting: Hosting, hosted: Hosted) -> list[Action]:
    action = Action(kind="unchanged", type="code", name="c")
    code = CodeStep(action=action, code=hosting.code, running=hosting)
    return [step.action for step in hosting_steps(hosting, [code], None, hosted, NOW)]


def _hosted(endpoint: Online | None = None, *deployments: Deployment) -> Hosted:
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
    return Hosted(endpoint=endpoint, deployments=deployments, model=model)


def _endpoint(traffic: dict[str, int]) -> Online:
    return Online(
        name="intents",
        auth_mode="Key",
        provisioning_state="Succeeded",
        uri="https://intents.eastus2.inference.ml.azure.com/score",
        traffic=traffic,
        tags={revision.TAG_SPEC: "intents"},
        created="2026-11-28T12:00:00Z",
    )


def _deployment(hosting: Hosting) -> Deployment:
    return Deployment(
        name=hosting.deployment("intents:3"),
        endpoint="intents",
        model="/models/intents/versions/3",
        provisioning_state="Succeeded",
        instance_type="Standard_DS3_v2",
        instance_count="1",
        tags={
            revision.TAG_SPEC: "intents",
            revision.TAG_PROOF: hosting.proof("intents:3"),
        },
        created="2026-11-28T12:00:00Z",
    )
