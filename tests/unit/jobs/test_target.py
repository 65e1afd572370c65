"""Which source of the target wins, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.target.sources import (
    Source,
    from_config_file,
    from_environment,
    from_pulumi_stack,
    read_stack_outputs,
)
from jobs.target.target import choose, resolve

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
OUTPUTS = {
    "schemaVersion": 1,
    "subscriptionId": SUBSCRIPTION,
    "resourceGroupName": "rg-stack",
    "projectName": "project-stack",
    "registeredProviders": ["Microsoft.Network"],
}


@pytest.fixture(autouse=True)
def nothing_names_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing, and a folder of the test's own to work in."""
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_flags_win_over_the_environment_file_and_stack(tmp_path: Path) -> None:
    config = {"subscription_id": SUBSCRIPTION, "resource_group": "rg-file", "workspace_name": "p"}
    write_config(tmp_path, config)
    target = resolve(subscription_id=SUBSCRIPTION, resource_group="rg-flag")
    assert (target.resource_group, target.project) == ("rg-flag", "p")
    assert target.sources == {
        "subscription_id": "the flags",
        "resource_group": "the flags",
        "project": ".azureml/config.json",
    }


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_PROJECT", "from-environment")
    config = {"subscription_id": SUBSCRIPTION, "resource_group": "rg", "workspace_name": "file"}
    write_config(tmp_path, config)
    assert resolve().project == "from-environment"


def test_the_config_file_is_found_upwards(tmp_path: Path) -> None:
    write_config(tmp_path, {"resource_group": "rg-above"})
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert from_config_file(below).values == {"resource_group": "rg-above"}


def test_a_broken_config_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"config\.json: not readable as JSON"):
        from_config_file(tmp_path)


