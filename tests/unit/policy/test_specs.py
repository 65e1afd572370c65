"""Specs held to the platform team's file: found, read, enforced, and wrong."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from infra.policy_pack.pack import files
from jobs.cli import main
from jobs.spec.schema import policy_schema
from tools.policy_page import EXAMPLE

POLICY = """\
rules:
  allowed_regions: [East US 2]
  required_tags: [team]
  content_filter: true
  endpoint_owner: owner
  endpoint_sign_in: [aad]
  allowed_models: [Phi-4-mini-instruct]
  most_epochs: 3
  budget_required: true
  largest_budget: 50
  gates_required: [token_f1]
"""
SPEC = """\
type: finetuning
name: one
model: azureml://registries/azureml/models/Phi-4-mini-instruct
training_data: train.jsonl
validation_data: {split: 0.2}
hyperparameters: {epochs: 3}
budget: {max_usd: 50}
---
type: serverless_endpoint
name: one
model: ${{ finetuning.one.registered_model }}
location: eastus2
auth_mode: aad
content_safety: enabled
tags: {owner: support-team, team: support}
---
type: evaluation
name: one
endpoint: ${{ serverless_endpoint.one }}
data: test.jsonl
gates: {token_f1: ">= 0.1"}
"""
BROKEN = {
    "location: eastus2": ("location: westus", "FT-P001", 12),
    "team: support}": ("squad: support}", "FT-P007", 15),
    "content_safety: enabled": (
        "content_safety: disabled\njustification: a test of the filter itself",
        "FT-P009",
        14,
    ),
    "{owner: support-team,": ("{owner: '',", "FT-P010", 15),
    "auth_mode: aad": ("auth_mode: key", "FT-P011", 13),
    "Phi-4-mini-instruct": ("Phi-4", "FT-P012", 3),
    "{epochs: 3}": ("{n_epochs: 4}", "FT-P013", 6),
    "budget: {max_usd: 50}\n": ("", "FT-P014", 1),
    "max_usd: 50": ("max_usd: 51", "FT-P015", 7),
    "token_f1:": ("exact_match:", "FT-P016", 9),
}


class Team:
    """A repository with a policy at its root, and a spec two folders below it."""

    spec = "jobs/specs/spec.yaml"

    def __init__(self, root: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.root, self.captured = root, captured
        (root / ".git").mkdir()
        (root / "jobs" / "specs").mkdir(parents=True)
        for name, count in (("train", 60), ("test", 12)):
            rows = [
                {"role": role, "content": f"{name} {role} {n * 7919}"}
                for n in range(count)
                for role in ("user", "assistant")
            ]
            pairs = zip(rows[::2], rows[1::2], strict=True)
            text = "".join(json.dumps({"messages": pair}) + "\n" for pair in pairs)
            (root / "jobs" / "specs" / f"{name}.jsonl").write_text(text, encoding="utf-8")
        self.write(self.spec, SPEC)
        self.write("foundry-policy.yaml", POLICY)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def run(self, *words: str) -> tuple[int, str]:
        self.captured.readouterr()
        code = main(list(words))
        printed = self.captured.readouterr()
        return code, printed.out + printed.err

    def found(self, verb: str = "policy", *words: str) -> list[tuple[str, int, str, str]]:
        _, text = self.run(verb, *(words or (self.spec,)), "-o", "json")
        return [
            (f["file"], f["line"], f["rule"], f["severity"])
            for f in json.loads(text)["findings"]
            if f["rule"][3] in "PS"
        ]


@pytest.fixture
def team(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Team:
    monkeypatch.chdir(tmp_path)
    return Team(tmp_path, capsys)


def test_a_good_spec_is_let_pass_with_the_place_of_what_it_was_held_to(team: Team) -> None:
    code, said = team.run("policy", team.spec)
    assert code == 0
    assert said == "Held against foundry-policy.yaml: Nothing to complain about.\n"
    assert team.run("validate", team.spec)[0] == 0


@pytest.mark.parametrize("good", BROKEN)
def test_every_ruled_field_of_a_spec_is_refused_at_its_line(good: str, team: Team) -> None:
    bad, rule, line = BROKEN[good]
    team.write(team.spec, SPEC.replace(good, bad))
    for verb in ("policy", "validate"):
        assert (team.spec, line, rule, "error") in team.found(verb), verb
    for verb in ("validate", "plan", "apply"):
        code, said = team.run(verb, team.spec)
        assert (code, rule in said) == (3, True), verb
    assert f"[{rule}]" not in said, "at a place, and not at the end"


def test_an_advisory_rule_warns_and_strict_refuses_it(team: Team) -> None:
    team.write("foundry-policy.yaml", f"{POLICY}advisory: [most_epochs]\n")
    team.write(team.spec, SPEC.replace("epochs: 3", "epochs: 4"))
    assert team.found() == [(team.spec, 6, "FT-P013", "warning")]
    assert team.run("validate", team.spec)[0] == 0
    assert team.run("validate", team.spec, "--strict")[0] == 3


def test_a_nearer_policy_can_rule_more_and_never_less(team: Team) -> None:
    team.write("jobs/specs/foundry-policy.yaml", "rules: {most_epochs: 50, rbac_vaults: true}\n")
    team.write(team.spec, SPEC.replace("epochs: 3", "epochs: 4"))
    assert team.found() == [(team.spec, 6, "FT-P013", "error")]
    team.write("jobs/specs/foundry-policy.yaml", "rules: {most_epochs: 2}\n")
    team.write(team.spec, SPEC)
    assert team.found() == [(team.spec, 6, "FT-P013", "error")]


def test_a_policy_that_is_named_takes_the_place_of_those_above(team: Team) -> None:
    team.write("other.yaml", "rules: {most_epochs: 2}\n")
    assert team.found("policy", team.spec, "--policy", "other.yaml") == [
        (team.spec, 6, "FT-P013", "error")
    ]
    assert team.run("validate", team.spec, "--policy", "other.yaml")[0] == 3


def test_the_variable_names_a_policy_for_specs_and_for_the_pack(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.write("other.yaml", "rules: {most_epochs: 2}\n")
    assert files(team.root / "policy-pack") == (team.root / "foundry-policy.yaml",)
    monkeypatch.setenv("FOUNDRY_POLICY", str(team.root / "other.yaml"))
    assert team.found() == [(team.spec, 6, "FT-P013", "error")]
    assert files(team.root / "policy-pack") == (team.root / "other.yaml",)


def test_no_excuse_of_a_spec_silences_a_rule_of_the_team(team: Team) -> None:
    ignored = "name: one\nignore: [{rule: FT-P013, reason: it is late}]"
    spec = SPEC.replace("name: one", ignored, 1).replace("epochs: 3", "epochs: 4")
    team.write(team.spec, spec)
    assert {rule for _, _, rule, _ in team.found("validate")} == {"FT-P013", "FT-S026"}


def test_the_longest_trial_of_a_sweep_counts(team: Team) -> None:
    sweep = "sweep: {parameters: {epochs: [1, 2, 4]}}\nbudget"
    team.write(team.spec, SPEC.replace("budget", sweep, 1))
    assert team.found() == [(team.spec, 7, "FT-P013", "error")]


def test_what_is_set_on_the_command_line_is_judged_too(team: Team) -> None:
    argument = "finetuning.one.hyperparameters.epochs=9"
    assert team.found("policy", team.spec, "--set", argument) == [
        (f"--set {argument}", 0, "FT-P013", "error")
    ]


def test_every_mistake_of_a_policy_is_told_at_once_with_what_is_meant(team: Team) -> None:
    team.write(
        "foundry-policy.yaml",
        "rules:\n"
        "  allowed_region: [eastus2]\n"
        "  allowed_models: [Phi-4-mini-instuct]\n"
        "  allowed_roles: [Ownr]\n"
        "  most_epochs: 0\n"
        "  minimum_tls: TLS1_1\n"
        "advisory: [budget_requird, no_keys]\n",
    )
    expected = [
        ("foundry-policy.yaml", 2, "FT-S004", "error"),
        ("foundry-policy.yaml", 3, "FT-P000", "error"),
        ("foundry-policy.yaml", 4, "FT-P000", "error"),
        ("foundry-policy.yaml", 5, "FT-S007", "error"),
        ("foundry-policy.yaml", 6, "FT-S007", "error"),
        ("foundry-policy.yaml", 7, "FT-S007", "error"),
    ]
    assert team.found() == expected
    assert team.found("validate", "foundry-policy.yaml") == expected, "and alone"
    said = team.run("policy", team.spec)[1]
    for hint in ("allowed_regions", "Phi-4-mini-instruct", "Owner", "budget_required"):
        assert f"Did you mean '{hint}'?" in said
    assert team.run("plan", team.spec)[0] == 3, "nothing is planned under a policy nobody can read"


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("", "FT-S010", 1),
        ("- one\n", "FT-S010", 1),
        ("rules: {}\n---\nrules: {}\n", "FT-P000", 3),
        ("rules: {}\nadvisory: [no_keys]\n", "FT-P000", 2),
        ("rules: [\n", "FT-S001", 2),
    ],
)
def test_a_file_that_is_no_policy(text: str, rule: str, line: int, team: Team) -> None:
    team.write("foundry-policy.yaml", text)
    assert team.found("validate", "foundry-policy.yaml") == [
        ("foundry-policy.yaml", line, rule, "error")
    ]


def test_a_policy_is_nothing_to_make_and_no_spec_of_its_folder(team: Team) -> None:
    assert team.found("validate", ".") == []
    code, said = team.run("plan", "foundry-policy.yaml")
    assert (code, "is a policy, and nothing to make" in said) == (2, True)


def test_a_policy_that_isn_t_there_is_told(team: Team) -> None:
    assert team.run("policy", team.spec, "--policy", "nope.yaml")[0] == 3
    (team.root / "foundry-policy.yaml").unlink()
    assert team.run("policy", team.spec)[0] == 2


def test_the_findings_are_told_to_github_and_to_code_scanning(team: Team) -> None:
    team.write(team.spec, SPEC.replace("epochs: 3", "epochs: 4"))
    line = team.run("policy", team.spec, "-o", "github")[1]
    assert line.startswith("::error file=jobs/specs/spec.yaml,line=6,col=27,title=FT-P013 More")
    sarif = json.loads(team.run("policy", team.spec, "-o", "sarif")[1])
    assert [one["ruleId"] for one in sarif["runs"][0]["results"]] == ["FT-P013"]


def test_the_schema_takes_what_the_reader_takes(team: Team) -> None:
    validator: Any = jsonschema.Draft202012Validator(policy_schema())
    validator.check_schema(policy_schema())
    import yaml

    for text in (POLICY, EXAMPLE):
        validator.validate(yaml.safe_load(text))
        team.write("foundry-policy.yaml", text)
        assert team.run("validate", "foundry-policy.yaml")[0] == 0
    assert not validator.is_valid({"rules": {"allowed_region": []}})
