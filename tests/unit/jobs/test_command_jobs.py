"""A command document made ready: what makes another revision, what it costs, what is told early."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.apply.submissions import document_of
from jobs.errors import BudgetError, UsageError
from jobs.foundry.command import asked, models
from jobs.foundry.computes import Compute
from jobs.foundry.environments import EnvironmentDefinition
from jobs.money.cost import hold
from jobs.plan import desired
from jobs.plan.contents import environment_step
from jobs.plan.preflight import compute_checks
from jobs.plan.running import Running
from jobs.read.examine import examine
from jobs.rules.policy import RULES as POLICY_RULES
from jobs.spec.story import load
from tests.unit.jobs.test_plan import EMPTY

SPEC = """\
type: command
name: count
code: src
command: python count.py ${{inputs.rows}} ${{inputs.folder}} ${{inputs.rate}} ${{outputs.model}}
environment: {image: python:3.11, conda_file: conda.yaml}
environment_variables: {DEEP: true, WORKERS: 4}
inputs:
  rows: {type: uri_file, path: rows.txt}
  folder: {type: uri_folder, path: more, mode: download}
  base: {type: custom_model, path: azureml:base:2}
  rate: 0.5
outputs:
  model: {type: custom_model, name: counted}
  rest:
resources: {instance_type: Standard_DS3_v2, instance_count: 2}
distribution: {type: pytorch, process_count_per_instance: 1}
limits: {timeout: 1800}
"""
PRICES = "as_of: 2026-11-01\ninstances: {standard_ds3_v2: 0.3, gpus: 4}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("src/count.py", "src/part.py", "rows.txt", "more/a.txt", "conda.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n", encoding="utf-8")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    return folder / "spec.yaml"


def running(folder: Path, text: str = SPEC) -> Running:
    (one,) = desired.read(load(written(folder, text)).chapters).runnings
    return one


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("python count.py", "python part.py"),
        ("rate: 0.5", "rate: 0.6"),
        ("WORKERS: 4", "WORKERS: 5"),
        ("python:3.11", "python:3.12"),
        ("mode: download", "mode: ro_mount"),
        ("azureml:base:2", "azureml:base:3"),
        ("instance_count: 2", "instance_count: 1"),
        ("name: counted", "name: others"),
        ("type: pytorch", "type: mpi"),
    ],
)
def test_whatever_is_sent_makes_another_revision(old: str, new: str, folder: Path) -> None:
    before = running(folder)
    after = running(folder, SPEC.replace(old, new))
    assert after.revision != before.revision
    assert after.job_name == f"count-{after.revision}"


@pytest.mark.parametrize("name", ["src/count.py", "rows.txt", "more/a.txt", "conda.yaml"])
def test_another_byte_of_what_is_named_makes_another_revision(name: str, folder: Path) -> None:
    before = running(folder)
    (folder / name).write_text("other\n", encoding="utf-8")
    assert running(folder).revision != before.revision


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: count\n", "name: count\ndescription: of rows\ndisplay_name: Count\n"),
        ("name: count\n", "name: count\ntags: {team: xbox}\nbudget: {max_usd: 3}\n"),
        ("rate: 0.5", "rate: {value: 0.5}"),
        ("path: rows.txt", "path: ./rows.txt"),
        ("limits:", "# at most half an hour\nlimits:"),
    ],
)
def test_what_changes_nothing_of_the_job_makes_no_other_revision(
    old: str, new: str, folder: Path
) -> None:
    assert running(folder, SPEC.replace(old, new)).revision == running(folder).revision


def test_a_moved_folder_of_the_same_content_is_the_same_job(folder: Path) -> None:
    before = running(folder)
    (folder / "src").rename(folder / "code")
    after = running(folder, SPEC.replace("code: src", f"code: {folder / 'code'}"))
    assert after.revision == before.revision


def test_the_same_environment_is_the_same_version_whatever_job_it_is_of(folder: Path) -> None:
    one = running(folder).environment
    other = running(folder, SPEC.replace("rate: 0.5", "rate: 1")).environment
    assert not isinstance(one, str)
    assert one == other
    named = SPEC.replace("image: python:3.11", "image: python:3.11, name: mine, version: 7")
    again = running(folder, named).environment
    assert not isinstance(again, str)
    assert again.label == "mine:7"


def test_what_azure_keeps_reads_back_as_what_was_asked_for(folder: Path) -> None:
    one = running(folder)
    assert asked(as_azure_keeps(one)) == one.fields
    assert models(as_azure_keeps(one)) == ["counted"]


def as_azure_keeps(one: Running) -> dict[str, Any]:
    """The wire's shape of the same job, as azure-ai-ml sends it and ARM gives it back."""
    assert not isinstance(one.code, str)
    assert not isinstance(one.environment, str)
    project = (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/p"
    )
    rows, more = one.data
    return {
        "properties": {
            "jobType": "Command",
            "command": one.spec.command,
            "codeId": f"{project}/codes/{one.code.name}/versions/{one.code.version}",
            "environmentId": f"{project}/environments/{one.environment.name}/versions/"
            f"{one.environment.version}",
            "computeId": None,
            "environmentVariables": {"DEEP": "true", "WORKERS": "4"},
            "inputs": {
                "rows": {
                    "jobInputType": "uri_file",
                    "uri": f"{project}/data/{rows.name}/versions/{rows.version}",
                },
                "folder": {"jobInputType": "uri_folder", "uri": f"azureml:{more.label}"},
                "base": {
                    "jobInputType": "custom_model",
                    "uri": f"{project}/models/base/versions/2",
                },
                "rate": {"jobInputType": "literal", "value": "0.5"},
            },
            "outputs": {
                "model": {"jobOutputType": "custom_model", "assetName": "counted"},
                "rest": {"jobOutputType": "uri_folder", "assetName": None},
            },
            "resources": {"instanceType": "Standard_DS3_v2", "instanceCount": 2},
            "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 1},
            "limits": {"jobLimitsType": "Command", "timeout": "PT30M"},
        }
    }


