"""Fine-tuning jobs through ARM: what is refused, what trains, what cancel and delete do."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from emulator.server import Emulator

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import (
        Foundry,
        MakeFoundry,
        Trained,
    )


def test_a_finished_job_shows_what_it_was_and_what_it_registered(
    foundry: Foundry, trained: Trained
) -> None:
    properties = foundry.job(trained.name)["properties"]
    assert properties["jobType"] == "FineTuning"
    assert properties["fineTuningDetails"]["taskType"] == "ChatCompletion"
    assert properties["outputs"]["registered_model"]["assetName"] == trained.name
    assert properties["properties"]["totalSteps"] == "12"
    assert properties["services"]["Studio"]["endpoint"].startswith("https://ml.azure.com/runs/")
    model = foundry.developer.ok("GET", trained.model)["properties"]
    assert model["properties"]["baseModelId"].endswith("/Phi-4-mini-instruct")
    assert model["properties"]["hasDeltaWeights"] == "true"
    assert "stand-in" in model["description"]
    assert "Seed: 42" in model["description"]


def test_the_same_put_again_changes_nothing_and_another_body_is_refused(
    foundry: Foundry, trained: Trained
) -> None:
    same = foundry.job_body(trained.data, trained.name)
    status, answer = foundry.submit(trained.name, same)
    assert (status, answer["properties"]["status"]) == (200, "Completed")
    renamed = foundry.job_body(trained.data, trained.name)
    renamed["properties"]["displayName"] = "Renamed"
    assert foundry.submit(trained.name, renamed)[1]["properties"]["displayName"] == "Renamed"
    other = foundry.job_body(trained.data, trained.name, epochs="2")
    status, answer = foundry.submit(trained.name, other)
    assert (status, answer["error"]["code"]) == (400, "UserError")
    assert "A job with this name already exists" in answer["error"]["message"]


def test_a_lost_answer_leaves_one_job_that_the_next_put_finds(
    emulator: Emulator, foundry: Foundry, trained: Trained
) -> None:
    name = f"lost-{uuid.uuid4().hex[:8]}"
    body = foundry.job_body(trained.data, name)
    rule = {"match": {"method": "PUT", "path": f"/jobs/{name}"}, "do": {"lose_answer": True}}
    emulator.control.faults.add(rule)
    # Through a proxy, urllib3 takes a lost answer for a lost proxy: no sign that it was committed.
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        foundry.submit(name, body)
    assert foundry.submit(name, body)[0] == 200
    assert foundry.wait_for_job(name)["properties"]["status"] == "Completed"
    versions = foundry.developer.ok("GET", f"{foundry.project}/models/{name}/versions")["value"]
    assert [version["name"] for version in versions] == ["1"]


def test_the_service_refuses_before_it_starts(foundry: Foundry, trained: Trained) -> None:
    def refused(**change: Any) -> str:
        status, answer = foundry.submit("refused", foundry.job_body(trained.data, "x", **change))
        assert status == 400, answer
        return answer["error"]["message"]

    assert "retired on 2025-08-30" in refused(model="Phi-3-mini-4k-instruct")
    assert "no version '7'" in refused(model="Phi-4-mini-instruct/versions/7")
    assert "not a hyperparameter" in refused(hyperParameters={"epochs": "1"})
    missing = "azureml://datastores/workspaceblobstore/paths/nowhere.jsonl"
    data = {"jobInputType": "uri_file", "uri": missing}
    assert "there is no blob" in refused(trainingData=data)
    assert foundry.developer("GET", f"{foundry.project}/jobs/refused")[0] == 404


def test_phi_3_trains_when_the_date_and_the_region_are_the_guides(
    the_guides_day: None, another_foundry: MakeFoundry, conversations: Path
) -> None:
    def submit(foundry: Foundry) -> tuple[int, Any]:
        uri = foundry.upload(conversations)
        parameters = {"learning_rate": "0.00002"}
        body = foundry.job_body(
            uri, "phi3", model="Phi-3-mini-4k-instruct/versions/14", hyperParameters=parameters
        )
        return foundry.submit("phi3", body)

    status, answer = submit(another_foundry(location="westus3"))
    assert status == 400
    assert answer["error"]["message"] == (
        "Phi-3-mini-4k-instruct : Serverless FineTuning not supported in westus3."
    )
    east = another_foundry(location="eastus2")
    assert submit(east)[0] == 201
    assert east.wait_for_job("phi3")["properties"]["status"] == "Completed"


def test_a_stable_api_version_does_not_know_fine_tuning(foundry: Foundry, trained: Trained) -> None:
    status, answer = foundry.developer(
        "PUT",
        f"{foundry.project}/jobs/stable",
        foundry.job_body(trained.data, "x"),
        version="2024-10-01",
    )
    assert status == 400
    assert "preview" in answer["error"]["message"]


def test_microsoft_network_must_be_registered(foundry: Foundry, trained: Trained) -> None:
    unregistered = f"/subscriptions/{foundry.subscription}/providers/Microsoft.Network"
    foundry.platform.ok("POST", f"{unregistered}/unregister", version="2021-04-01")
    try:
        # As the developer, who may not register providers: azure-mgmt-core would for an Owner.
        name = f"unregistered-{uuid.uuid4().hex[:6]}"
        status, answer = foundry.submit(name, foundry.job_body(trained.data, "x"))
        assert status == 409
        assert answer["error"]["code"] == "MissingSubscriptionRegistration"
        assert answer["error"]["details"][0]["target"] == "Microsoft.Network"
    finally:
        foundry.platform.ok("POST", f"{unregistered}/register", version="2021-04-01")


def test_too_few_rows_fail_the_job_in_the_services_words(
    foundry: Foundry, tmp_path: Path, conversations: Path
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(conversations.read_text().splitlines(keepends=True)[:11]))
    name = f"few-{uuid.uuid4().hex[:8]}"
    foundry.submit(name, foundry.job_body(foundry.upload(few), name))
    job = foundry.wait_for_job(name)
    assert job["properties"]["status"] == "Failed"
    assert foundry.developer("GET", f"{foundry.project}/models/{name}")[0] == 404


def test_a_running_job_is_canceled_and_then_may_be_deleted(
    foundry: Foundry, conversations: Path
) -> None:
    name = f"long-{uuid.uuid4().hex[:8]}"
    path = f"{foundry.project}/jobs/{name}"
    foundry.submit(name, foundry.job_body(foundry.upload(conversations), name, epochs="10"))
    while "totalSteps" not in foundry.job(name)["properties"]["properties"]:
        time.sleep(0.02)
    assert foundry.developer("DELETE", path)[0] == 409
    foundry.developer.wait("POST", f"{path}/cancel")
    assert foundry.wait_for_job(name)["properties"]["status"] == "Canceled"
    status, answer = foundry.developer("POST", f"{path}/cancel")
    assert status == 400
    assert "Canceled already" in answer["error"]["message"]
    foundry.developer.wait("DELETE", path)
    assert foundry.developer("GET", path)[0] == 404


def test_without_rights_on_the_blobs_the_projects_identity_fails_the_job(
    another_foundry: MakeFoundry, conversations: Path
) -> None:
    foundry = another_foundry()
    uri = foundry.upload(conversations)
    assignments = f"{foundry.storage}/providers/Microsoft.Authorization/roleAssignments"
    identity = foundry.platform.ok("GET", foundry.project)["identity"]["principalId"]
    listed = foundry.platform.ok("GET", assignments, version="2022-04-01")["value"]
    for one in listed:
        if one["properties"]["principalId"] == identity:
            foundry.platform.ok("DELETE", one["id"], version="2022-04-01")
    foundry.submit("blind", foundry.job_body(uri, "blind"))
    assert foundry.wait_for_job("blind")["properties"]["status"] == "Failed"


def test_data_assets_are_found_by_their_id(foundry: Foundry, conversations: Path) -> None:
    uri = foundry.upload(conversations)
    asset = f"{foundry.project}/data/xbox-train/versions/1"
    body = {"properties": {"dataType": "uri_file", "dataUri": uri}}
    foundry.developer.ok("PUT", asset, body, version="2023-04-01-preview")
    container = foundry.developer.ok("GET", f"{foundry.project}/data/xbox-train")["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("1", "2")
    body["properties"]["dataUri"] = uri + ".other"
    status, answer = foundry.developer("PUT", asset, body)
    assert status == 400
    assert "dataUri cannot be changed" in answer["error"]["message"]
    name = f"asset-{uuid.uuid4().hex[:8]}"
    status, answer = foundry.submit(name, foundry.job_body(asset, name))
    assert status == 201
    foundry.developer.wait("POST", f"{foundry.project}/jobs/{name}/cancel")


def test_lines_that_are_no_conversation_are_skipped_with_a_warning(
    foundry: Foundry, tmp_path: Path, conversations: Path
) -> None:
    spoiled = tmp_path / "spoiled.jsonl"
    spoiled.write_text(conversations.read_text() + "not json\n" + json.dumps({"a": 1}) + "\n")
    name = f"spoiled-{uuid.uuid4().hex[:8]}"
    foundry.submit(name, foundry.job_body(foundry.upload(spoiled), name))
    assert foundry.wait_for_job(name)["properties"]["status"] == "Completed"
    listed = foundry.developer.ok("GET", f"{foundry.project}/jobs", listViewType="ActiveOnly")
    assert name in [job["name"] for job in listed["value"]]


def test_every_api_version_shows_the_job_as_far_as_it_knows_it(
    foundry: Foundry, trained: Trained
) -> None:
    path = f"{foundry.project}/jobs/{trained.name}"
    shown = {
        version: foundry.developer.ok("GET", path, version=version)["properties"]
        for version in ("2024-01-01-preview", "2024-10-01-preview", "2025-12-01")
    }
    assert {job["status"] for job in shown.values()} == {"Completed"}
    now, then = shown["2024-10-01-preview"], shown["2024-01-01-preview"]
    # What the two recorded answers differ by (azure-sdk-assets, test_maap_finetuning_job).
    assert now.keys() - then.keys() == {"resources", "queueSettings"}
    assert then.keys() - now.keys() == {"secretsConfiguration"}
    data = then["fineTuningDetails"]["trainingData"]
    assert data["pathOnCompute"] is None
    assert "pathOnCompute" not in now["fineTuningDetails"]["trainingData"]
    added = now["properties"]
    assert added["azureml.trainingData.assetId"] == trained.data
    assert {"azureml.PipelineType", "azureml.original_model_id", "StartTimeUtc"} <= added.keys()
    assert {"identity", "notificationSetting"} <= now.keys()


def test_a_job_is_running_from_its_answer_on_whatever_it_waits_for(
    foundry: Foundry, conversations: Path
) -> None:
    uri = foundry.upload(conversations)
    names = [f"waits-{uuid.uuid4().hex[:8]}" for _ in range(3)]
    said = [foundry.submit(name, foundry.job_body(uri, name, epochs="10")) for name in names]
    # One is at work at a time here, or a few: the last one waits, and the service doesn't say so.
    shown = foundry.job(names[-1])["properties"]["status"]
    for name in names:
        foundry.developer.wait("POST", f"{foundry.project}/jobs/{name}/cancel")
    assert [(status, answer["properties"]["status"]) for status, answer in said] == [
        (201, "Running")
    ] * 3
    assert shown == "Running"


def test_a_job_is_taken_with_the_place_where_it_is(foundry: Foundry, trained: Trained) -> None:
    name = f"placed-{uuid.uuid4().hex[:8]}"
    body = foundry.job_body(trained.data, name)
    answer = foundry.developer.send("PUT", f"{foundry.project}/jobs/{name}", body)
    assert answer.status_code == 201
    place = urlsplit(answer.headers["location"])
    assert place.path == f"{foundry.project}/jobs/{name}"
    foundry.wait_for_job(name)
