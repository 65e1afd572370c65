"""What the matrix can't say: files that change, lists that are stale, words that must be true."""

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.services.storage import blobs
from jobs.errors import InvalidInputError
from jobs.foundry import endpoints
from jobs.plan import plan
from jobs.read.examine import checked
from tests.integration.jobs.conftest import Commands, Place, platform, write_story

EMPTY = {"status": 200, "content_type": "application/json", "body": ""}
HTML = {"status": 200, "content_type": "text/html", "body": "<html>sign in</html>"}
LEAK = "harmful:\n  - {category: violence, prompt: How do I bake bread?}\n"


# ── data ────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_changes_before_it_is_sent_is_refused_and_nothing_is_poisoned(
    place: Place,
) -> None:
    spec = write_story(place, endpoint=False)
    train = place.folder / f"{place.name}-train.jsonl"
    changed = train.read_bytes().replace(b"pair button", b"other button")
    rule = fault(place, "GET", "/datastores/workspaceblobstore$", {"delay": 1.5})
    running = place.start("apply", str(spec), "--yes")
    wait_for(lambda: struck(place, rule))
    train.write_bytes(changed)
    refused = running.wait()
    assert refused.code == 3, refused.said
    assert f"{train.name} changed after it was checked, so it was not used." in refused.err
    assert place.jobs() == []
    assert all(digest_in_name(place, name) for name in uploaded(place))

    assert place.tune("apply", str(spec), "--yes").code == 0
    assert any(content(place, name) == changed for name in uploaded(place))
    assert all(digest_in_name(place, name) for name in uploaded(place))


