"""What stands in the way is said before anything is written: access, regions, dates, providers."""

import json
import uuid
from typing import Any

import pytest

from emulator.server import Emulator
from tests.integration.jobs.conftest import (
    Commands,
    Place,
    make_environment,
    platform,
    write_story,
)

NETWORK = "Microsoft.Network"


@pytest.fixture
def bare(emulator: Emulator, subscription: str, commands: Commands, tmp_path: object) -> Place:
    """A project in which the developer has no role yet."""
    from pathlib import Path

    place = Place(emulator, subscription, Path(str(tmp_path)), commands)
    make_environment(place, roles=())
    return place


def test_a_missing_role_is_named_with_who_can_give_it(bare: Place) -> None:
    spec = write_story(bare)
    mark = bare.emulator.control.last_call()
    planned = bare.tune("plan", str(spec))
    assert planned.code == 4, planned.said
    assert "You may not read project 'xbox' (AuthorizationFailed)." in planned.err
    assert "'Azure AI Developer' on the resource group" in planned.err
    applied = bare.tune("apply", str(spec), "--yes")
    assert applied.code == 4, applied.said
    assert bare.writes(mark) == []


def test_a_reader_may_plan_and_is_told_what_applying_takes(bare: Place) -> None:
    from emulator.rehearsal.identities import DEVELOPER

    reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    bare.emulator.control.assign(DEVELOPER[1], reader, bare.group_id)
    spec = str(write_story(bare))
    planned = bare.tune("plan", spec, "-o", "json")
    assert planned.code == 0, "a pull request's pipeline plans, and has no right to more"
    access = [c for c in json.loads(planned.out)["checks"] if c["subject"] == "access"]
    assert [check["status"] for check in access] == ["unverified", "unverified"]
    assert access[0]["message"] == "you may not submit jobs, only look (whoever applies must)"
    mark = bare.emulator.control.last_call()
    applied = bare.tune("apply", spec, "--yes")
    assert applied.code == 4, applied.said
    assert (
        f"az role assignment create --assignee-object-id {DEVELOPER[1]} --assignee-principal-type "
        f"ServicePrincipal --role 'Azure AI Developer' --scope {bare.group_id}\n"
    ) in applied.err
    assert bare.writes(mark) == []


def test_who_has_a_part_of_the_rights_is_refused_by_the_plan_already(bare: Place) -> None:
    from emulator.rehearsal.identities import DEVELOPER

    path = f"{bare.group_id}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
    body: dict[str, Any] = {
        "roleName": f"jobs only {bare.subscription}",
        "assignableScopes": [bare.group_id],
        "permissions": [
            {
                "actions": [
                    "Microsoft.Authorization/*/read",
                    "Microsoft.MachineLearningServices/workspaces/*/read",
                    "Microsoft.MachineLearningServices/workspaces/jobs/write",
                    "Microsoft.MachineLearningServices/workspaces/data/versions/write",
                ]
            }
        ],
    }
    platform(bare).put(path, "2022-04-01", {"properties": body}, "make a role")
    bare.emulator.control.assign(DEVELOPER[1], path.rpartition("/")[2], bare.group_id)
    planned = bare.tune("plan", str(write_story(bare)), "-o", "json")
    assert planned.code == 4, planned.said
    (access,) = [c for c in json.loads(planned.out)["checks"] if c["subject"] == "access"]
    assert access["status"] == "fail"
    assert access["message"].startswith("you may not create endpoints (missing: ")
    assert access["rule"] == "FT-R002"
    told = bare.tune("doctor").out
    assert "you may not create endpoints" in told
    assert f"--role 'Azure AI Developer' --scope {bare.group_id}" in told
    assert f"--role 'Storage Blob Data Contributor' --scope {bare.storage_id}" in told


def test_a_developer_passes_and_what_cannot_be_known_is_unverified(place: Place) -> None:
    planned = place.tune("plan", str(write_story(place)), "-o", "json")
    checks = {c["subject"]: c for c in json.loads(planned.out)["checks"]}
    assert checks["access"]["status"] == "pass"
    assert checks["access"]["message"] == "you may submit jobs and create endpoints"
    assert checks["quota"]["status"] == "unverified"


def test_upload_without_the_data_role_names_that_role(bare: Place) -> None:
    from emulator.rehearsal.identities import DEVELOPER
    from tests.integration.jobs.conftest import AI_DEVELOPER

    bare.emulator.control.assign(DEVELOPER[1], AI_DEVELOPER, bare.group_id)
    applied = bare.tune("apply", str(write_story(bare)), "--yes")
    assert applied.code == 4, applied.said
    assert "Storage Blob Data Contributor" in applied.err
    assert bare.jobs() == []


