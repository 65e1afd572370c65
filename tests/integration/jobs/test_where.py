"""A spec finds its target from wherever the command runs, and says where it looked."""

import json
from dataclasses import replace

from tests.integration.jobs.conftest import GROUP, PROJECT, Place, write_story

NOBODY = {"AZURE_RESOURCE_GROUP": None, "AZURE_PROJECT": None}


def test_a_spec_in_another_folder_is_planned_and_served_where_its_own_folder_says(
    place: Place,
) -> None:
    spec = write_story(place, name=place.name)
    elsewhere = place.folder / "elsewhere"
    elsewhere.mkdir()
    away = replace(place, folder=elsewhere)
    lost = away.tune("plan", str(spec), **NOBODY)
    assert lost.code == 2
    for folder in (place.folder, elsewhere):
        assert f".azureml/config.json: none in {folder} or above it" in lost.err
    assert "the environment: only subscription" in lost.err
    assert lost.err.splitlines()[-1] == "  Name it: -g … -w …"

    config = place.folder / "specs-home" / ".azureml"
    config.mkdir(parents=True)
    written = {"subscription_id": place.subscription, "resource_group": GROUP}
    (config / "config.json").write_text(json.dumps({**written, "workspace_name": PROJECT}))
    for file in place.folder.glob(f"{place.name}*"):
        file.rename(config.parent / file.name)
    spec = config.parent / spec.name
    planned = away.tune("plan", str(spec), **NOBODY)
    assert planned.code == 0, planned.said
    assert f"from .azureml/config.json in {config.parent}" in planned.out
    at_home = replace(place, folder=config.parent)
    assert at_home.tune("plan", spec.name, **NOBODY).code == 0
    relative = away.tune("plan", f"../specs-home/{spec.name}", **NOBODY)
    assert relative.code == 0, relative.said
    told = away.tune("doctor", str(spec), **NOBODY)
    assert told.code == 0, told.said
    assert f"{PROJECT}   from .azureml/config.json in {config.parent}" in told.out
    assert away.tune("status", str(spec), **NOBODY).code == 0
    assert away.tune("status", **NOBODY).code == 2, "without the spec nothing says where"


def test_specs_of_two_projects_in_one_command_are_refused_and_nothing_is_written(
    place: Place,
) -> None:
    specs: list[str] = []
    for project in (PROJECT, "other"):
        folder = place.folder / project
        (folder / ".azureml").mkdir(parents=True)
        content = {
            "subscription_id": place.subscription,
            "resource_group": GROUP,
            "workspace_name": project,
        }
        (folder / ".azureml" / "config.json").write_text(json.dumps(content), encoding="utf-8")
        specs.append(
            str(write_story(replace(place, folder=folder), name=f"{place.name}-{project}"))
        )
    mark = place.emulator.control.last_call()
    for verb in (("apply", *specs, "--yes"), ("down", *specs, "--yes"), ("plan", *specs)):
        refused = place.tune(*verb, **NOBODY)
        assert refused.code == 2, refused.said
        assert f"{specs[0]} is for project {PROJECT} of {GROUP}" in refused.err
        assert f"{specs[1]} for project other of {GROUP}" in refused.err
    assert place.writes(mark) == []
