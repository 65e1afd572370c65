"""`plan --out` and `apply plan.json`: exactly what was reviewed is done, or nothing."""

import json
import signal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jobs.terminal.answers import answer_schema
from tests.integration.jobs.conftest import Place, platform, write_story
from tests.integration.jobs.finished import finish
from tests.integration.jobs.test_kills import killed_at, submissions


@pytest.fixture
def spec(place: Place) -> Path:
    """A story that was applied long ago."""
    written = write_story(place)
    finish(place, [written])
    return written


HOSTILE = "@everyone <img src=x> | `code` [a](https://evil.example) <!-- -->"


def test_the_comment_escapes_what_files_say_and_folds_the_preview(place: Place) -> None:
    spec = write_story(place)
    (place.folder / "preview.txt").write_text(f"+ create\n```\n{HOSTILE}\n", encoding="utf-8")
    told = place.tune("plan", str(spec), "--markdown", "--preview", "preview.txt")
    assert told.code == 0, told.said
    lines = told.out.splitlines()
    assert lines[0] == "<!-- foundry-tune:plan rg-jobs/xbox -->"
    assert lines[1].startswith("## foundry-tune: ")
    assert "to create" in lines[1]
    assert "<details><summary>Infrastructure: pulumi preview</summary>" in lines
    fence = lines.index("````text")
    assert lines[fence + 1 : fence + 5] == ["+ create", "```", HOSTILE, "````"]
    assert f" | endpoint | {place.name}-" in told.out


def test_a_comment_is_no_longer_than_github_takes_and_says_what_it_leaves_out(
    place: Place,
) -> None:
    spec = write_story(place)
    preview = "".join(f"{number} {'x' * 100} @all\n" for number in range(2_000))
    (place.folder / "preview.txt").write_text(preview, encoding="utf-8")
    told = place.tune("plan", str(spec), "--markdown", "--preview", "preview.txt")
    assert told.code == 0, told.said
    assert 60_000 < len(told.out) <= 65_536
    assert "lines of “Infrastructure: pulumi preview”. The log has the rest." in told.out
    assert told.out.count("```") % 2 == 0


