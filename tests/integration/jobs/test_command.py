"""A command document from nothing to a registered model, and all that can go wrong on the way."""

import json
import re
from pathlib import Path

from tests.integration.jobs.conftest import Place

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

    (place.folder / "src/lib/part.py").write_text("changed = True\n", encoding="utf-8")
    changed = place.tune("plan", str(spec), "-o", "json")
    actions = {one["type"]: one for one in json.loads(changed.out)["actions"]}
    assert actions["command"]["action"] == "replace"
    assert [one["field"] for one in actions["command"]["changes"]] == ["code"]
    assert (actions["data"]["action"], actions["environment"]["action"]) == ("unchanged",) * 2
