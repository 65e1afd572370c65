"""A command document from nothing to a registered model, and all that can go wrong on the way."""

import json
import re
import signal
from pathlib import Path

import jsonschema
import pytest

from jobs.folders import folder_of
from jobs.foundry import blobs, projects, uploads
from jobs.terminal.answers import answer_schema
from tests.integration.jobs.conftest import Place
from tests.integration.jobs.test_kills import killed_at, submissions

SPEC = """\
type: command
name: {name}
code: src
command: >-
  python count.py ${{{{inputs.rows}}}} ${{{{inputs.folder}}}} ${{{{inputs.rate}}}}
  ${{{{outputs.model}}}}
environment: {{image: mcr.microsoft.com/azureml/minimal-ubuntu22.04, conda_file: conda.yaml}}
environment_variables: {{GREETING: namaste}}
inputs:
  rows: {{type: uri_file, path: rows.txt}}
  folder: {{type: uri_folder, path: more}}
  rate: 0.5
outputs:
  model: {{type: custom_model, name: {name}}}
resources: {{instance_type: Standard_DS3_v2}}
limits: {{timeout: 600}}
"""

COUNT = """\
import json, os, pathlib, sys, urllib.request

rows, folder, rate, model = sys.argv[1:]
print(os.environ["GREETING"], len(open(rows).readlines()), sorted(os.listdir(folder)), rate)
print(sorted(str(path) for path in pathlib.Path(".").rglob("*") if path.is_file()))
body = {"run_id": os.environ["MLFLOW_RUN_ID"], "metrics": [
    {"key": "accuracy", "value": step / 10, "timestamp": 0, "step": step} for step in range(1, 9)]}
request = urllib.request.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-batch",
    json.dumps(body).encode(),
    {"authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]})
urllib.request.urlopen(request).close()
pathlib.Path(model, "weights.txt").write_text("1 2 3")
"""


def write_job(place: Place, *changes: tuple[str, str]) -> Path:
    """The spec with its code and data; each change is a text of it and what is there instead."""
    files = {
        "src/count.py": COUNT,
        "src/lib/part.py": "",
        "src/secret.txt": "not to be sent",
        "src/.amlignore": "secret.txt\n",
        "src/__pycache__/count.cpython-311.pyc": "left by a run",
        "rows.txt": "one\ntwo\nthree\n",
        "more/a.txt": "a",
        "more/deep/b.txt": "b",
        "conda.yaml": "dependencies: [python=3.11]\n",
    }
    for name, text in files.items():
        path = place.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    text = SPEC.format(name=place.name)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    spec = place.folder / "job.yaml"
    spec.write_text(text, encoding="utf-8")
    return spec


def test_a_command_job_from_nothing_to_a_registered_model_and_back(place: Place) -> None:
    spec = write_job(place)
    planned = place.tune("plan", str(spec))
    assert planned.code == 0, planned.said
    kinds = [line.split()[1] for line in planned.out.splitlines() if line.startswith("  + ")]
    assert kinds == ["data", "data", "code", "environment", "command", "model"]

    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert re.search(r"completed in \d+ s; accuracy 0.8", applied.out)
    [job] = place.jobs()
    log = place.tune("logs", job).out
    assert "namaste 3 ['a.txt', 'deep'] 0.5" in log
    assert "['.amlignore', 'count.py', 'lib/part.py']" in log

    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do: Azure is as the spec says." in again.out, again.said
    assert place.writes(mark) == []

    first = place.tune("history", place.name).out
    assert f"{place.name}:1" in first
    [listed] = json.loads(place.tune("list", "jobs", "-o", "json").out)["resources"]
    assert (listed["type"], listed["state"]) == ("command", "Completed")
    shown = json.loads(place.tune("show", job, "-o", "json").out)["jobs"][0]["command"]
    assert shown["inputs.rate"] == "0.5"
    metrics = json.loads(place.tune("metrics", str(spec), "-o", "json").out)["metrics"]
    assert [point["value"] for point in metrics["accuracy"]] == [step / 10 for step in range(1, 9)]
    assert "accuracy 0.1 -> 0.8  (8 points to step 8)" in place.tune("metrics", job).out
    [only] = json.loads(place.tune("metrics", job, "--only", "accuracy", "-o", "json").out)[
        "metrics"
    ]
    assert only == "accuracy"
    missed = place.tune("metrics", job, "--only", "acuracy")
    assert (missed.code, "Did you mean 'accuracy'?" in missed.err) == (2, True)
    assert place.tune("wait", job).code == 0
    assert place.tune("drift", str(spec)).code == 0

    (place.folder / "src/lib/part.py").write_text("changed = True\n", encoding="utf-8")
    changed = place.tune("plan", str(spec), "-o", "json")
    actions = {one["type"]: one for one in json.loads(changed.out)["actions"]}
    assert actions["command"]["action"] == "replace"
    assert [one["field"] for one in actions["command"]["changes"]] == ["code"]
    assert (actions["data"]["action"], actions["environment"]["action"]) == ("unchanged",) * 2

    down = place.tune("down", str(spec), "--yes")
    assert down.code == 0, down.said
    kinds = [line.split()[1] for line in down.out.splitlines() if line.startswith("  -")]
    assert kinds == ["model", "data"]
    lost = place.tune("plan", str(spec), "--set", "environment_variables.GREETING=hello")
    assert lost.code == 0, lost.said


