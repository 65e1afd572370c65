"""Nothing that is served is touched before its successor has proven itself."""

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.apply import rollout
from jobs.errors import ConflictError, FoundryTuneError
from jobs.foundry import data, endpoints, models, pointers
from jobs.foundry.inference import open_chat
from jobs.foundry.pointers import Pointer
from jobs.plan import refused
from tests.integration.jobs.conftest import Place, Ran, platform, write_story
from tests.integration.jobs.test_answers import spoil

pytestmark = pytest.mark.rehearsal

EPOCHS = "finetuning.hyperparameters.epochs"
EVALUATION = """\
---
type: evaluation
name: {name}
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [token_f1]
gates: {{token_f1: "{gate}"}}
max_tokens: 8
"""


def test_the_first_revision_is_reached_by_its_name_as_every_later_one(place: Place) -> None:
    spec = write_story(place)
    applied = apply(place, spec)
    assert applied.code == 0, applied.said
    [served] = place.endpoints()
    assert led(place).endpoint == served == place.jobs()[0]
    assert f"connection  {place.name}" in applied.out
    assert f"-> {served}" in applied.out
    assert place.tune("chat", place.name, "Hello", "--max-tokens", "4").code == 0


def test_azure_ai_ml_follows_the_name_to_address_and_key(served: Place) -> None:
    program = served.tune("connect", served.name, "--client", "azure-ai-ml").out
    program = program.replace("# The key, where it is needed: ", "print(") + ")"
    assert shell_python(served, program).split() == [
        served.endpoint().uri,
        endpoints.key(served.session(), served.endpoint().name),
    ]


def test_a_better_revision_takes_the_name_without_one_failed_request(place: Place) -> None:
    spec = write_story(place)
    assert apply(place, spec).code == 0
    first = led(place).endpoint
    with asking(place) as asked:
        applied = apply(place, spec, epochs=2)
    assert applied.code == 0, applied.said
    second = led(place).endpoint
    assert second != first
    assert place.endpoints() == sorted([first, second])
    assert asked.failed == []
    assert asked.answered > 0
    # The one before is kept an hour for those who hold its address, then goes with the next apply.
    assert f"{first}" in place.tune("gc", "--yes").out
    assert place.endpoints() == sorted([first, second])
    gone = place.tune("gc", "--now", "--yes")
    assert gone.code == 0, gone.said
    assert place.endpoints() == [second]


def test_a_worse_revision_is_taken_down_and_the_served_one_stays_as_it_was(place: Place) -> None:
    apply(place, write_story(place, extra=evaluation(place, ">= 0")))
    first, before = place.endpoint(), led(place)
    harder = write_story(place, extra=evaluation(place, ">= 1"))
    with asking(place) as asked:
        missed = apply(place, harder, epochs=2)
    assert missed.code == 7, missed.said
    assert "misses token_f1 >= 1" in missed.err
    assert f"was deleted again: '{place.name}' goes on with {first.name}." in missed.err
    assert place.endpoints() == [first.name]
    assert led(place) == before
    assert place.endpoint().is_still(first)
    assert asked.failed == []