def test_the_document_that_is_sent_has_ids_for_everything_local(folder: Path) -> None:
    one = running(folder)
    document = document_of(one, "/the/project", {})
    assert not isinstance(one.code, str)
    assert not isinstance(one.environment, str)
    assert document["code"] == f"azureml:/the/project/codes/count-code/versions/{one.code.version}"
    assert document["environment"] == f"azureml:{one.environment.label}"
    assert document["inputs"]["rows"] == {
        "type": "uri_file",
        "path": f"azureml:{one.data[0].label}",
    }
    assert document["inputs"]["base"]["path"] == "azureml:base:2"
    assert document["environment_variables"] == {"DEEP": "true", "WORKERS": "4"}
    assert not {"budget", "ignore"} & document.keys()


def test_a_job_that_reads_the_model_of_another_runs_after_it_and_by_its_revision(
    folder: Path,
) -> None:
    second = SPEC.replace("name: count\n", "name: second\n").replace(
        "azureml:base:2", "'${{ command.count.registered_model }}'"
    )
    specs = desired.read(load(written(folder, f"{second}---\n{SPEC}")).chapters).runnings
    assert [one.name for one in specs] == ["count", "second"]
    assert specs[1].makers == (specs[0],)
    changed = SPEC.replace("rate: 0.5", "rate: 0.7")
    again = desired.read(load(written(folder, f"{second}---\n{changed}")).chapters).runnings
    assert again[1].revision != specs[1].revision


def test_a_fine_tuning_and_a_command_job_cant_share_a_name(folder: Path) -> None:
    (folder / "train.jsonl").write_text("{}\n", encoding="utf-8")
    tuning = (
        "type: finetuning\nname: count\nmodel: Phi-4-mini-instruct\ntraining_data: train.jsonl\n"
    )
    with pytest.raises(UsageError, match=r"finetuning.count and command.count have one name"):
        desired.read(load(written(folder, f"{tuning}---\n{SPEC}")).chapters)


def test_a_version_of_an_environment_that_is_of_something_else_blocks(folder: Path) -> None:
    named = SPEC.replace("{image: python:3.11,", "{name: ours, version: 1, image: python:3.11,")
    one = running(folder, named)
    made = one.environment
    assert not isinstance(made, str)
    same = EnvironmentDefinition(image=made.image, conda_file=made.conda_file)
    rules: list[tuple[str, str]] = []
    for there in (same, replace(same, image="python:3.12")):
        actual = replace(EMPTY, environments={made.label: there})
        action = environment_step(made, one, actual, needed=True).action
        rules.append((action.kind, action.rule))
    assert rules == [("unchanged", ""), ("blocked", "FT-R015")]


# ── money ───────────────────────────────────────────────────────────────────────────────────────


def cost(folder: Path, text: str, prices: str = PRICES) -> Any:
    if prices:
        (folder / "prices.yaml").write_text(prices, encoding="utf-8")
    (found,) = examine([written(folder, text)]).costs
    return found


def test_machines_cost_their_price_times_their_number_for_the_time_limit_at_most(
    folder: Path,
) -> None:
    found = cost(folder, SPEC)
    assert (found.total.low, found.total.high) == (0, pytest.approx(2 * 0.5 * 0.3))
    named = cost(folder, SPEC.replace("resources:", "compute: azureml:gpus\nresources:"))
    assert named.total.high == pytest.approx(2 * 0.5 * 4)
    own = "budget: {max_usd: 9, prices: {instance_per_hour: 1, source: here, as_of: 2026-11-01}}\n"
    assert cost(folder, SPEC + own).total.high == pytest.approx(1)


def test_without_a_price_or_a_time_limit_there_is_no_upper_end(folder: Path) -> None:
    unlimited = cost(folder, SPEC.replace("limits: {timeout: 1800}\n", ""))
    assert (unlimited.total.high, "no limits.timeout" in unlimited.lines[0].quantity) == (
        None,
        True,
    )
    unknown = cost(folder, SPEC.replace("DS3_v2", "NC24"))
    assert (unknown.total.high, "unknown" in unknown.lines[0].prices[0].words) == (None, True)


