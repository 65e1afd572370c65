"""Which source of the target wins, and what is refused."""

import json
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.target import (
    Source,
    choose,
    from_config_file,
    from_environment,
    from_pulumi_stack,
    read_stack_outputs,
    resolve,
)

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
OUTPUTS = {
    "schemaVersion": 1,
    "subscriptionId": SUBSCRIPTION,
    "resourceGroupName": "rg-stack",
    "projectName": "project-stack",
    "registeredProviders": ["Microsoft.Network"],
}


@pytest.fixture(autouse=True)
def no_target_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def test_flags_win_over_the_environment_file_and_stack(tmp_path: Path) -> None:
    config = {"subscription_id": SUBSCRIPTION, "resource_group": "rg-file", "workspace_name": "p"}
    write_config(tmp_path, config)
    target = resolve(
        subscription_id=SUBSCRIPTION, resource_group="rg-flag", project=None, folder=tmp_path
    )
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
    assert resolve(folder=tmp_path).project == "from-environment"


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