def test_a_revision_that_was_refused_is_refused_again_without_an_endpoint(place: Place) -> None:
    apply(place, write_story(place, extra=evaluation(place, ">= 0")))
    first = place.endpoint()
    harder = write_story(place, extra=evaluation(place, ">= 1"))
    assert apply(place, harder, epochs=2).code == 7
    mark = place.emulator.control.last_call()
    planned = place.tune("plan", str(harder), "--set", f"{EPOCHS}=2")
    assert planned.code == 7, planned.said
    assert "was refused on 20" in planned.out
    assert "[FT-R009]" in planned.out
    assert "misses token_f1 >= 1" in planned.out
    again = apply(place, harder, epochs=2)
    assert again.code == 7, again.said
    assert "was refused on 20" in again.err
    assert "--retry-refused" in again.err
    assert place.writes(mark) == [], "neither an endpoint nor a question nor a mark"
    recreated = write_story(place, extra=f"rollout: recreate\n{evaluation(place, '>= 1')}")
    assert apply(place, recreated, epochs=2).code == 7
    assert place.endpoint().is_still(first), "it goes on serving: its successor was refused"
    # Another gate is looked at anew, by the answers that are kept.
    other = write_story(place, extra=evaluation(place, "> 0.999"))
    assert place.tune("plan", str(other), "--set", f"{EPOCHS}=2").code == 0
    missed = apply(place, other, epochs=2)
    assert missed.code == 7, missed.said
    assert "gave these answers before, so nothing was asked and no endpoint was made" in missed.err
    touched = [call for call in place.writes(mark) if "serverlessEndpoints" in call]
    assert [*touched, *questions_since(place, mark)] == []
    # What is asked of it now is another thing, and so is somebody who wants to talk to it.
    harder = write_story(place, extra=evaluation(place, ">= 1"))
    kept = apply(place, harder, "--keep-candidate", epochs=2)
    assert kept.code == 7, kept.said
    assert len(place.endpoints()) == 2
    assert questions_since(place, mark) != [], "the filter was probed"
    easier = apply(place, write_story(place, extra=evaluation(place, ">= 0")), epochs=2)
    assert easier.code == 0, easier.said
    assert led(place).endpoint != first.name


def test_the_command_that_a_plan_names_does_what_was_planned(place: Place) -> None:
    spec = write_story(place)
    asked = (str(spec), "--set", f"{EPOCHS}=2", "--set", "finetuning.description=two words")
    command = place.tune("plan", *asked).out.splitlines()[-1]
    program, *words = shlex.split(command)
    assert program == "foundry-tune"
    assert place.tune(*words, "--yes").code == 0
    assert "Nothing to do" in place.tune("plan", *asked).out


def test_a_smoke_test_that_failed_is_remembered_until_the_model_is_to_be_tried_again(
    place: Place,
) -> None:
    spec = write_story(place)
    assert apply(place, spec).code == 0
    easier = spec.read_text()
    spec.write_text(easier.replace("max_chars: 4000", "contains: [never said]"))
    failed = apply(place, spec, epochs=2)
    assert failed.code == 7, failed.said
    again = apply(place, spec, epochs=2)
    assert again.code == 7, again.said
    assert "1 of 1 smoke tests failed" in again.err
    mark = place.emulator.control.last_call()
    tried = apply(place, spec, "--retry-refused", epochs=2)
    assert tried.code == 7, tried.said
    assert questions_since(place, mark) != []
    spec.write_text(easier)
    assert apply(place, spec, epochs=2).code == 0
    marked = [
        one.label for one in models.versions(place.session(), place.name) if refused.of(one.tags)
    ]
    assert marked == [], "it holds now what it is asked"


def test_a_gate_that_the_served_revision_misses_takes_nothing_from_it(place: Place) -> None:
    apply(place, write_story(place, extra=evaluation(place, ">= 0")))
    first = place.endpoint()
    missed = apply(place, write_story(place, extra=evaluation(place, ">= 1")))
    assert missed.code == 7, missed.said
    assert f"'{place.name}' follows it, so it was left as it is" in missed.err
    assert place.endpoints() == [first.name]


def test_recreate_deletes_the_old_one_first_and_says_so(place: Place) -> None:
    spec = write_story(place, extra="rollout: recreate\n")
    assert apply(place, spec).code == 0
    first = led(place).endpoint
    planned = place.tune("plan", str(spec), "--set", f"{EPOCHS}=2")
    assert "the old one is deleted first: down for some minutes, new key" in planned.out
    applied = apply(place, spec, epochs=2)
    assert applied.code == 0, applied.said
    assert place.endpoints() == [led(place).endpoint]
    assert led(place).endpoint != first


