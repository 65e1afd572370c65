"""A managed online endpoint from a document: proven before it gets traffic, and taken down."""

import json
from pathlib import Path

import pytest

from emulator.services.storage import blobs
from jobs.errors import ConflictError
from jobs.foundry import online
from jobs.foundry.scoring import Scorer
from jobs.foundry.session import API_VERSION
from tests.integration.jobs.conftest import Place

SCORE = """\
import json, os, pathlib

def init():
    global greeting
    folder = pathlib.Path(os.environ["AZUREML_MODEL_DIR"])
    greeting = (folder / "model" / "greeting.txt").read_text()

def run(raw_data):
    return {"said": f"{greeting} {json.loads(raw_data)['name']}", "certainty": 0.9}
"""
SPEC = """\
type: online_endpoint
name: {name}
model: azureml:greeter:1
code_configuration: {{code: serve, scoring_script: score.py}}
environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
environment_variables: {{WHO: nobody}}
instance_type: Standard_DS3_v2
smoke_tests:
  - request: {{name: you}}
    expect: {{at: said, equals: Hello you}}
  - request: {{name: them}}
    expect: {{at: certainty, at_least: 0.5}}
"""


def write_online(place: Place, *changes: tuple[str, str], score: str = SCORE) -> Path:
    """The document with its script; each change is a text of it and what is there instead."""
    (place.folder / "serve").mkdir(exist_ok=True)
    (place.folder / "serve" / "score.py").write_text(score, encoding="utf-8")
    text = SPEC.format(name=place.name)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    spec = place.folder / "online.yaml"
    spec.write_text(text, encoding="utf-8")
    return spec


def register(place: Place, greeting: str = "Hello", version: str = "1") -> None:
    """A custom model of one file, as `az ml model create` makes it."""
    session = place.session()
    store = session.arm.get(
        f"{session.project_id}/datastores/workspaceblobstore", API_VERSION, "read the datastore"
    )["properties"]
    path = f"models/{version}/model"
    blobs.write(
        place.emulator.cloud,
        store["accountName"],
        store["containerName"],
        f"{path}/greeting.txt",
        greeting.encode(),
    )
    uri = f"azureml://datastores/workspaceblobstore/paths/{path}"
    body = {"properties": {"modelType": "custom_model", "modelUri": uri}}
    model = f"{session.project_id}/models/greeter/versions/{version}"
    session.arm.put(model, API_VERSION, body, "register the model")


def ask(place: Place, name: str = "you") -> str:
    """What the endpoint says, by its traffic."""
    session = place.session()
    endpoint = online.find(session, place.name)
    assert endpoint is not None
    scorer = Scorer(session, endpoint)
    said = scorer({"name": name})
    scorer.close()
    assert said.status == 200, said
    return str(json.loads(said.text)["said"])


def deployments(place: Place) -> dict[str, int]:
    """The deployments with their shares of the traffic."""
    session = place.session()
    endpoint = online.find(session, place.name)
    assert endpoint is not None
    found = online.deployments(session, place.name)
    return {one.name: endpoint.traffic.get(one.name, 0) for one in found}


def test_a_document_is_served_proven_and_taken_down(place: Place) -> None:
    register(place)
    spec = write_online(place)
    planned = place.tune("plan", str(spec), "--out", "plan.json")
    assert planned.code == 0, planned.said
    kinds = [line.split()[1] for line in planned.out.splitlines() if line.startswith("  + ")]
    assert kinds == ["online_endpoint", "code", "deployment", "traffic"]
    applied = place.tune("apply", "plan.json", "--yes")
    assert applied.code == 0, applied.said
    assert "proven: 2 smoke tests passed" in applied.out
    assert ask(place) == "Hello you"

    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do: Azure is as the spec says." in again.out, again.said
    assert place.writes(mark) == []
    [row] = json.loads(place.tune("status", "-o", "json").out)["specs"]
    assert (row["name"], row["endpoint"], row["safety"]) == (place.name, "Healthy", "no filter")
    [listed] = json.loads(place.tune("list", "endpoints", "-o", "json").out)["resources"]
    assert listed["about"] == "greeter:1, no filter"
    assert (
        f"{place.name}.eastus2.inference.ml.azure.com"
        in place.tune("connect", str(spec), "--uri").out
    )

    gone = place.tune("down", str(spec), "--yes")
    assert gone.code == 0, gone.said
    assert gone.out.index("-  deployment") < gone.out.index("-  endpoint")
    assert "Nothing that costs money is left" in gone.out
    assert online.find(place.session(), place.name) is None


