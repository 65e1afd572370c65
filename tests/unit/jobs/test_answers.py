"""Kept answers: a line each, whole or not at all, under the right name."""

import dataclasses
from pathlib import Path

import pytest
from msgspec import structs

from jobs.errors import UsageError
from jobs.foundry.endpoints import Endpoint
from jobs.proof.answers import (
    AnswerFile,
    KeptAnswer,
    as_lines,
    from_lines,
    home,
    question_hash,
    subject_of,
)

ENDPOINT = Endpoint(
    id="/subscriptions/s/serverlessEndpoints/xbox",
    name="xbox",
    model_id="azureml://locations/eastus2/workspaces/guid/models/xbox/versions/3",
    content_safety="Enabled",
    auth_mode="Key",
    provisioning_state="Succeeded",
    state="Online",
    uri="https://xbox.eastus2.models.ai.azure.com",
    tags={},
    created="2026-11-23T00:00:00Z",
)
BASE = dataclasses.replace(
    ENDPOINT, model_id="azureml://registries/azureml/models/Phi-4-mini-instruct"
)


def kept(asked: str, answer: str = "yes") -> KeptAnswer:
    messages = [{"role": "user", "content": asked}]
    return KeptAnswer(
        question=question_hash(messages, 8, 0),
        model="xbox:3",
        messages=messages,
        max_tokens=8,
        temperature=0.0,
        tools=[],
        expected="yes",
        answer=answer,
        tool_calls=[],
        refused=None,
        finish_reason="stop",
        seconds=0.5,
        tokens=1,
        prompt_tokens=2,
        severities={"hate": "safe"},
        fingerprint="f",
    )


def test_what_is_kept_is_there_for_the_next_run(tmp_path: Path) -> None:
    subject = subject_of(ENDPOINT)
    file = AnswerFile(tmp_path, subject)
    file.add(kept("a"))
    file.add(kept("b"))
    file.add(kept("a", "another time"))
    again = AnswerFile(tmp_path, subject)
    assert again.get(kept("a").question) == kept("a")
    assert again.get(kept("b").question) == kept("b")
    assert again.get(kept("c").question) is None


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_was_cut_off_is_no_answer_and_spoils_none(tmp_path: Path, cut: int) -> None:
    subject = subject_of(ENDPOINT)
    file = AnswerFile(tmp_path, subject)
    for asked in ("a", "b"):
        file.add(kept(asked))
    [path] = (tmp_path / ".foundry-tune" / "answers").iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    after = AnswerFile(tmp_path, subject)
    # All but the line's end is whole.
    assert after.get(kept("b").question) == (kept("b") if cut == 1 else None)
    after.add(kept("c"))
    last = AnswerFile(tmp_path, subject)
    assert last.get(kept("a").question) == kept("a")
    assert last.get(kept("c").question) == kept("c")


def test_a_line_under_the_name_of_another_question_is_no_answer() -> None:
    line = as_lines([kept("a")])
    assert list(from_lines(line)) == [kept("a").question]
    for other in (
        line.replace(b'"content":"a"', b'"content":"b"'),
        line.replace(b'"max_tokens":8', b'"max_tokens":9'),
        line.replace(b'"seconds":0.5', b'"seconds":"long"'),
        b"[" * 100_000,
        b"\xff\n",
    ):
        assert from_lines(other) == {}


def test_a_question_is_another_where_log_probabilities_are_asked_for() -> None:
    messages = [{"role": "user", "content": "a"}]
    told = structs.replace(
        kept("a"),
        question=question_hash(messages, 8, 0, with_logprobs=True),
        with_logprobs=True,
        logprob=-0.5,
        logprob_tokens=1,
    )
    assert from_lines(as_lines([told, kept("a")])) == {
        told.question: told,
        kept("a").question: kept("a"),
    }
    line = as_lines([kept("a")])
    for field in (b',"with_logprobs":false', b',"logprob":null', b',"logprob_tokens":0'):
        assert field in line
        line = line.replace(field, b"")
    assert list(from_lines(line)) == [kept("a").question], "as earlier versions wrote it"


def test_a_model_is_one_behind_every_endpoint_and_a_catalogues_only_behind_its_own() -> None:
    other = {"id": "/other", "name": "other", "created": "2026-11-24T00:00:00Z"}
    assert subject_of(dataclasses.replace(ENDPOINT, **other)) == subject_of(ENDPOINT)
    assert subject_of(dataclasses.replace(BASE, **other)) != subject_of(BASE)
    unfiltered = dataclasses.replace(ENDPOINT, content_safety="Disabled")
    elsewhere = dataclasses.replace(ENDPOINT, model_id=ENDPOINT.model_id.replace("guid", "g2"))
    identities = {subject_of(e).identity for e in (ENDPOINT, BASE, unfiltered, elsewhere)}
    assert len(identities) == 4


def test_file_names_hold_no_path() -> None:
    odd = dataclasses.replace(ENDPOINT, model_id="azureml://x/workspaces/g/models/../../etc: a")
    assert "/" not in subject_of(odd).file_name
    assert not subject_of(odd).file_name.startswith(".")
    assert subject_of(ENDPOINT).file_name.startswith("xbox-3-filtered-")


def test_answers_are_kept_at_the_root_of_the_repository_or_beside_the_spec(tmp_path: Path) -> None:
    specs = tmp_path / "jobs" / "specs"
    specs.mkdir(parents=True)
    assert home(specs) == specs
    (tmp_path / ".git").mkdir()
    assert home(specs) == tmp_path


def test_a_place_that_takes_no_answers_is_told_before_anything_is_lost(tmp_path: Path) -> None:
    (tmp_path / ".foundry-tune").write_text("in the way", encoding="utf-8")
    with pytest.raises(UsageError, match="Answers can't be kept in"):
        AnswerFile(tmp_path, subject_of(ENDPOINT)).add(kept("a"))