def test_an_endpoint_of_an_earlier_version_is_taken_over_without_a_gap(place: Place) -> None:
    spec = write_story(place, endpoint=False)
    assert apply(place, spec).code == 0
    old = served_by_its_own_name(place)
    spec = write_story(place)
    with asking_endpoint(place, old) as asked:
        taken = apply(place, spec)
        assert taken.code == 0, taken.said
        assert led(place).endpoint == old.name
        assert place.endpoints() == [old.name]
        assert apply(place, spec, epochs=2).code == 0
    assert asked.failed == []
    assert old.name in place.endpoints()
    assert led(place).endpoint != old.name


def test_what_served_by_its_own_name_is_kept_as_said_where_a_new_revision_takes_the_name(
    place: Place,
) -> None:
    assert apply(place, write_story(place, endpoint=False)).code == 0
    old = served_by_its_own_name(place)
    spec = write_story(place)
    applied = apply(place, spec, epochs=2)
    assert applied.code == 0, applied.said
    assert f"{old.name} " in applied.out
    assert "kept 1h after that, and billed" in applied.out
    assert led(place).previous == old.name
    again = apply(place, spec, epochs=2)
    assert "Nothing to do" in again.out, again.said
    assert old.name in place.endpoints()


def test_rolling_back_takes_no_training_and_no_apply_undoes_it(place: Place) -> None:
    spec = write_story(place)
    assert apply(place, spec).code == 0
    first = led(place).endpoint
    assert apply(place, spec, epochs=2).code == 0
    second = led(place).endpoint
    mark = place.emulator.control.last_call()
    back = place.tune("rollback", place.name, "--yes")
    assert back.code == 0, back.said
    assert f"{second} -> {first}" in back.out
    assert led(place).endpoint == first
    assert not [write for write in place.writes(mark) if write.startswith("DELETE")]
    assert not [
        write
        for write in place.writes(mark)
        if "/serverlessEndpoints/tiny" in write and write.startswith("PUT")
    ]

    # Another who rolls back to the same one at the same time: what was left stays left.
    once_more = rollout.promote(
        place.session(),
        place.name,
        place.endpoint(),
        led(place),
        keep=timedelta(),
        rolling_back=True,
    )
    assert (once_more.endpoint, once_more.withdrawn) == (first, second)

    undone = apply(place, spec, epochs=2)
    assert undone.code == 4, undone.said
    assert f"was rolled back from {second} to {first}" in undone.err
    assert f"foundry-tune promote {place.name}" in undone.err
    assert apply(place, spec).code == 0
    on = place.tune("promote", place.name, "--yes")
    assert on.code == 0, on.said
    assert led(place).endpoint == second
    assert apply(place, spec, epochs=2).code == 0
    assert len(place.jobs()) == 2


def test_rolling_back_to_what_is_gone_serves_its_model_again(place: Place) -> None:
    spec = write_story(place)
    assert apply(place, spec).code == 0
    first = led(place).endpoint
    assert apply(place, spec, epochs=2).code == 0
    assert place.tune("gc", "--now", "--yes").code == 0
    assert place.endpoints() == [led(place).endpoint]
    back = place.tune("rollback", place.name, first.rpartition("-")[2], "--yes")
    assert back.code == 0, back.said
    assert "4 of 4 harmful probes refused" in back.out
    assert led(place).endpoint == first
    assert len(place.jobs()) == 2
    assert place.tune("chat", place.name, "Hello", "--max-tokens", "4").code == 0
    told = json.loads(place.tune("history", place.name, "-o", "json").out)["revisions"]
    assert [one["serves"] for one in told] == [False, True]
    assert all(one["served_since"] for one in told)


OWN = "harmful:\n  - {category: violence, prompt: '[[content-safety-test violence=4]]'}\n"


