"""The smaller verbs on a served story, and what they load to do it."""

import json
import math
import os
import re
import subprocess
import sys

import pytest

from tests.integration.jobs.conftest import Place, Ran, write_story

LOADED = """\
import json, sys
from jobs.cli import main
code = main(sys.argv[1:])
heavy = {"azure.ai.ml", "pulumi", "rich"} & set(sys.modules)
sys.stderr.write(json.dumps(sorted(heavy)))
sys.exit(code)
"""


def test_every_look_at_a_served_story(served: Place) -> None:
    name = served.name
    metrics = served.tune("metrics", name)
    assert metrics.code == 0, metrics.said
    assert metrics.out.startswith("loss  ")
    assert re.search(r"best validation \d\.\d\d at step \d+ \(perplexity \d", metrics.out)
    best = json.loads(served.tune("metrics", served.name, "-o", "json").out)["best_validation"]
    assert best["perplexity"] == pytest.approx(math.exp(best["loss"]))
    points = json.loads(served.tune("metrics", name, "-o", "json").out)["metrics"]["train_loss"]
    assert [point["step"] for point in points] == sorted(point["step"] for point in points)

    listed = json.loads(served.tune("list", "-o", "json").out)["resources"]
    assert {row["type"] for row in listed} == {"finetuning", "model", "endpoint"}
    shown = json.loads(served.tune("show", name, "-o", "json").out)
    assert shown["jobs"][0]["hyperparameters"]["epochs"] == "1"
    assert shown["endpoints"][0]["content_safety"] == "Enabled"

    logs = served.tune("logs", name)
    assert logs.code == 0, logs.said
    assert "sig=" not in logs.said

    waited = served.tune("wait", name)
    assert waited.code == 0, waited.said
    assert "completed" in waited.out
    assert "is over already: Completed." in served.tune("cancel", name, "--yes").out

    [line] = served.tune("status", name).out.splitlines()[1:]
    assert line.split()[:6] == [name, *line.split()[1:3], f"{name}:1", "Healthy", "on"]

    told = served.tune("doctor")
    assert told.code == 0, told.said
    assert "from the environment" in told.out
    assert os.environ["AZURE_CLIENT_SECRET"] not in told.said

    files = json.loads(served.tune("checkpoint", name, "-o", "json").out)["files"]
    sizes = {file["path"]: file["bytes"] for file in files}
    assert {"model.safetensors", "tokenizer.json", "model_card.json"} <= set(sizes)
    came = served.tune("checkpoint", name, "--download", "out")
    assert came.code == 0, came.said
    folder = served.folder / "out" / f"{name}-1"
    here = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*")}
    assert here == sizes
    (folder / "model.safetensors").unlink()
    again = served.tune("checkpoint", f"{name}:1", "--download", "out")
    assert f"1 file came, {len(sizes) - 1} were there" in again.out
    (folder / "tokenizer.json").write_bytes(b"{}")
    (folder / "model.safetensors").unlink()
    revision = shown["jobs"][0]["name"].rpartition("-")[2][:4]
    refused = served.tune("checkpoint", name, "--revision", revision, "--download", "out")
    assert refused.code == 2, refused.said
    assert "tokenizer.json is there already, with other content" in refused.err
    assert not (folder / "model.safetensors").exists()
    assert served.tune("checkpoint", f"{name}:9").code == 9

    answered = served.tune("chat", name, "My controller keeps disconnecting.")
    assert answered.code == 0, answered.said


@pytest.mark.rehearsal
def test_looking_and_taking_down_never_loads_azure_ai_ml(served: Place) -> None:
    spec = str(served.folder / f"{served.name}.yaml")
    for arguments in (
        ("plan", spec),
        ("status",),
        ("metrics", served.name),
        ("chat", served.name, "Hello"),
        ("doctor",),
        ("down", spec, "--yes"),
    ):
        ran = in_a_process_of_its_own(served, *arguments)
        assert ran.code == 0, ran.said
        assert ran.err.endswith("[]"), f"{arguments}: {ran.err}"


def test_names_that_are_not_there_are_said(place: Place) -> None:
    for verb in ("metrics", "wait", "logs"):
        ran = place.tune(verb, "nobody")
        assert ran.code == 9, ran.said
        assert "no job 'nobody'" in ran.err
    assert "no endpoint 'nobody'" in place.tune("chat", "nobody", "Hello").err
    assert "foundry-tune list" in place.tune("show", "nobody").err
    assert place.tune("status").out == "Nothing that foundry-tune made is in this project.\n"
    down = place.tune("down", "nobody", "--yes")
    assert down.code == 4, down.said
    assert "Nothing was ever made for 'nobody'" in down.err


