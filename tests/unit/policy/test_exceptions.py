"""Exceptions of a policy: for whom, until which day, and what is said of them on the way."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.policy_pack.pack import pack
from infra.policy_pack.rules import policies, subject_of
from jobs.cli import main
from jobs.read.subjects import subjects
from jobs.spec import load
from policy import subject as kinds
from policy.judge import judge, today_utc
from policy.settings import policy_of
from policy.subject import Subject
from tests.unit.policy.test_specs import POLICY, SPEC, Team, team
from tools import spec_page

__all__ = ["team"]

LAST = date(2026, 12, 31)
WRITTEN = {
    "rules": {"most_epochs": 3, "allowed_roles": ["Reader"]},
    "exceptions": [
        {"rule": "most_epochs", "of": "Support", "reason": "a sweep", "until": LAST},
        {"rule": "most_epochs", "of": "support", "reason": "another", "until": "2026-01-31"},
    ],
}
HELD = policy_of(WRITTEN)


def training(name: str = "support", *also: str) -> Subject:
    return Subject(type=kinds.JOB, name=name, properties={"epochs": 9}, also=also)


@pytest.mark.parametrize(
    ("on", "severity", "said"),
    [
        (LAST - timedelta(days=60), "note", "an exception, until 2026-12-31: a sweep"),
        (LAST - timedelta(days=14), "note", "until 2026-12-31"),
        (LAST - timedelta(days=13), "warning", "an exception, ends soon, on 2026-12-31: a sweep"),
        (LAST, "warning", "ends soon, on 2026-12-31"),
        (LAST + timedelta(days=1), "error", "the exception for 'Support' ended on 2026-12-31"),
    ],
)
def test_it_holds_until_its_last_day_is_warned_of_and_then_the_rule_holds_again(
    on: date, severity: str, said: str
) -> None:
    (verdict,) = judge(training(), HELD, on)
    assert (verdict.severity, verdict.is_excused) == (severity, severity != "error")
    assert verdict.message.startswith("9 epochs, and 3 are the most; ")
    assert said in verdict.message


@pytest.mark.parametrize("kind", sorted({*spec_page.EXAMPLES} - {"evaluation"}))
def test_every_document_that_is_judged_goes_by_its_reference_too(kind: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(spec_page.EXAMPLES[kind], encoding="utf-8")
    story = load(spec)
    own = {f"{kind}.{one.name}" for one in story.specs if one.kind == kind}
    assert own
    assert own <= {also for one in subjects(story) for also in one.subject.also}


def test_it_is_for_whom_it_names_and_for_its_rule_alone() -> None:
    day = LAST - timedelta(days=60)
    assert [one.severity for one in judge(training("xbox"), HELD, day)] == ["error"]
    assert [one.severity for one in judge(training("x-1", "SUPPORT"), HELD, day)] == ["note"]
    role = Subject(
        type=kinds.ROLE_ASSIGNMENT, name="support", properties={"roleDefinitionId": "/x/y"}
    )
    assert [one.severity for one in judge(role, HELD, day)] == ["error"]
    assert (
        list(judge(Subject(type=kinds.JOB, name="support", properties={"epochs": 3}), HELD)) == []
    )


def test_a_day_that_is_none_is_no_policy_to_the_pack() -> None:
    wrong = [{"rule": "most_epochs", "of": "x", "reason": "none", "until": "soon"}]
    with pytest.raises(msgspec.ValidationError, match="until"):
        policy_of({**WRITTEN, "exceptions": wrong})


def exception(until: date, of: str = "one") -> str:
    return f"""\
exceptions:
  - rule: most_epochs
    of: {of}
    reason: a sweep over more epochs
    until: {until}