def test_a_preview_in_json_shows_operations_and_no_values(place: Place) -> None:
    steps = [
        {
            "op": "create",
            "urn": f"urn:pulumi:dev::p::azure-native:storage:StorageAccount::{HOSTILE}",
            "newState": {"inputs": {"key": "topsecret"}},
        },
        {"op": "same", "urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"},
    ]
    (place.folder / "preview.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
    told = place.tune("plan", str(write_story(place)), "--markdown", "--preview", "preview.json")
    assert told.code == 0, told.said
    assert "| create | azure-native:storage:StorageAccount | &#64;everyone &#60;img" in told.out
    assert "topsecret" not in told.out
    assert "1 unchanged." in told.out
    assert "**Environment** 1 to create, 1 unchanged" in told.out


def save(place: Place, *arguments: str, code: int = 0) -> Path:
    planned = place.tune("plan", *arguments, "--out", "plan.json")
    assert planned.code == code, planned.said
    return place.folder / "plan.json"


@pytest.mark.rehearsal
def test_killed_and_applied_again_a_saved_plan_ends_with_one_job(place: Place) -> None:
    save(place, str(write_story(place, epochs=6, rows=60)))
    for method, path in (
        ("PUT", r"/jobs/tiny-"),
        ("GET", r"/runs/.*/details$"),
        ("PUT", r"/serverlessEndpoints/tiny-[\w-]+$"),
        ("POST", r"^/chat/completions$"),
        ("PATCH", r"/serverlessEndpoints/tiny-[\w-]+$"),
        ("PUT", r"/connections/tiny-\w+$"),
    ):
        running = place.start("apply", "plan.json", "--yes")
        killed = killed_at(place, running, method, path, "lose_answer")
        assert killed.code == -signal.SIGKILL, killed.said
    last = place.tune("apply", "plan.json", "--yes")
    assert last.code == 0, last.said
    assert len(place.jobs()) == 1
    assert submissions(place) == 1
    mark = place.emulator.control.last_call()
    again = place.tune("apply", "plan.json", "--yes")
    assert (again.code, place.writes(mark)) == (0, []), again.said


def test_a_plan_killed_at_its_submission_goes_on_with_the_same_job(place: Place) -> None:
    save(place, str(write_story(place, endpoint=False)))
    running = place.start("apply", "plan.json", "--yes")
    killed_at(place, running, "PUT", r"/jobs/tiny-", "lose_answer")
    last = place.tune("apply", "plan.json", "--yes")
    assert last.code == 0, last.said
    assert submissions(place) == 1


def test_a_file_that_changed_since_refuses_before_azure_is_asked(place: Place) -> None:
    save(place, str(write_story(place)))
    with (place.folder / f"{place.name}-train.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", "plan.json", "--yes")
    assert refused.code == 11, refused.said
    assert f"{place.name}-train.jsonl: " in refused.err
    assert " → " in refused.err
    assert place.emulator.control.calls(after=mark) == []


def test_an_endpoint_that_changed_in_azure_since_refuses_and_says_how(
    place: Place, spec: Path
) -> None:
    save(place, str(spec))
    change_endpoint(place, {"contentSafety": {"contentSafetyStatus": "Disabled"}})
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", "plan.json", "--yes")
    assert refused.code == 11, refused.said
    assert "content_safety: Enabled → Disabled" in refused.err
    assert place.writes(mark) == []


def test_a_plan_of_another_project_version_or_hand_is_refused(place: Place, spec: Path) -> None:
    file = save(place, str(spec))
    saved = json.loads(file.read_text(encoding="utf-8"))
    require_schema("saved-plan", saved)
    planned = place.tune("plan", str(spec), "-o", "json")
    require_schema("plan", json.loads(planned.out))

    file.write_text(json.dumps({**saved, "files": {}}), encoding="utf-8")
    refused = place.tune("apply", "plan.json", "--yes")
    assert (refused.code, "somebody edited it" in refused.err) == (3, True), refused.said

    file.write_text(json.dumps({**saved, "tool": "0.0.1"}), encoding="utf-8")
    refused = place.tune("apply", "plan.json", "--yes")
    assert (refused.code, "saved by foundry-tune 0.0.1" in refused.err) == (2, True)

    file.write_text(json.dumps(saved), encoding="utf-8")
    refused = place.tune("apply", "plan.json", "--yes", AZURE_PROJECT="another")
    assert (refused.code, "is a plan for project 'xbox'" in refused.err) == (2, True)

    refused = place.tune("apply", "plan.json", "--yes", "--retrain")
    assert (refused.code, "says by itself" in refused.err) == (2, True)


def test_a_plan_is_written_over_a_plan_and_over_nothing_else(place: Place, spec: Path) -> None:
    save(place, str(spec))
    save(place, str(spec))
    (place.folder / "package.json").write_text("{}", encoding="utf-8")
    refused = place.tune("plan", str(spec), "--out", "package.json")
    assert (refused.code, "no plan; nothing is overwritten" in refused.err) == (2, True)


def require_schema(of: str, answer: Any) -> None:
    """What a command answers is what its published schema says."""
    schema = answer_schema(of)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator: Any = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(answer)] == []


def change_endpoint(place: Place, properties: dict[str, Any], tags: Any = None) -> None:
    """What somebody does in the portal, behind the files' back."""
    (name,) = place.endpoints()
    path = f"{place.project_id}/serverlessEndpoints/{name}"
    arm = platform(place)
    found = arm.get(path, "2024-10-01", "read it")
    body = {key: found[key] for key in ("location", "sku") if key in found}
    kept = found["properties"]
    body["tags"] = found.get("tags", {}) if tags is None else tags
    body["properties"] = {
        "authMode": kept["authMode"],
        "contentSafety": kept["contentSafety"],
        "modelSettings": kept["modelSettings"],
        **properties,
    }
    arm.put(path, "2024-10-01", body, "change it")