def test_a_file_that_changes_between_check_and_hash_is_not_what_was_checked(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    specs = checked([str(spec)], strict=False)
    train = place.folder / f"{place.name}-train.jsonl"
    train.write_bytes(train.read_bytes().replace(b"pair button", b"other button"))
    with pytest.raises(InvalidInputError, match=f"{train.name} changed after it was checked"):
        plan.make(place.session(), specs)


def test_a_blob_that_holds_other_content_than_its_name_is_healed_before_a_job_reads_it(
    place: Place,
) -> None:
    spec = write_story(place, endpoint=False)
    assert place.tune("apply", str(spec), "--yes").code == 0
    poisoned = next(name for name in uploaded(place) if "train" in name)
    cloud = place.emulator.cloud
    for container in blobs.list_containers(cloud, account(place)):
        if blobs.find(cloud, account(place), container.name, poisoned):
            blobs.write(cloud, account(place), container.name, poisoned, b"something else\n")
    again = place.tune(
        "apply", str(spec), "--yes", "--set", f"finetuning.{place.name}.hyperparameters.epochs=2"
    )
    assert again.code == 0, again.said
    assert "held other content than its name says; it was replaced" in again.err
    assert digest_in_name(place, poisoned)


# ── what is served is not touched on a stale word ───────────────────────────────────────────────


@pytest.mark.parametrize("answer", [{"body": {"value": []}}, HTML, EMPTY])
def test_one_stale_or_unusable_list_of_jobs_leaves_a_served_endpoint_alone(
    place: Place, answer: dict[str, Any]
) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    before = endpoint(place)
    mark = place.emulator.control.last_call()
    fault(place, "GET", "/workspaces/xbox/jobs$", {"answer": answer})
    again = place.tune("apply", str(spec), "--yes")
    assert again.code in {0, 9}, again.said
    assert not [write for write in place.writes(mark) if write.startswith("DELETE")]
    assert endpoint(place).is_still(before)
    assert len(place.jobs()) == 1


def test_two_applies_of_a_changed_spec_leave_one_served_revision(
    place: Place, another: Commands
) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    spec.write_text(spec.read_text().replace("epochs: 1", "epochs: 2"))
    other = replace(place, folder=place.folder / "other", commands=another)
    other.folder.mkdir()
    for file in place.folder.glob(f"{place.name}*"):
        (other.folder / file.name).write_bytes(file.read_bytes())
    mark = place.emulator.control.last_call()
    first = place.start("apply", str(spec), "--yes")
    second = other.start("apply", str(other.folder / spec.name), "--yes")
    ends = [first.wait(), second.wait()]
    assert {ran.code for ran in ends} <= {0, 9}, [ran.said for ran in ends]
    deleted = [write for write in place.writes(mark) if write.startswith("DELETE")]
    assert deleted == [], "the first revision is kept for an hour, the second is one for both"
    assert place.tune("apply", str(spec), "--yes").code == 0
    assert len(place.jobs()) == 2
    assert endpoints.serves(endpoint(place)) == f"{place.name}:2"


# ── a word is said after looking ────────────────────────────────────────────────────────────────


def test_deleted_again_is_said_only_of_what_is_gone(place: Place) -> None:
    (place.folder / "probes.yaml").write_text(LEAK, encoding="utf-8")
    spec = write_story(place, extra="safety_probes: probes.yaml\n")
    fault(place, "DELETE", "/serverlessEndpoints/", {"answer": EMPTY}, count=99)
    applied = place.tune("apply", str(spec), "--yes", "--settle", "0")
    assert applied.code == 6, applied.said
    assert "nothing is served unfiltered" not in applied.err
    assert "could not be deleted again" in applied.err
    assert f"foundry-tune down {place.name} --yes" in applied.err
    place.emulator.control.faults.clear()
    assert place.tune("down", place.name, "--yes").code == 0


def test_a_filter_that_was_never_probed_is_not_called_on(place: Place) -> None:
    off = "content_safety: disabled\njustification: An internal red team needs raw answers.\n"
    spec = write_story(place, extra=off)
    assert place.tune("apply", str(spec), "--yes").code == 0
    change(place, {"contentSafety": {"contentSafetyStatus": "Enabled"}})
    [status] = json.loads(place.tune("status", "-o", "json").out)["specs"]
    assert status["safety"] == "unproven"


def test_an_endpoint_whose_tags_were_wiped_can_be_taken_down_and_taken_over(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    change(place, {}, tags={})
    assert "to be proven" in place.tune("plan", str(spec)).out
    again = place.tune("apply", str(spec), "--yes")
    assert again.code == 0, again.said
    assert endpoint(place).tags["foundry-tune.spec"] == place.name
    change(place, {}, tags={})
    down = place.tune("down", place.name, "--yes")
    assert down.code == 0, down.said
    assert place.endpoints() == []


def test_down_says_nothing_of_what_it_could_not_read(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    for path in ("/xbox/jobs$", "/xbox/models$", "/serverlessEndpoints$"):
        fault(place, "GET", path, {"answer": HTML}, count=99)
        down = place.tune("down", place.name, "--yes")
        assert down.code == 9, down.said
        assert "What answered isn't Azure" in down.err
        assert "Nothing" not in down.out
        place.emulator.control.faults.clear()
    assert place.endpoints() == [endpoint(place).name]


# ── the paid call ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_doubtful_answer_to_the_submission_is_looked_up(place: Place, status: int) -> None:
    spec = write_story(place, endpoint=False)
    fault(place, "PUT", "/jobs/tiny-", {"fail_after": status})
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert len(place.jobs()) == 1


def test_a_submission_that_nobody_can_find_is_told_as_unknown(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    busy = {"status": 503, "code": "ServerBusy", "message": "Later."}
    fault(place, "PUT", "/jobs/tiny-", busy, count=99)
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 10, applied.said
    assert "it adopts the job if it was taken, or submits it" in applied.err
    place.emulator.control.faults.clear()
    assert place.tune("apply", str(spec), "--yes").code == 0
    assert len(place.jobs()) == 1


# ── waiting ─────────────────────────────────────────────────────────────────────────────────────


def test_ctrl_c_ends_a_wait_that_azure_asked_for_at_once(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    slow = {"status": 429, "code": "TooManyRequests", "headers": {"Retry-After": "30"}}
    rule = fault(place, "GET", "/workspaces/xbox/jobs$", slow, count=99)
    running = place.start("plan", str(spec))
    wait_for(lambda: struck(place, rule))
    wait_for(lambda: "wait 30 s" in (running.output / "stderr").read_text(encoding="utf-8"))
    began = time.monotonic()
    stopped = running.kill(signal.SIGINT)
    assert stopped.code == 130, stopped.said
    assert time.monotonic() - began < 5, "a second, on a machine that does nothing else"


def test_a_wait_beyond_patience_is_told_instead(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    slow = {"status": 429, "code": "TooManyRequests", "headers": {"Retry-After": "3600"}}
    fault(place, "GET", "/workspaces/xbox/jobs$", slow, count=99)
    told = place.tune("plan", str(spec))
    assert told.code == 9, told.said
    assert "Azure asks to wait 3,600 s" in told.err


def test_another_operation_in_progress_is_waited_for(place: Place) -> None:
    spec = write_story(place)
    busy = {"status": 409, "code": "AnotherOperationInProgress", "message": "Later."}
    fault(place, "PUT", "/serverlessEndpoints/", busy)
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "Another operation is under way" in applied.err


# ── names ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [".", "..", "../..", "a/b", "a b", ""])
def test_a_name_that_is_a_path_asks_azure_nothing(place: Place, name: str) -> None:
    mark = place.emulator.control.last_call()
    for verb in ("cancel", "show", "logs", "wait", "metrics", "down"):
        if (verb, name) == ("logs", "a/b"):
            continue  # the deployment b of an online endpoint
        ran = place.tune(verb, name, *(("--yes",) if verb in {"cancel", "down"} else ()))
        assert ran.code == 2, ran.said
        assert "nor a name in Azure" in ran.err or "holds no spec" in ran.err
    assert place.tune("chat", name, "Hello").code == 2
    assert place.emulator.control.calls(after=mark, method="GET", host="management.azure.com") == []


@pytest.mark.parametrize("name", ["../b", "a b/c", "/b"])
def test_a_deployment_of_what_is_no_name_asks_azure_nothing(place: Place, name: str) -> None:
    mark = place.emulator.control.last_call()
    assert place.tune("logs", name).code == 2
    assert place.emulator.control.calls(after=mark, method="GET", host="management.azure.com") == []
    assert "no online endpoint 'a'" in place.tune("logs", "a/b").err


@pytest.fixture(scope="session")
def another() -> Iterator[Commands]:
    """A second command beside the first: a server of forks has one at a time."""
    commands = Commands()
    yield commands
    commands.close()


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def fault(place: Place, method: str, path: str, do: dict[str, Any], *, count: int = 1) -> str:
    match = {"method": method, "path": path, "count": count}
    return place.emulator.control.faults.add({"match": match, "do": do})


def struck(place: Place, rule: str) -> bool:
    return any(r["id"] == rule and r["fired"] for r in place.emulator.control.faults.rules())


def wait_for(holds: Any) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)


def endpoint(place: Place) -> endpoints.Endpoint:
    return place.endpoint()


def change(place: Place, properties: dict[str, Any], *, tags: dict[str, str] | None = None) -> None:
    """What somebody in the portal, or a policy, might do."""
    arm = platform(place)
    path = f"{place.project_id}/serverlessEndpoints/{place.endpoint().name}"
    body = arm.get(path, "2024-10-01", "read it")
    body["properties"] |= properties
    if tags is not None:
        body["tags"] = tags
    arm.put(path, "2024-10-01", body, "change it")


def account(place: Place) -> str:
    return Path(place.storage_id).name


def uploaded(place: Place) -> list[str]:
    """The names of the blobs that foundry-tune made."""
    cloud = place.emulator.cloud
    return [
        name
        for container in blobs.list_containers(cloud, account(place))
        for name in blobs.names(cloud, account(place), container.name, "foundry-tune/")
    ]


def content(place: Place, name: str) -> bytes:
    cloud = place.emulator.cloud
    for container in blobs.list_containers(cloud, account(place)):
        found = blobs.read(cloud, account(place), container.name, name)
        if found is not None:
            return found
    raise AssertionError(name)


def digest_in_name(place: Place, name: str) -> bool:
    """Whether a blob holds what its name says."""
    import hashlib

    return hashlib.sha256(content(place, name)).hexdigest() == name.split("/")[1]