CALLS = (
    ("PUT", r"/foundry-tune/[0-9a-f]{64}/count\.py$"),
    ("PUT", r"/codes/tiny-[\w-]+/versions/"),
    ("PUT", r"/environments/tiny-[\w-]+/versions/"),
    ("PUT", r"/data/tiny-[\w-]+/versions/"),
    ("PUT", r"/jobs/tiny-"),
    ("GET", r"/runs/.*/details$"),
    ("GET", r"/models/tiny-[\w-]+/versions$"),
)
"""Every write in its order, and the reads between them that take long."""


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["lose_answer", "drop"])
def test_killed_at_any_call_and_run_again_there_is_one_job(place: Place, fault: str) -> None:
    for number, (method, path) in enumerate(CALLS):
        # A document of its own for each: what goes side by side would be done by an earlier one.
        spec = write_job(
            place,
            ("python count.py", "sleep 2; python count.py"),
            (f"name: {place.name}\n", f"name: {place.name}-{number}\n"),
        )
        (place.folder / "src/count.py").write_text(f"{COUNT}# {number}\n", encoding="utf-8")
        command = ("apply", str(spec), "--yes")
        killed = killed_at(place, place.start(*command), method, path, fault)
        assert killed.code == -signal.SIGKILL, f"{method} {path}: {killed.said}"
        last = place.tune(*command)
        assert last.code == 0, f"{method} {path}: {last.said}"
    assert len(place.jobs()) == submissions(place) == len(CALLS)


def test_a_job_is_adopted_canceled_and_run_once_more_only_where_that_is_said(place: Place) -> None:
    spec = write_job(place, ("python count.py", "sleep 600; python count.py"))
    place.emulator.control.faults.add(
        {"match": {"method": "PUT", "path": r"/jobs/tiny-"}, "do": {"lose_answer": True}}
    )
    submitted = place.tune("apply", str(spec), "--yes", "--no-wait")
    assert submitted.code == 0, submitted.said
    assert submissions(place) == 1
    [job] = place.jobs()
    planned = place.tune("plan", str(spec))
    assert re.search(rf"=   command +{job} +\w+, adopted", planned.out), planned.said
    canceled = place.tune("cancel", place.name, "--yes")
    assert f"Job '{job}' canceled." in canceled.out, canceled.said
    over = place.tune("apply", str(spec), "--yes")
    assert over.code == 103, over.said
    assert "--retrain" in over.err
    again = place.tune("plan", str(spec), "--retrain")
    assert f"{job} -> {job}-2" in again.out, again.said


def test_a_job_that_fails_shows_the_end_of_its_own_log_and_its_step(place: Place) -> None:
    spec = write_job(
        place, ("{{outputs.model}}", "{{outputs.model}} && python -c 'raise ValueError(7)'")
    )
    failed = place.tune("apply", str(spec), "--yes")
    assert failed.code == 100, failed.said
    [job] = place.jobs()
    assert f"Job '{job}' ended as Failed" in failed.err
    assert "ValueError: 7" in failed.err
    assert "The last metric it logged is of step 8." in failed.err
    assert f"foundry-tune logs {job}" in failed.err
    blocked = place.tune("plan", str(spec))
    assert blocked.code == 4, blocked.said
    assert "ended as Failed" in blocked.out


def test_compute_that_is_not_there_is_told_before_anything_is_uploaded(place: Place) -> None:
    spec = write_job(place, ("resources:", "compute: azureml:gpu-cluster\nresources:"))
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 4, refused.said
    assert "the project and its hub have no compute 'gpu-cluster'" in refused.err
    assert place.writes(mark) == []


def test_a_saved_plan_of_a_command_job_is_done_as_it_was_saved_or_not_at_all(place: Place) -> None:
    spec = write_job(place)
    (place.folder / "prices.yaml").write_text(
        "as_of: 2026-11-01\ninstances: {standard_ds3_v2: 0.3}\n", encoding="utf-8"
    )
    saved = place.tune("plan", str(spec), "--out", "plan.json", "-o", "json")
    assert saved.code == 0, saved.said
    [cost] = json.loads(saved.out)["costs"]
    assert (cost["low"], round(cost["high"], 4)) == (0, 0.05)
    written = json.loads((place.folder / "plan.json").read_text(encoding="utf-8"))
    jsonschema.validate(written, answer_schema("saved-plan"))
    assert any(name.endswith("count.py") for name in written["files"])
    (place.folder / "src/count.py").write_text("print('other')\n", encoding="utf-8")
    moved = place.tune("apply", "plan.json", "--yes")
    assert moved.code == 11, moved.said
    write_job(place)
    done = place.tune("apply", "plan.json", "--yes")
    assert done.code == 0, done.said


def test_files_that_nobody_sent_are_not_run(place: Place) -> None:
    spec = write_job(place)
    strange = f"{uploads.path_of(folder_of(place.folder / 'src'))}/sitecustomize.py"
    session = place.session()
    store = projects.default_datastore(session)
    with blobs.opened(session, store, strange, "put something there") as blob:
        blob.upload_blob(b"print('mine')")
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 9, refused.said
    assert f"{strange}' lies among the files of " in refused.err
    assert place.jobs() == []