def test_an_unregistered_provider_fails_the_plan(
    emulator: Emulator, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.integration.jobs.conftest import platform

    path = f"/subscriptions/{place.subscription}/providers/{NETWORK}/unregister"
    platform(place).post(path, "2021-04-01", "unregister it")
    planned = place.tune("plan", str(write_story(place)))
    assert planned.code == 4, planned.said
    assert f"{NETWORK} is " in planned.out
    assert "[FT-R001]" in planned.out
    assert "pulumi up" in planned.out


def test_a_retired_model_is_refused_with_its_date_and_its_successor(place: Place) -> None:
    spec = write_story(place)
    text = spec.read_text(encoding="utf-8").replace("Phi-4-mini-instruct", "Phi-3-mini-4k-instruct")
    spec.write_text(text, encoding="utf-8")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code in {3, 4}, applied.said
    assert "Phi-3-mini-4k-instruct retired on 2025-08-30" in applied.said
    assert "Phi-4-mini-instruct" in applied.said
    past = place.tune("plan", str(spec), "--date", "2025-06-01")
    assert past.code == 0, past.said


def test_a_model_of_the_marketplace_is_said_to_take_a_subscription(place: Place) -> None:
    spec = place.folder / "llama.yaml"
    model = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"
    text = f"type: serverless_endpoint\nname: {place.name}\nmodel: {model}\n"
    spec.write_text(text, encoding="utf-8")
    planned = place.tune("plan", str(spec), "-o", "json")
    assert planned.code == 0, planned.said
    checks = {check["subject"]: check for check in json.loads(planned.out)["checks"]}
    assert checks["marketplace"]["status"] == "unverified"
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code != 0
    assert f"make a marketplace subscription to {model}" in applied.err
    assert "marketplace" not in place.tune("plan", str(write_story(place))).out


def test_nobody_to_ask_and_no_yes_spends_nothing(place: Place) -> None:
    mark = place.emulator.control.last_call()
    asked = place.tune("apply", str(write_story(place)))
    assert asked.code == 2, asked.said
    assert "This trains a model" in asked.err
    assert "--yes" in asked.err
    assert place.writes(mark) == []


def test_a_project_that_is_not_there_is_named(place: Place) -> None:
    planned = place.tune("plan", str(write_story(place)), "-w", "nobody")
    assert planned.code == 4
    assert "There is no project 'nobody' in resource group 'rg-jobs'." in planned.err


def test_a_hub_is_no_place_to_fine_tune(place: Place) -> None:
    planned = place.tune("plan", str(write_story(place)), "-w", "hub-jobs")
    assert planned.code == 4
    assert "'hub-jobs' is a workspace of kind Hub" in planned.err


def test_no_credential_says_what_to_set(place: Place) -> None:
    names = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")
    planned = place.tune("plan", str(write_story(place)), **dict.fromkeys(names))
    assert planned.code == 8, planned.said
    assert "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET" in planned.err


@pytest.mark.parametrize("value", ["", None], ids=["empty", "unset"])
def test_half_a_credential_names_the_other_half(place: Place, value: str | None) -> None:
    planned = place.tune("plan", str(write_story(place)), AZURE_CLIENT_SECRET=value)
    assert planned.code == 8, planned.said
    assert "AZURE_CLIENT_SECRET is not set." in planned.err


def test_a_wrong_secret_is_refused_in_entras_words_and_never_shown(place: Place) -> None:
    planned = place.tune("plan", str(write_story(place)), AZURE_CLIENT_SECRET="wrong-secret")
    assert planned.code == 8, planned.said
    assert "AADSTS7000215" in planned.err
    assert "wrong-secret" not in planned.said


def test_no_reachable_azure_is_one_clear_line_within_seconds(place: Place) -> None:
    proxy = "http://127.0.0.1:9"
    planned = place.tune("plan", str(write_story(place)), HTTPS_PROXY=proxy, https_proxy=proxy)
    assert planned.code == 9, planned.said
    assert "The proxy 127.0.0.1:9 that HTTPS_PROXY names can't be reached" in planned.err
    assert "Traceback" not in planned.said


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_that_are_not_there_are_told_by_their_variable(
    place: Place, variable: str
) -> None:
    for named, why in (
        ("/none.pem", "there is no such file"),
        (__file__, "no file of certificates"),
    ):
        asked = place.tune("list", **{variable: named})
        assert asked.code == 9, asked.said
        assert f"{variable} is '{named}', " in asked.err
        assert why in asked.err
        assert "Traceback" not in asked.said


def test_a_broken_spec_gives_every_finding_and_reaches_for_nothing(place: Place) -> None:
    spec = place.folder / "broken.yaml"
    spec.write_text("type: finetuning\nname: x\nmodell: y\nepocs: 3\n", encoding="utf-8")
    mark = place.emulator.control.last_call()
    planned = place.tune("plan", str(spec))
    assert planned.code == 3
    assert "broken.yaml:3:1: modell: unknown field" in planned.err
    assert "broken.yaml:4:1: epocs: unknown field" in planned.err
    assert place.emulator.control.last_call() == mark
