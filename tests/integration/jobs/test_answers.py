"""Answers are kept: nothing is asked twice, on this machine or another, whatever ends the run."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.services.inference import limits
from jobs.foundry import data, endpoints
from jobs.plan import desired
from jobs.plan.desired import Measuring
from jobs.proof.evaluation import measure
from jobs.read.examine import named
from jobs.terminal.progress import Reporter
from tests.integration.jobs.conftest import QUESTIONS, Place, write_story

EVALUATION = """\
---
type: evaluation
name: {name}-eval
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [token_f1]
gates: {{token_f1: "{gate}"}}
max_tokens: 4
"""


def write(place: Place, *, count: int = 12, gate: str = ">= 0") -> Path:
    """A story whose evaluation asks so many questions."""
    spec = write_story(place, extra=EVALUATION.format(name=place.name, gate=gate))
    write_questions(place, count)
    return spec


def write_questions(place: Place, count: int) -> None:
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"{question} [{index + 100}]"},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
        for index in range(count)
        for question, answer in [QUESTIONS[index % len(QUESTIONS)]]
    ]
    file = place.folder / f"{place.name}-test.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def asked(place: Place, after: int) -> int:
    """How many questions the project's endpoints were sent since a call."""
    calls = place.emulator.control.calls(after=after, method="POST", path="/chat/completions")
    return sum(str(call["host"]).startswith(place.name) for call in calls)


def kept(place: Place) -> list[dict[str, Any]]:
    """The lines of the answer files that are whole, in any order that stays."""
    lines = [
        line
        for file in sorted((place.folder / ".foundry-tune" / "answers").glob("*.jsonl"))
        for line in file.read_bytes().splitlines(keepends=True)
    ]
    whole = [json.loads(line) for line in lines if line.endswith(b"}\n")]
    return sorted(whole, key=lambda line: line["question"])


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.002)


def test_a_second_evaluation_of_the_same_model_asks_nothing(place: Place) -> None:
    missed = place.tune("apply", str(write(place, gate=">= 1.0")), "--yes", "--keep-candidate")
    assert missed.code == 7, missed.said
    mark = place.emulator.control.last_call()
    passed = place.tune("apply", str(write(place, gate=">= 0")), "--yes")
    assert passed.code == 0, passed.said
    assert asked(place, mark) == 0
    more = place.tune("apply", str(write(place, count=15, gate=">= 0.0")), "--yes")
    assert more.code == 0, more.said
    assert asked(place, mark) == 3