def test_the_stack_says_what_is_left() -> None:
    environment = from_environment({"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION})
    target = choose([environment, read_stack_outputs(json.dumps(OUTPUTS))])
    assert (target.resource_group, target.project) == ("rg-stack", "project-stack")
    assert target.origin == "the Pulumi stack's outputs"
    assert target.registered_providers == ("Microsoft.Network",)


def test_a_group_of_another_subscription_is_refused() -> None:
    other = from_environment({"AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000002"})
    with pytest.raises(UsageError, match="'rg-stack' comes from the Pulumi stack's outputs"):
        choose([other, read_stack_outputs(json.dumps(OUTPUTS))])


def test_what_is_missing_is_named_with_each_source_that_says_nothing() -> None:
    sources = [Source("the flags"), Source(".azureml/config.json", problem="not found")]
    with pytest.raises(UsageError, match="No subscription and resource group and project") as told:
        choose(sources)
    assert ".azureml/config.json: not found" in str(told.value)
    assert "--subscription … -g … -w …" in str(told.value)


def test_outputs_of_another_contract_are_refused() -> None:
    with pytest.raises(UsageError, match="schemaVersion 2; this version reads 1"):
        read_stack_outputs(json.dumps({**OUTPUTS, "schemaVersion": 2}))


def test_an_empty_stack_says_nothing() -> None:
    assert read_stack_outputs("{}").problem == "the stack has no outputs yet"


def test_no_pulumi_program_is_a_problem_in_words(tmp_path: Path) -> None:
    assert "no Pulumi.yaml" in from_pulumi_stack(tmp_path).problem


def test_no_pulumi_on_path_is_a_problem_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\nruntime: python\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert from_pulumi_stack(tmp_path).problem == "no `pulumi` on PATH"


# ── from a spec's own folder ────────────────────────────────────────────────────────────────────


def config(project: str) -> dict[str, str]:
    return {"subscription_id": SUBSCRIPTION, "resource_group": "rg", "workspace_name": project}


@pytest.fixture
def two_clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clones with a target each, the first of them the current folder."""
    for name in ("here", "there"):
        folder = tmp_path / name / "specs"
        folder.mkdir(parents=True)
        write_config(tmp_path / name, config(name))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_a_specs_own_folder_says_the_target_wherever_the_command_runs(two_clones: Path) -> None:
    assert resolve(specs=["specs/a.yaml"]).project == "here"
    target = resolve(specs=[str(two_clones / "there" / "specs" / "a.yaml")])
    assert target.project == "there"
    assert target.origin == f".azureml/config.json in {two_clones}/there"
    assert resolve(specs=["../there/specs/a.yaml"]).project == "there", "not by way of here"


def test_a_spec_that_lies_nowhere_is_for_the_current_folders_target(two_clones: Path) -> None:
    (two_clones / "elsewhere").mkdir()
    target = resolve(specs=[str(two_clones / "elsewhere" / "a.yaml")])
    assert (target.project, target.origin) == ("here", ".azureml/config.json")


def test_files_of_two_places_never_mix_into_one_target(two_clones: Path) -> None:
    shutil.rmtree(two_clones / "there" / ".azureml")
    write_config(two_clones / "there", {"resource_group": "rg-there"})
    with pytest.raises(UsageError, match="No subscription and project to work in") as told:
        resolve(specs=["../there/specs/a.yaml"])
    assert f".azureml/config.json in {two_clones}/there: only resource group" in str(told.value)


def test_two_specs_with_two_targets_are_refused_by_name(two_clones: Path) -> None:
    specs = ["specs/a.yaml", "../there/specs/b.yaml", "specs/c.yaml"]
    with pytest.raises(UsageError) as told:
        resolve(specs=specs)
    assert told.value.message == (
        "specs/a.yaml is for project here of rg (from .azureml/config.json), and "
        "../there/specs/b.yaml for project there of rg "
        f"(from .azureml/config.json in {two_clones}/there)."
    )
    assert resolve(project="one", specs=specs).project == "one", "the flags are for all"


def test_a_name_beside_a_spec_is_looked_for_where_the_command_runs(two_clones: Path) -> None:
    with pytest.raises(UsageError, match=r"^\.\./there/specs/b\.yaml is for .*the current folder"):
        resolve(specs=["../there/specs/b.yaml", None])
    assert resolve(specs=["specs/a.yaml", None]).project == "here"
    assert two_clones


def test_two_specs_whose_targets_are_the_same_place_go_together(two_clones: Path) -> None:
    (two_clones / "there" / ".azureml" / "config.json").write_text(
        json.dumps(config("HERE")), encoding="utf-8"
    )
    assert resolve(specs=["specs/a.yaml", "../there/specs/b.yaml"]).project == "here"


def test_every_place_is_listed_where_none_says_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError) as told:
        resolve(specs=["../there/a.yaml"])
    assert str(told.value).splitlines() == [
        "No subscription and resource group and project to work in. Looked at:",
        "  the flags: name nothing",
        "  the environment: "
        "sets none of AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP, AZURE_PROJECT",
        f"  .azureml/config.json: none in {tmp_path}/there or above it",
        f"  the Pulumi stack's outputs: no Pulumi.yaml in {tmp_path}/there or above it",
        f"  .azureml/config.json: none in {tmp_path}/here or above it",
        f"  the Pulumi stack's outputs: no Pulumi.yaml in {tmp_path}/here or above it",
        "  Name it: --subscription … -g … -w …",
    ]


def test_what_lies_in_a_folder_that_everybody_shares_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path, config("anybodys"))
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert resolve().project == "anybodys"
    tmp_path.chmod(0o1777)
    with pytest.raises(UsageError, match="to work in"):
        resolve()


def test_the_stack_is_asked_once_where_the_specs_program_lies(
    two_clones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pulumi` is a script here that says where it was asked, and then what the folder has."""
    shutil.rmtree(two_clones / "there" / ".azureml")
    program = two_clones / "there"
    (program / "Pulumi.yaml").write_text("name: x\nruntime: python\n", encoding="utf-8")
    (program / "outputs.json").write_text(json.dumps(OUTPUTS), encoding="utf-8")
    (program / "specs" / "below").mkdir()
    asked = two_clones / "asked.txt"
    script = two_clones / "bin" / "pulumi"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\npwd >> {asked}\ncat outputs.json\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    specs = ["../there/specs/a.yaml", "../there/specs/below/b.yaml"]
    target = resolve(specs=specs)
    assert (target.project, target.registered_providers) == (
        "project-stack",
        ("Microsoft.Network",),
    )
    assert target.origin == f"the Pulumi stack's outputs in {program}"
    assert asked.read_text(encoding="utf-8").splitlines() == [str(program)]
    (program / "outputs.json").write_text("{}", encoding="utf-8")
    assert resolve(specs=specs).project == "here", "an empty stack says nothing"
    shutil.rmtree(two_clones / "here" / ".azureml")
    with pytest.raises(UsageError) as told:
        resolve(specs=specs)
    said = f"the Pulumi stack's outputs in {program}: the stack has no outputs yet"
    assert said in str(told.value)
    assert "Make it with `pulumi stack select --create dev && pulumi up`" in told.value.next_step


def write_config(folder: Path, content: dict[str, str]) -> None:
    (folder / ".azureml").mkdir()
    (folder / ".azureml" / "config.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("subscription_id", "my-subscription"),
        ("resource_group", "rg/../../other"),
        ("resource_group", "rg?x=1"),
        ("resource_group", "rg."),
        ("project", "../hub"),
        ("project", "a b"),
    ],
)
def test_a_name_that_would_ask_elsewhere_is_refused(setting: str, value: str) -> None:
    good = {"subscription_id": SUBSCRIPTION, "resource_group": "rg", "project": "xbox"}
    assert choose([Source("the flags", good)]).project == "xbox"
    with pytest.raises(UsageError, match="from the flags, is no"):
        choose([Source("the flags", {**good, setting: value})])
