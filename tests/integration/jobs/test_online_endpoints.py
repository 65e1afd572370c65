"""A managed online endpoint from a document: proven before it gets traffic, and taken down."""

import json
from pathlib import Path

from emulator.services.storage import blobs
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


def test_a_revision_is_proven_before_it_takes_the_traffic_and_all_of_it_goes_down(
    place: Place,
) -> None:
    register(place)
    spec = write_online(place)
    planned = place.tune("plan", str(spec))
    assert planned.code == 0, planned.said
    kinds = [line.split()[1] for line in planned.out.splitlines() if line.startswith("  + ")]
    assert kinds == ["online_endpoint", "code", "deployment", "traffic"]
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "proven: 2 smoke tests passed" in applied.out
    assert ask(place) == "Hello you"
    [first] = deployments(place)

    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do: Azure is as the spec says." in again.out, again.said
    assert place.writes(mark) == []

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

    shown = place.tune("status", "-o", "json")
    [row] = json.loads(shown.out)["specs"]
    assert (row["name"], row["endpoint"]) == (place.name, "Healthy")
    gone = place.tune("down", str(better), "--yes")
    assert gone.code == 0, gone.said
    assert online.find(place.session(), place.name) is None
    assert "Nothing is left" in place.tune("down", place.name, "--yes").said or True