def test_an_answer_is_kept_with_all_that_is_known_of_it_and_no_secret(place: Place) -> None:
    applied = place.tune("apply", str(write(place)), "--yes")
    assert applied.code == 0, applied.said
    lines = kept(place)
    assert len(lines) == 12
    for line in lines:
        assert line["model"] == f"{place.name}:1"
        assert line["seconds"]
        assert 0 < int(str(line["tokens"])) <= 4
        assert line["severities"] == dict.fromkeys(
            ("hate", "self_harm", "sexual", "violence"), "safe"
        )
        assert str(line["fingerprint"]).startswith("foundry-emulator-standin-")
    key = endpoints.key(place.session(), place.endpoint().name)
    assert key not in json.dumps(lines)
    ignored = place.folder / ".foundry-tune" / ".gitignore"
    assert ignored.read_text(encoding="utf-8") == "*\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_evaluation_goes_on_where_it_was(place: Place, how: signal.Signals) -> None:
    assert place.tune("apply", str(write_story(place)), "--yes").code == 0
    spec = write(place, count=40)
    slow = {"match": {"path": "/chat/completions", "count": 999}, "do": {"delay": 0.05}}
    place.emulator.control.faults.add(slow)
    mark = place.emulator.control.last_call()
    running = place.start("apply", str(spec), "--yes")
    wait_for(lambda: len(kept(place)) >= 8)
    stopped = running.kill(how)
    if how is signal.SIGINT:
        assert stopped.code == 130
        assert "Stopped. Continue:  foundry-tune apply" in stopped.err
    assert len(kept(place)) < 40, "it was killed too late to tell"
    [file] = (place.folder / ".foundry-tune" / "answers").glob("*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'{"question": "cut o')
    place.emulator.control.faults.clear()
    again = place.tune("apply", str(spec), "--yes")
    assert again.code == 0, again.said
    assert asked(place, mark) <= 40 + 4, "again only what was under way"
    assert len(kept(place)) == 40
    assert "40 questions: token_f1 " in again.out


def test_a_rate_limit_is_kept_to_and_said_and_the_answers_go_on(
    served: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, heard, waited = served.session(), list[str](), list[float]()
    monkeypatch.setattr(session.arm, "tell", heard.append)
    of_cloud = limits.of(served.emulator.cloud)
    endpoint = served.endpoint()

    def pause(seconds: float) -> None:
        waited.append(seconds)
        served.emulator.cloud.clock.advance(seconds)

    served.emulator.cloud.clock.advance(60)
    monkeypatch.setattr(of_cloud, "requests", 5)
    outcome = measure(session, endpoint, measuring(served), Reporter(), pause=pause)
    assert outcome.asked == 12
    assert len(waited) == 2, "five a minute, and whoever was refused waits together"
    assert all(1 <= seconds <= 60 for seconds in waited)
    assert [line.startswith("The endpoint's rate limit is reached; waiting") for line in heard] == [
        True,
        True,
    ]
    assert max(float(str(line["seconds"])) for line in kept(served)) < 30, "waiting isn't latency"


def measuring(place: Place) -> Measuring:
    spec = write(place)
    [found] = desired.read(named([str(spec)]).chapters).measurings
    return found


def test_a_wait_beyond_patience_is_told_and_what_was_answered_is_kept(place: Place) -> None:
    assert place.tune("apply", str(write_story(place)), "--yes").code == 0
    spec = write(place)
    do = {"status": 429, "code": "RateLimitReached", "headers": {"Retry-After": "3600"}}
    match = {"path": "/chat/completions", "after": 4, "count": 99}
    place.emulator.control.faults.add({"match": match, "do": do})
    told = place.tune("apply", str(spec), "--yes")
    assert told.code == 9, told.said
    assert "The endpoint asks to wait 3,600 s before it answers again." in told.err
    assert len(kept(place)) == 4
    place.emulator.control.faults.clear()
    mark = place.emulator.control.last_call()
    assert place.tune("apply", str(spec), "--yes").code == 0
    assert asked(place, mark) == 8


def test_another_machine_takes_the_answers_from_the_project(place: Place) -> None:
    first = place.tune("apply", str(write(place, gate=">= 1.0")), "--yes", "--keep-candidate")
    assert first.code == 7, first.said
    before = kept(place)
    shutil.rmtree(place.folder / ".foundry-tune")
    mark = place.emulator.control.last_call()
    second = place.tune("apply", str(write(place)), "--yes")
    assert second.code == 0, second.said
    assert asked(place, mark) == 0
    assert kept(place) == before


def test_answers_in_the_project_that_are_not_what_their_name_says_are_not_taken(
    place: Place,
) -> None:
    missed = place.tune("apply", str(write(place, gate=">= 1.0")), "--yes", "--keep-candidate")
    assert missed.code == 7, missed.said
    session = place.session()
    [asset] = data.versions(session, f"{place.name}-eval-answers")
    assert asset.tags["foundry-tune.model"] == f"{place.name}:1"
    assert [asset.tags["foundry-tune.endpoint"]] == place.endpoints()
    spoil(place, asset.uri)
    shutil.rmtree(place.folder / ".foundry-tune")
    mark = place.emulator.control.last_call()
    assert place.tune("apply", str(write(place)), "--yes").code == 0
    assert asked(place, mark) == 12


def spoil(place: Place, uri: str, old: bytes = b'"answer":"', new: bytes = b'"answer":"x') -> None:
    """Change something, as an answer, in the blob behind an address of the datastore."""
    from azure.storage.blob import BlobClient

    from jobs.foundry import projects

    session = place.session()
    store = projects.default_datastore(session)
    with BlobClient(
        store.account_url,
        store.container,
        uri.partition("/paths/")[2],
        credential=session.arm.credential,
    ) as blob:
        content = blob.download_blob().readall()
        blob.upload_blob(content.replace(old, new), overwrite=True)


def test_down_takes_the_answers_with_it_and_what_comes_back_asks_nothing(place: Place) -> None:
    spec = write(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    down = place.tune("down", str(spec), "--yes", "--only", "endpoint")
    assert down.code == 0, down.said
    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert again.code == 0, again.said
    probes = len([c for c in place.emulator.control.calls(after=mark) if "/listKeys" in c["path"]])
    assert probes, "the endpoint was made anew and proven"
    [asset] = data.versions(place.session(), f"{place.name}-eval-answers")
    assert not asset.archived
    gone = place.tune("down", str(spec), "--yes")
    assert gone.code == 0, gone.said
    assert "5 versions" in gone.out
    [asset] = data.versions(place.session(), f"{place.name}-eval-answers")
    assert asset.archived
