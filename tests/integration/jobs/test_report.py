"""A report, and a difference, of what was trained, served and evaluated; nobody is asked for it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.jobs.conftest import Place, write_story

pytestmark = pytest.mark.rehearsal

EPOCHS = "finetuning.hyperparameters.epochs"
EXTRA = """\
---
type: serverless_endpoint
name: {name}-base
model: azureml://registries/azureml/models/Phi-4-mini-instruct
---
type: evaluation
name: {name}-eval
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [token_f1, length]
base: ${{{{ serverless_endpoint.{name}-base }}}}
compare_with: [served, base]
gates: {{token_f1: ">= 0", length: "<= 10000"}}
max_tokens: 8
"""


@pytest.fixture
def story(place: Place) -> Path:
    """A spec with an evaluation that was applied."""
    spec = write_story(place, extra=EXTRA.format(name=place.name))
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    return spec


def test_a_spec_that_was_applied_is_told_whole(place: Place, story: Path) -> None:
    subprocess.run(["git", "init", "-q", str(place.folder)], check=True)
    git = ["git", "-C", str(place.folder), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run([*git, "add", story.name], check=True)
    subprocess.run([*git, "commit", "-qm", "spec"], check=True)
    head = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    mark = place.emulator.control.last_call()

    told = place.tune("report", str(story))
    assert told.code == 0, told.said
    # Azure ML's metrics are read by POST.
    assert [write for write in place.writes(mark) if "/metric/v2.0/" not in write] == []
    assert asked(place, mark) == 0
    [path] = place.folder.glob("*-report.html")
    revision = place.jobs()[0].removeprefix(f"{place.name}-")
    assert path.name == f"{place.name}-{revision}-report.html"
    assert f"{path.name}  " in told.out
    assert ": serves" in told.out
    page = path.read_text(encoding="utf-8")
    assert f"Serves: &#x27;{place.name}&#x27; leads to it since " in page
    assert "the content filter of" in page
    assert "is on and was probed" in page
    assert f"evaluation {place.name}-eval: token_f1 &gt;= 0 (it is 0." in page
    assert "the base model: Phi-4-mini-instruct" in page
    assert "token_f1 against Phi-4-mini-instruct" in page
    assert f"<dt>commit</dt><dd>{head}</dd>" in page
    assert page.count("<article") == 3
    assert "Loss over training steps" in page
    assert f"{place.name}-train.jsonl</h3>" in page
    assert '<th scope="row">training</th>' in page
    assert page.count("Not measured") == 0
    assert f"Trials of data asset {place.name}-filter, asked on " in page


def test_a_name_alone_is_told_without_what_only_the_spec_says(place: Place, story: Path) -> None:
    told = place.tune("report", place.name, "--markdown")
    assert told.code == 0, told.said
    assert told.out.startswith(f"## {place.name} `")
    assert "✅ **Serves**" in told.out
    assert "**Data**: not measured: a name alone doesn't say" in told.out
    assert "**Cost**: not measured: a name alone doesn't say" in told.out
    assert r"| exact\_match |" in told.out
    assert list(place.folder.glob("*-report.html")) == []


def test_a_spec_that_was_never_trained_is_no_report(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("report", str(spec)).code == 9
    assert place.tune("report", "nobody").err.startswith("The project has no training of 'nobody'.")
    assert list(place.folder.glob("*-report.html")) == []


def test_what_was_never_evaluated_or_is_taken_down_is_told_so(served: Place) -> None:
    spec = served.folder / f"{served.name}.yaml"
    told = served.tune("report", str(spec), "--markdown")
    assert told.code == 0, told.said
    assert "**Scores**: not measured: the spec has no evaluation of its endpoint." in told.out
    assert "➖ evaluation: the spec has no evaluation of its endpoint." in told.out
    alone = served.tune("report", served.name, "--markdown").out
    assert f"not measured: the project keeps no answers of {served.name}:1 to all" in alone

    assert served.tune("down", str(spec), "--yes").code == 0
    gone = served.tune("report", served.name, "--markdown")
    assert gone.code == 0, gone.said
    assert "❌ **No model**: job" in gone.out
    assert "no endpoint serves this revision, so there is no filter to look at" in gone.out
    assert "| training |" in gone.out


def test_the_filter_in_depth_is_told_of_the_endpoint_that_was_tried(served: Place) -> None:
    tried = served.tune("safety", served.name, "-o", "json")
    assert tried.code == 0, tried.said
    (served.folder / "safety.json").write_text(tried.out, encoding="utf-8")
    told = served.tune("report", served.name, "--safety", "safety.json")
    assert told.code == 0, told.said
    [path] = served.folder.glob("*-report.html")
    page = path.read_text(encoding="utf-8")
    assert "the content filter in depth: 0 leaks in " in page
    assert '<th scope="row">violence, high, prompt</th>' in page
    assert ", completion</th>" in page

    another = json.loads(tried.out) | {"endpoint": "another"}
    (served.folder / "another.json").write_text(json.dumps(another), encoding="utf-8")
    refused = served.tune("report", served.name, "--safety", "another.json")
    assert refused.code == 3
    assert "another.json is of endpoint 'another', and this revision is served by" in refused.err
    (served.folder / "none.json").write_text("[]", encoding="utf-8")
    assert served.tune("report", served.name, "--safety", "none.json").code == 3
    assert served.tune("report", served.name, "--safety", "missing.json").code == 3


def test_a_report_is_written_over_an_earlier_one_and_over_nothing_else(
    place: Place, story: Path
) -> None:
    assert place.tune("report", place.name).code == 0
    assert place.tune("report", place.name).code == 0
    [path] = place.folder.glob("*-report.html")
    path.write_text("mine", encoding="utf-8")
    refused = place.tune("report", place.name)
    assert refused.code == 2
    assert "is there already; nothing is overwritten." in refused.err
    assert path.read_text(encoding="utf-8") == "mine"
    assert place.tune("report", place.name, "--force").code == 0
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_open_shows_it_in_the_browser_that_there_is(place: Place, story: Path) -> None:
    browser = place.folder / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > "$(dirname "$0")/shown"\n', encoding="utf-8")
    browser.chmod(0o755)
    assert place.tune("report", place.name, "--open", BROWSER=f"{browser} %s").code == 0
    [path] = place.folder.glob("*-report.html")
    assert (place.folder / "shown").read_text(encoding="utf-8").strip() == path.as_uri()
    nobody = place.tune("report", place.name, "--open", BROWSER="false %s", PATH="/nowhere")
    assert nobody.code == 0
    assert "No browser was found here to show" in nobody.err


def test_two_revisions_are_held_against_each_other(place: Place, story: Path) -> None:
    [first] = [row["revision"] for row in history(place)]
    more = place.folder / f"{place.name}-train.jsonl"
    lines = more.read_text(encoding="utf-8").splitlines()
    changed = lines[0].replace("controller", "gamepad")
    more.write_text("\n".join([changed, *lines[1:]]) + "\n", encoding="utf-8")
    applied = place.tune("apply", str(story), "--yes", "--set", f"{EPOCHS}=3")
    assert applied.code == 0, applied.said
    second = history(place)[0]["revision"]
    mark = place.emulator.control.last_call()

    told = place.tune("diff", place.name, first[:6], second)
    assert told.code == 0, told.said
    assert told.out.startswith(f"{place.name}: {first} -> {second}\n")
    assert "hyperparameters.epochs" in told.out
    assert "training_data: 1 lines came, 1 went" in told.out
    assert "token_f1" in told.out
    assert " answers changed" in told.out
    written: dict[str, Any] = json.loads(
        place.tune("diff", str(story), first, second, "-o", "json").out
    )
    assert written["fields"]["hyperparameters.epochs"] == {"before": "1", "after": "3"}
    [data] = written["data"]
    assert (data["field"], data["lines_came"], data["lines_went"]) == ("training_data", 1, 1)
    [evaluation] = written["evaluations"]
    assert (evaluation["name"], evaluation["questions"]) == (f"{place.name}-eval", 3)
    assert list(evaluation["scores"]) == ["token_f1", "length"]
    [difference] = evaluation["differences"]
    scores = evaluation["scores"]["token_f1"]
    assert difference["difference"] == pytest.approx(scores["after"] - scores["before"])
    assert all(one["before"] != one["after"] for one in written["answers"])
    assert asked(place, mark) == 0

    told = place.tune("report", place.name, "--markdown")
    assert f"| revision {first}: {place.name}:1 |" in told.out
    back = place.tune("report", place.name, "--revision", first[:6], "--markdown")
    assert f"revision {second}, which serves" in back.out
    assert place.tune("diff", place.name, first, "nothing").code == 9


def history(place: Place) -> list[dict[str, Any]]:
    told = place.tune("history", place.name, "-o", "json")
    return json.loads(told.out)["revisions"]


def asked(place: Place, after: int) -> int:
    """How many questions were sent to endpoints since a call."""
    calls = place.emulator.control.calls(after=after)
    return sum(call["path"].startswith("/chat/completions") for call in calls)