def test_a_rollback_proves_a_revision_by_what_it_was_promoted_with(place: Place) -> None:
    (place.folder / "probes.yaml").write_text(OWN, encoding="utf-8")
    spec = write_story(place, extra="safety_probes: probes.yaml\n")
    assert apply(place, spec).code == 0
    first = led(place).endpoint
    write_story(place, epochs=2)
    second_spec = spec.read_text(encoding="utf-8").replace("{max_chars: 4000}", "{min_chars: 1}")
    spec.write_text(second_spec, encoding="utf-8")
    assert place.tune("apply", str(spec), "--yes").code == 0
    second = led(place).endpoint
    faults = place.emulator.control.faults
    match = {"host": f"^{first}[.]", "path": "/chat/", "count": 10_000}

    # Alive: its own probe, which the spec by now has not, is asked; and it is let through.
    faults.add({"match": match, "do": {"filter": {"category": "violence", "severity": "medium"}}})
    leaking = place.tune("rollback", place.name, "--yes", "--settle", "0")
    assert leaking.code == 6, leaking.said
    assert "its own, as it was promoted with: 6 probes, 1 smoke tests" in leaking.out
    assert "a violence probe was answered instead of refused" in leaking.err
    assert led(place).endpoint == second

    # Gone: it is made again, asked its smoke test too, and taken down where that fails.
    faults.clear()
    assert place.tune("gc", "--now", "--yes").code == 0
    faults.add({"match": match, "do": {"says": {"to": "controller", "text": "x" * 4001}}})
    drifted = place.tune("rollback", place.name, first.rpartition("-")[2], "--yes")
    assert drifted.code == 7, drifted.said
    assert "4001 characters, more than 4000" in drifted.err
    assert f"was deleted again: '{place.name}' goes on with {second}" in drifted.err
    assert place.endpoints() == [second]

    faults.clear()
    back = place.tune("rollback", place.name, first.rpartition("-")[2], "--yes")
    assert back.code == 0, back.said
    assert "5 of 5 harmful probes refused" in back.out
    assert "1 of 1 passed on /chat/completions" in back.out
    assert led(place).endpoint == first


def test_a_contract_that_is_not_what_was_kept_is_refused(place: Place) -> None:
    spec = write_story(place)
    assert apply(place, spec).code == 0
    first = led(place).endpoint
    assert apply(place, spec, epochs=2).code == 0
    session = place.session()
    for one in data.versions(session, f"{place.name}-contract"):
        spoil(place, one.uri, b'"proof":"', b'"proof":"x')
    refused = place.tune("rollback", place.name, "--yes")
    assert refused.code == 6, refused.said
    assert f"What endpoint '{first}' was proven by can't be read" in refused.err
    assert led(place).endpoint != first


def test_a_revision_can_be_made_ready_and_promoted_by_hand(place: Place) -> None:
    spec = write_story(place)
    assert apply(place, spec).code == 0
    first = led(place).endpoint
    waiting = apply(place, spec, "--no-promote", epochs=2)
    assert waiting.code == 0, waiting.said
    assert f"foundry-tune promote {place.name}" in waiting.out
    assert led(place).endpoint == first
    assert place.tune("promote", place.name, "--yes").code == 0
    assert led(place).endpoint != first
    none = place.tune("promote", place.name, "--yes")
    assert none.code == 9, none.said
    assert "is ready and waits to be promoted" in none.err


def test_a_name_that_somebody_else_owns_is_an_error_before_anything_is_spent(place: Place) -> None:
    body = {
        "properties": {
            "category": "Serverless",
            "authType": "ApiKey",
            "target": "https://elsewhere.example",
            "credentials": {"key": "k"},
        }
    }
    path = f"{place.project_id}/connections/{place.name}"
    platform(place).put(path, "2024-10-01", body, "make it")
    refused = apply(place, write_story(place))
    assert refused.code == 4, refused.said
    assert f"connection '{place.name}' is there, and foundry-tune didn't make it" in refused.err
    assert place.jobs() == []


def test_what_a_name_follows_is_not_deleted_by_its_own_name(served: Place) -> None:
    endpoint = served.endpoint().name
    refused = served.tune("down", endpoint, "--yes")
    assert refused.code == 9, refused.said
    assert f"'{served.name}' follows endpoint '{endpoint}'" in refused.err
    assert served.endpoints() == [endpoint]


