"""`drift` tells what changed behind the files' back, and repairs it; `orphans` what costs."""

import json
from dataclasses import replace

import pytest

from emulator.state.ids import parse_id
from emulator.state.store import Resource
from jobs.foundry import endpoints, projects
from jobs.money.price import of_catalogue
from tests.integration.jobs.conftest import Place, write_story
from tests.integration.jobs.finished import finish
from tests.integration.jobs.test_saved_plan import change_endpoint, require_schema


def test_what_was_changed_by_hand_is_told_and_nothing_else(place: Place) -> None:
    spec = write_story(place)
    finish(place, [spec])
    clean = place.tune("drift", str(spec))
    assert (clean.code, "No drift" in clean.out) == (0, True), clean.said
    change_endpoint(
        place,
        {"contentSafety": {"contentSafetyStatus": "Disabled"}, "authMode": "KeyAndAAD"},
        tags={"foundry-tune.spec": place.name},
    )
    mark = place.emulator.control.last_call()
    told = place.tune("drift", str(spec), "-o", "json")
    assert told.code == 12, told.said
    require_schema("drift", json.loads(told.out))
    found = {(one["kind"], one["was"], one["now"]) for one in json.loads(told.out)["drift"]}
    assert ("content_filter", "Enabled", "Disabled") in found
    assert ("auth_mode", "Key", "KeyAndAAD") in found
    assert {kind for kind, _, _ in found} == {"content_filter", "auth_mode", "tags"}
    assert place.writes(mark) == []


def test_a_deleted_model_and_a_name_that_was_led_elsewhere_are_told(place: Place) -> None:
    spec = write_story(place)
    finish(place, [spec])
    resources = place.emulator.cloud.resources
    connection = resources.get(parse_id(f"{place.project_id}/connections/{place.name}"))
    assert connection is not None
    connection.body["properties"]["target"] = "https://elsewhere.eastus2.models.ai.azure.com"
    resources.put(connection)
    told = place.tune("drift", str(spec), "-o", "json")
    assert told.code == 12, told.said
    (one,) = json.loads(told.out)["drift"]
    assert (one["kind"], one["where"]) == ("pointer", f"connection {place.name}")
    assert one["now"] == "leads to https://elsewhere.eastus2.models.ai.azure.com"


def test_keys_a_failed_state_and_an_endpoint_that_no_job_made_are_told(place: Place) -> None:
    spec = write_story(place, extra="auth_mode: aad\n")
    finish(place, [spec])
    [name] = place.endpoints()
    resources = place.emulator.cloud.resources
    own = endpoint_in_store(place, name)
    unknown = f"{place.name}-0123456789"
    resources.put(replace(own, id=parse_id(f"{place.project_id}/serverlessEndpoints/{unknown}")))
    own.body["properties"]["provisioningState"] = "Failed"
    resources.put(own)
    told = place.tune("drift", str(spec), "-o", "json")
    assert told.code == 12, told.said
    found = {(one["kind"], one["where"], one["now"]) for one in json.loads(told.out)["drift"]}
    assert found == {
        ("key_auth", f"endpoint {name}", "Key"),
        ("state", f"endpoint {name}", "Failed"),
        (
            "unknown_endpoint",
            f"endpoint {unknown}",
            f"serves {place.name}:1, of a revision that no job made",
        ),
    }


def test_a_model_that_somebody_deleted_is_told_with_the_job_that_made_it(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    asked = finish(place, [spec])
    version = parse_id(f"{place.project_id}/models/{place.name}/versions/1")
    place.emulator.cloud.resources.delete(version)
    told = place.tune("drift", str(spec), "-o", "json")
    assert told.code == 12, told.said
    (one,) = json.loads(told.out)["drift"]
    assert (one["kind"], one["now"]) == ("deleted_model", "deleted")
    assert one["was"] == f"registered by {asked.trainings[0].job_name}"


@pytest.mark.rehearsal
def test_fix_brings_the_filter_back_and_pays_for_no_job(served: Place) -> None:
    spec = f"{served.name}.yaml"
    change_endpoint(served, {"contentSafety": {"contentSafetyStatus": "Disabled"}}, tags={})
    fixed = served.tune("drift", spec, "--fix", "--yes")
    assert fixed.code == 0, fixed.said
    assert served.endpoint().is_filtered
    assert len(served.jobs()) == 1
    again = served.tune("drift", spec)
    assert again.code == 0, again.said


def test_a_job_that_runs_for_no_file_or_for_a_revision_of_yesterday_is_an_orphan(
    place: Place,
) -> None:
    gone = write_story(place, name=f"{place.name}b", endpoint=False)
    today = write_story(place, endpoint=False)
    asked = finish(place, [gone, today])
    for training in asked.trainings:
        job = parse_id(f"{place.project_id}/jobs/{training.job_name}")
        running = place.emulator.cloud.resources.get(job)
        assert running is not None
        running.body["properties"]["status"] = "Running"
        place.emulator.cloud.resources.put(running)
    assert place.tune("orphans", str(gone), str(today)).code == 0
    other = ("--set", "finetuning.hyperparameters.epochs=3")
    told = place.tune("orphans", str(today), *other, "-o", "json")
    assert told.code == 12, told.said
    found = {(one["why"], one["command"]) for one in json.loads(told.out)["orphans"]}
    jobs = {training.name: training.job_name for training in asked.trainings}
    assert found == {
        (
            f"no file has a finetuning '{place.name}b'",
            f"foundry-tune cancel {jobs[f'{place.name}b']}",
        ),
        (
            f"a revision that the file of '{place.name}' no longer has",
            f"foundry-tune cancel {jobs[place.name]}",
        ),
    }


def test_what_belongs_to_no_file_is_told_with_its_cost_and_never_deleted(place: Place) -> None:
    gone, stays = write_story(place), write_story(place, name=f"{place.name}b")
    finish(place, [gone, stays])
    session, resources = place.session(), place.emulator.cloud.resources
    for name in place.endpoints():
        endpoint = endpoint_in_store(place, name)
        workspace = projects.get(session).workspace_id
        model = name.rpartition("-")[0]
        settings = endpoint.body["properties"]["modelSettings"]
        settings["modelId"] = endpoints.model_id("eastus2", workspace, model, "1")
        resources.put(endpoint)
    mark = place.emulator.control.last_call()
    nothing = place.tune("orphans", str(gone), str(stays))
    assert nothing.code == 0, nothing.said
    told = place.tune("orphans", str(stays), "-o", "json")
    assert told.code == 12, told.said
    require_schema("orphans", json.loads(told.out))
    (one,) = json.loads(told.out)["orphans"]
    assert one["document"] == place.name
    hourly = of_catalogue("Phi-4-mini-instruct", "hosting", is_tuned=True).usd
    wanted = {"low": 24 * hourly, "high": 24 * hourly} if hourly else {"low": 0.0, "high": None}
    assert one["usd_per_day"] == wanted
    assert one["command"] == f"foundry-tune down {place.name} --only endpoint"
    assert place.writes(mark) == []
    assert len(place.endpoints()) == 2


def endpoint_in_store(place: Place, name: str) -> Resource:
    found = place.emulator.cloud.resources.get(
        parse_id(f"{place.project_id}/serverlessEndpoints/{name}")
    )
    assert found is not None
    return found