"""


def test_a_spec_is_let_pass_with_a_note_at_its_line_and_the_exception_is_listed(
    team: Team,
) -> None:
    more, today = SPEC.replace("epochs: 3", "epochs: 4"), today_utc()
    team.write(team.spec, more)
    later = today + timedelta(days=90)
    team.write("foundry-policy.yaml", POLICY + exception(later, "finetuning.one"))
    assert team.found() == [(team.spec, 6, "FT-P013", "note")]
    for verb in ("policy", "validate"):
        code, said = team.run(verb, team.spec)
        assert code == 0, verb
        assert f"an exception, until {later}: a sweep over more epochs" in said
    listed = team.run("policy", team.spec)[1].splitlines()[-1]
    words = ["most_epochs", "finetuning.one", f"{later}", "a sweep over more epochs"]
    assert re.split(r"  +", listed) == [*words, "foundry-policy.yaml:13"]

    soon = today + timedelta(days=3)
    team.write("foundry-policy.yaml", POLICY + exception(soon))
    assert team.found() == [(team.spec, 6, "FT-P013", "warning")]
    assert f"{soon} (soon)" in team.run("policy", team.spec)[1]
    assert team.run("validate", team.spec)[0] == 0

    team.write("foundry-policy.yaml", POLICY + exception(today - timedelta(days=2)))
    assert team.found() == [(team.spec, 6, "FT-P013", "error")]
    for verb in ("validate", "policy", "plan", "apply"):
        code, said = team.run(verb, team.spec)
        assert (code, "the exception for 'one' ended on" in said) == (3, True), verb
    assert "(over)" in team.run("policy", team.spec)[1]


def test_a_file_below_excepts_nobody_from_the_one_above(team: Team) -> None:
    team.write(team.spec, SPEC.replace("epochs: 3", "epochs: 4"))
    mine = "rules: {most_epochs: 3}\n" + exception(today_utc() + timedelta(days=90))
    team.write("jobs/specs/foundry-policy.yaml", mine)
    assert sorted(severity for *_, severity in team.found()) == ["error", "note"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{rule: no_keys, of: x, reason: because, until: 2026-12-31}", "isn't among the rules"),
        ("{rule: most_epochs, of: x, reason: because, until: 2026-13-31}", "is no day. Write it"),
        ("{rule: most_epoch, of: x, reason: why, until: 2026-12-31}", "Did you mean 'most_epochs'"),
        ("{rule: most_epochs, of: x, reason: no, until: 2026-12-31}", "too short; at least 3"),
        ("{rule: most_epochs, of: x, reason: because}", "until: is missing. The last day"),
        ("{rule: most_epochs, of: x, reason: y n, until: 2026-12-31, on: z}", "unknown field"),
    ],
)
def test_what_is_wrong_with_an_exception_is_told_at_its_line(
    line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "foundry-policy.yaml"
    file.write_text(f"rules: {{most_epochs: 3}}\nexceptions:\n  - {line}\n")
    assert main(["validate", str(file)]) == 3
    said = capsys.readouterr().out
    assert told in said
    assert "foundry-policy.yaml:3:" in said


def test_the_pack_lets_pass_what_is_excepted_and_tells_it(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    until = today_utc() + timedelta(days=90)
    file.write_text(
        f"rules: {{no_keys: true, most_epochs: 3}}\n"
        f"exceptions: [{{rule: no_keys, of: stmine, reason: a migration, until: {until}}}]\n"
    )
    held = policies([file])
    assert [one.name for one in pack(held)] == ["FT-P008", "FT-P013", "FT-P008-exception"]
    (keys,) = [one for one in held if one.rule.key == "no_keys"]
    for name, broken, told in (("stmine", 0, 1), ("stother", 1, 0)):
        args: Any = _Args(
            resource_type="azure-native:storage:StorageAccount",
            name="storage",
            props={"accountName": name, "allowSharedKeyAccess": True},
        )
        refused: list[str] = []
        noted: list[str] = []
        keys.validate(args, lambda message, _, told=refused: told.append(message))
        keys.tell_exceptions(args, lambda message, _, told=noted: told.append(message))
        assert (len(refused), len(noted)) == (broken, told), name
        said = f"; an exception, until {until}: a migration (p.yaml: no_keys)"
        assert all(line.endswith(said) for line in noted)


class _Args(msgspec.Struct):
    resource_type: str
    name: str
    props: dict[str, Any]


@pytest.mark.parametrize(
    ("token", "props", "name"),
    [
        ("storage:BlobContainer", {"accountName": "st", "containerName": "data"}, "data"),
        ("keyvault:Vault", {"vaultName": "kv"}, "kv"),
        ("resources:ResourceGroup", {"resourceGroupName": "rg"}, "rg"),
        ("machinelearningservices:Workspace", {"workspaceName": "hub"}, "hub"),
        ("machinelearningservices:ServerlessEndpoint", {"name": "e", "workspaceName": "p"}, "e"),
        ("managedidentity:UserAssignedIdentity", {"resourceName": "id"}, "id"),
        ("authorization:RoleAssignment", {"principalId": "who", "scope": "/x"}, "who"),
    ],
)
def test_a_resource_of_a_program_is_known_by_its_name_in_azure(
    token: str, props: dict[str, Any], name: str
) -> None:
    subject = subject_of(f"azure-native:{token}", "logical", props)
    assert subject is not None
    assert subject.also == (name,)