def test_a_model_that_another_endpoint_serves_stays_and_azures_rule_is_said(
    served: Place,
) -> None:
    from jobs.foundry import endpoints

    only = served.tune("down", served.name, "--only", "model", "--yes")
    assert only.code == 9, only.said
    assert f"'{served.name}:1' can't be deleted while endpoint '{served.name}-" in only.err

    # The same model behind an endpoint of another name: what somebody made in the portal.
    session = served.session()
    endpoint = served.endpoint()
    endpoints.delete(session, endpoint)
    other = f"other-{served.name}"
    theirs = endpoints.put(
        session,
        other,
        location="eastus2",
        model_id=endpoint.model_id,
        content_safety=True,
        auth_mode="Key",
        tags={},
    )
    refused = served.tune("down", served.name, "--yes")
    assert refused.code == 9, refused.said
    wanted = f"Model '{served.name}:1' can't be deleted while endpoint '{other}' serves it."
    assert wanted in refused.err
    endpoints.delete(session, theirs)
    assert served.tune("down", served.name, "--yes").code == 0


def test_taking_down_is_continued_where_it_was_cut_off(served: Place) -> None:
    served.emulator.control.faults.add(
        {
            "match": {"method": "DELETE", "path": r"/models/", "count": 50},
            "do": {"status": 503, "code": "ServerBusy", "message": "Later."},
        }
    )
    cut = served.tune("down", served.name, "--yes")
    assert cut.code == 9, cut.said
    assert "deleted" in cut.out
    served.emulator.control.faults.clear()
    rest = served.tune("down", served.name, "--yes")
    assert rest.code == 0, rest.said
    assert "endpoint" not in rest.out
    assert f"{served.name}:1" in rest.out
    assert rest.out.endswith(f"Nothing that costs money is left of {served.name}.\n")


def test_two_stories_train_side_by_side(place: Place) -> None:
    first = write_story(place, name=f"{place.name}-a", endpoint=False)
    second = write_story(place, name=f"{place.name}-b", endpoint=False)
    applied = place.tune("apply", str(first), str(second), "--yes")
    assert applied.code == 0, applied.said
    assert applied.out.count("completed") == 2
    assert len(place.jobs()) == 2


def test_not_waiting_submits_and_the_next_apply_follows(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    submitted = place.tune("apply", str(spec), "--yes", "--no-wait")
    assert submitted.code == 0, submitted.said
    assert "not waited for" in submitted.out
    followed = place.tune("apply", str(spec), "--yes")
    assert followed.code == 0, followed.said
    assert len(place.jobs()) == 1


def test_an_endpoint_somebody_else_made_is_left_alone(place: Place) -> None:
    from jobs.foundry import endpoints

    spec = write_story(place)
    endpoints.put(
        place.session(),
        place.name,
        location="eastus2",
        model_id="azureml://registries/azureml/models/Phi-4-mini-instruct",
        content_safety=True,
        auth_mode="Key",
        tags={"team": "other"},
    )
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 4, applied.said
    assert "foundry-tune didn't make it" in applied.err
    assert place.jobs() == []
    down = place.tune("down", str(spec), "--yes")
    assert down.code == 4, down.said
    assert f"If it is to go: foundry-tune down {place.name} --foreign" in down.err
    assert endpoints.find(place.session(), place.name) is not None
    gone = place.tune("down", place.name, "--foreign", "--yes")
    assert gone.code == 0, gone.said
    assert endpoints.find(place.session(), place.name) is None


def in_a_process_of_its_own(place: Place, *arguments: str) -> Ran:
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=place.folder,
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_history_tells_what_each_revision_changed_and_which_one_serves(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    assert (
        place.tune("apply", str(spec), "--yes", "--set", "finetuning.hyperparameters.epochs=2").code
        == 0
    )
    told = json.loads(place.tune("history", str(spec), "-o", "json").out)
    newest, first = told["revisions"]
    assert newest["changes"] == {"hyperparameters.epochs": {"before": "1", "after": "2"}}
    assert first["changes"] is None
    assert (newest["serves"], first["serves"]) == (True, False)
    assert newest["submitted_by"]
    table = place.tune("history", place.name).out.splitlines()
    assert table[1].endswith("epochs 1 -> 2")
    assert table[2].endswith("the first")
    missing = place.tune("history", "nothing-of-this-name")
    assert missing.code == 9, missing.said