@pytest.mark.rehearsal
def test_what_serves_is_not_touched_before_its_successor_is_proven(place: Place) -> None:
    register(place)
    applied = place.tune("apply", str(write_online(place)), "--yes")
    assert applied.code == 0, applied.said
    [first] = deployments(place)

    worse = SCORE.replace("json.loads(raw_data)['name']", "'nobody'")
    refused = place.tune("apply", str(write_online(place, score=worse)), "--yes")
    assert refused.code == 7, refused.said
    assert "smoke test 1: 'said' is Hello nobody, not \"Hello you\"" in refused.err
    assert deployments(place) == {first: 100}
    broken = SCORE.replace("    global greeting", "    raise RuntimeError('no weights here')")
    refused = place.tune("apply", str(write_online(place, score=broken)), "--yes")
    assert refused.code == 7, refused.said
    assert "did not start" in refused.err
    assert "no weights here" in refused.err
    assert deployments(place) == {first: 100}
    assert ask(place) == "Hello you"

    register(place, "Good day", "2")
    better = write_online(place, ("greeter:1", "greeter:2"), ("equals: Hello", "equals: Good day"))
    applied = place.tune("apply", str(better), "--yes")
    assert applied.code == 0, applied.said
    assert ask(place) == "Good day you"
    [second] = deployments(place)
    assert second != first


@pytest.mark.rehearsal
def test_a_killed_apply_is_gone_on_with_and_moved_traffic_is_not_moved_back(place: Place) -> None:
    register(place)
    slow = SCORE.replace(
        "    global greeting", "    global greeting\n    import time; time.sleep(3)"
    )
    spec = write_online(place, score=slow)
    running = place.start("apply", str(spec), "--yes")
    session = place.session()
    while online.find(session, place.name) is None or not deployments(place):
        assert not running.is_over()
    running.kill()
    [made] = online.deployments(session, place.name)
    assert made.proof == ""
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert deployments(place) == {made.name: 100}
    [adopted] = online.deployments(session, place.name)
    assert adopted.created == made.created

    seen = online.find(session, place.name)
    assert seen is not None
    online.move_traffic(session, seen, {})
    with pytest.raises(ConflictError, match="moved by somebody else"):
        online.move_traffic(session, seen, {made.name: 100})


COMMAND = """\
type: command
name: {name}-job
command: printf Hello > ${{{{outputs.model}}}}/greeting.txt
environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
outputs:
  model: {{type: custom_model, name: {name}}}
resources: {{instance_type: Standard_DS3_v2}}
---
"""


@pytest.mark.rehearsal
def test_the_model_of_a_command_job_is_served(place: Place) -> None:
    score = SCORE.replace('folder / "model" / "greeting.txt"', 'next(folder.rglob("greeting.txt"))')
    reference = f"${{{{ command.{place.name}-job.registered_model }}}}"
    spec = write_online(place, ("azureml:greeter:1", reference), score=score)
    text = COMMAND.format(name=place.name) + spec.read_text(encoding="utf-8")
    spec.write_text(text, encoding="utf-8")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert ask(place) == "Hello you"
    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do: Azure is as the spec says." in again.out, again.said
    assert place.writes(mark) == []