def test_keeping_none_deletes_the_one_before_once_the_name_has_moved(place: Place) -> None:
    spec = write_story(place, extra="keep_previous: '0'\n")
    assert apply(place, spec).code == 0
    assert apply(place, spec, epochs=2).code == 0
    assert place.endpoints() == [led(place).endpoint]
    again = apply(place, spec, epochs=2)
    assert "Nothing to do" in again.out, again.said


def test_two_revisions_at_once_leave_one_served_and_nothing_to_nowhere(place: Place) -> None:
    spec = write_story(place)
    assert apply(place, spec).code == 0
    first = led(place)
    waiting = apply(place, spec, "--no-promote", epochs=2)
    assert waiting.code == 0, waiting.said
    # What another run does between this one's look and its move.
    seen = led(place)
    assert place.tune("promote", place.name, "--yes").code == 0

    candidate = endpoints.find(place.session(), first.endpoint)
    assert candidate is not None
    third = apply(place, spec, "--no-promote", epochs=3)
    assert third.code == 0, third.said
    [newest] = set(place.endpoints()) - {first.endpoint, led(place).endpoint}
    late = endpoints.find(place.session(), newest)
    assert late is not None
    with pytest.raises(ConflictError, match="Somebody else has moved"):
        rollout.promote(place.session(), place.name, late, seen, keep=timedelta())
    assert led(place).endpoint in place.endpoints()


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def apply(place: Place, spec: Path, *options: str, epochs: int = 0) -> Ran:
    changed = ("--set", f"{EPOCHS}={epochs}") if epochs else ()
    return place.tune("apply", str(spec), "--yes", *changed, *options)


def evaluation(place: Place, gate: str) -> str:
    return EVALUATION.format(name=place.name, gate=gate)


def questions_since(place: Place, mark: int) -> list[str]:
    """What the project's endpoints were asked."""
    calls = place.emulator.control.calls(after=mark, path="/chat/completions")
    return [call["host"] for call in calls if str(call["host"]).startswith(place.name)]


def led(place: Place) -> Pointer:
    pointer = pointers.find(place.session(), place.name)
    assert pointer is not None
    return pointer


def shell_python(place: Place, program: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def served_by_its_own_name(place: Place) -> endpoints.Endpoint:
    """An endpoint as versions before pointers made it: called as the document is."""
    from jobs import revision
    from jobs.foundry import models, projects

    session = place.session()
    project = projects.get(session)
    [model] = models.versions(session, place.name)
    made = endpoints.put(
        session,
        place.name,
        location="eastus2",
        model_id=endpoints.model_id(
            project.location, project.workspace_id, model.name, model.version
        ),
        content_safety=True,
        auth_mode="Key",
        tags=revision.tags(place.name, "0123456789"),
    )
    return endpoints.tag(session, made, {revision.TAG_PROOF: "of an earlier version"})


class Asked:
    """What became of the questions that somebody asks all the while."""

    def __init__(self) -> None:
        self.answered = 0
        self.failed: list[str] = []


@contextmanager
def asking(place: Place) -> Generator[Asked]:
    """Somebody who follows the name and asks, again and again, until the block ends."""
    with _asking(lambda: place.endpoint(), place) as asked:
        yield asked


@contextmanager
def asking_endpoint(place: Place, endpoint: endpoints.Endpoint) -> Generator[Asked]:
    """Somebody who holds an endpoint's address and asks there."""
    with _asking(lambda: endpoint, place) as asked:
        yield asked


@contextmanager
def _asking(where: Callable[[], endpoints.Endpoint], place: Place) -> Generator[Asked]:
    asked, over = Asked(), threading.Event()

    def ask() -> None:
        session = place.session()
        while not over.is_set():
            try:
                chat = open_chat(session, where())
                try:
                    chat.ask([{"role": "user", "content": "Hello"}], max_tokens=1)
                finally:
                    chat.close()
                asked.answered += 1
            except FoundryTuneError as error:
                asked.failed.append(str(error))
            over.wait(0.1)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join()