@pytest.mark.parametrize(
    ("change", "budget", "rule", "step"),
    [
        (("", ""), "{max_usd: 0.2}", "FT-C013", "limits.timeout"),
        (
            ("limits: {timeout: 1800}\n", ""),
            "{max_usd: 9, covers: everything}",
            "FT-C012",
            "timeout",
        ),
        (("DS3_v2", "NC24"), "{max_usd: 9, covers: everything}", "FT-C012", "prices.yaml"),
    ],
)
def test_a_budget_is_held(
    change: tuple[str, str], budget: str, rule: str, step: str, folder: Path
) -> None:
    with pytest.raises(BudgetError) as refused:
        hold((cost(folder, f"{SPEC.replace(*change)}budget: {budget}\n"),))
    assert (refused.value.rule, step in (refused.value.next_step or "")) == (rule, True)


# ── what is told before anything is uploaded ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "rule", "path"),
    [
        ("${{inputs.rate}}", "${{inputs.rat}}", "FT-S012", "command"),
        ("${{outputs.model}}", "${{outputs.modle}}", "FT-S012", "command"),
        ("{image: python:3.11, conda_file: conda.yaml}", "python:3.11", "FT-S038", "environment"),
        ("image: python:3.11, ", "", "FT-S005", "environment.image"),
        ("image: python:3.11,", "image: a, build: {path: src},", "FT-S016", "environment.build"),
        ("azureml:base:2", "azureml:base", "FT-S038", "inputs.base.path"),
        ("azureml:base:2", "azureml:<name>:2", "FT-S038", "inputs.base.path"),
        ("path: rows.txt", "path: more", "FT-S039", "inputs.rows.type"),
        ("path: more", "path: rows.txt", "FT-S039", "inputs.folder.type"),
        ("code: src", "code: nowhere", "FT-S017", "code"),
        ("name: count\n", f"name: {'c' * 242}\n", "FT-S021", "name"),
        (
            "azureml:base:2",
            "'${{ command.other.registered_model }}'",
            "FT-S012",
            "inputs.base.path",
        ),
        ("azureml:base:2", "'${{ command.count }}'", "FT-S014", "inputs.base.path"),
    ],
)
def test_a_mistake_is_told_at_its_place(
    old: str, new: str, rule: str, path: str, folder: Path
) -> None:
    findings = examine([written(folder, SPEC.replace(old, new))]).findings
    assert [(f.rule, f.path) for f in findings if f.severity == "error"] == [(rule, path)]


def test_what_may_be_left_out_of_a_command_isnt_missed(folder: Path) -> None:
    text = SPEC.replace("${{inputs.rate}}", "$[[--more ${{inputs.more}}]]")
    assert [f for f in examine([written(folder, text)]).findings if f.severity == "error"] == []


@pytest.mark.parametrize(
    "outputs",
    [
        "",
        "model: {type: custom_model}",
        "a: {type: custom_model, name: a}\n  b: {type: mlflow_model, name: b}",
    ],
)
def test_the_model_of_a_job_that_leaves_none_or_several_cant_be_meant(
    outputs: str, folder: Path
) -> None:
    first = "type: command\nname: first\ncommand: ls\nenvironment: azureml:a:1\n"
    first += f"outputs:\n  {outputs}\n" if outputs else ""
    text = SPEC.replace("azureml:base:2", "'${{ command.first.registered_model }}'")
    findings = examine([written(folder, f"{first}---\n{text}")]).findings
    assert [f.rule for f in findings if f.severity == "error"] == ["FT-S014"]


@pytest.mark.parametrize(
    ("compute", "status", "words"),
    [
        (None, "fail", "no compute 'gpus'"),
        ("small", "fail", "1 machines at most"),
        ("failed", "fail", "is Failed"),
        ("right", "pass", "is there (STANDARD_NC6)"),
    ],
)
def test_a_named_compute_must_be_there_and_large_enough(
    compute: str | None, status: str, words: str, folder: Path
) -> None:
    one = running(folder, SPEC.replace("resources:", "compute: azureml:gpus\nresources:"))
    there = Compute(name="gpus", type="AmlCompute", size="STANDARD_NC6", most=4, state="Succeeded")
    found = {
        None: None,
        "small": replace(there, most=1),
        "failed": replace(there, state="Failed"),
        "right": there,
    }[compute]
    (check,) = compute_checks(one, {"gpus": found})
    assert (check.status, words in check.message) == (status, True)
    assert compute_checks(running(folder), {}) == []


def test_a_policy_holds_a_command_job_to_what_it_has_and_not_to_models_or_epochs(
    folder: Path,
) -> None:
    (folder / "foundry-policy.yaml").write_text(
        "rules: {budget_required: true, required_tags: [owner], allowed_models: [Phi-4], "
        "most_epochs: 1}\n",
        encoding="utf-8",
    )
    findings = examine([written(folder, SPEC)]).findings
    held = {rule.id for rule in POLICY_RULES}
    assert [f.path for f in findings if f.rule in held] == ["budget"]
