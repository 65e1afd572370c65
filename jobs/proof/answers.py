"""Answers that were given, kept as JSON lines: nothing is asked twice, whatever ends the program.

One file for each model behind each filter. An answer is a line of its own, written at once; a line
that a kill cut off counts as never written.
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jobs import revision
from jobs.errors import UsageError
from jobs.files import UnreadableFileError, open_regular
from jobs.foundry.endpoints import Endpoint, model_label, serves
from jobs.foundry.inference import Messages
from jobs.proof.metrics import Question
from jobs.proof.scoring import Reply
from jobs.spec.models import Evaluation

FOLDER = ".foundry-tune"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers: a model behind a filter."""

    model: str
    """`name:version`, or the base model's name."""
    filter: str
    """`Enabled` or `Disabled`."""
    identity: str
    """Stands for this very model, in this very project, behind this filter."""

    @property
    def file_name(self) -> str:
        """The name of the file that its answers are kept in."""
        safe = re.sub(r"[^A-Za-z0-9.-]+", "-", self.model).strip(".-")[:80] or "model"
        guarded = "filtered" if self.filter == "Enabled" else "unfiltered"
        return f"{safe}-{guarded}-{self.identity}.jsonl"


def subject_of(endpoint: Endpoint) -> Subject:
    """Who answers behind an endpoint.

    A catalogue's model is served without its version, so each new endpoint may have another: there
    the endpoint, and when it was made, are part of it.
    """
    model_id, guard = endpoint.model_id, endpoint.content_safety
    if registered := registered_subject(model_id, guard):
        return registered
    identity = _identity(model_id, guard, [endpoint.id, endpoint.created])
    return Subject(model=serves(endpoint), filter=guard, identity=identity)


def registered_subject(model_id: str, content_safety: str) -> Subject | None:
    """Who would answer with a model behind a filter; None for a model that isn't registered.

    A registered model is one and the same behind every endpoint: its id has the workspace's GUID,
    and a version is never given twice.
    """
    if "/workspaces/" not in model_id:
        return None
    identity = _identity(model_id, content_safety, "")
    return Subject(model=model_label(model_id), filter=content_safety, identity=identity)


def _identity(model_id: str, content_safety: str, born: Any) -> str:
    return revision.digest(
        {"format": revision.FORMAT, "model": model_id, "filter": content_safety, "born": born}
    )


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A line: a question, and what was answered."""

    question: str
    """The hash of all that decides an answer: messages, max_tokens, temperature, tools."""
    model: str
    messages: list[dict[str, Any]]
    max_tokens: int
    temperature: float
    tools: list[Any]
    """What it may call."""
    expected: str
    answer: str
    """Empty where it was refused, or only calls tools."""
    tool_calls: list[dict[str, Any]]
    refused: str | None
    """`prompt` or `answer`, where the content filter refused it."""
    finish_reason: str
    seconds: float
    """How long it took when it was asked."""
    tokens: int
    prompt_tokens: int
    severities: dict[str, str]
    """What the content filter said, by category."""
    fingerprint: str
    """Azure's `system_fingerprint`: a stand-in says so here."""
    with_logprobs: bool = False
    """Whether log probabilities were asked for."""
    logprob: float | None = None
    """The sum of its tokens' log probabilities (natural); None where nobody asked, or refused."""
    logprob_tokens: int = 0
    """Of how many tokens that is the sum."""
    seed: int | None = None
    request: Any = None
    """What a script was asked, where that was no chat completion."""
    at: str = ""
    """The member of what it said that is the answer."""

    @property
    def reply(self) -> Reply:
        """What scores it."""
        return Reply(
            text=self.answer,
            refused=self.refused is not None,
            seconds=self.seconds,
            tokens=self.tokens,
            prompt_tokens=self.prompt_tokens,
            tool_calls=self.tool_calls,
            logprob=self.logprob or 0.0,
            logprob_tokens=self.logprob_tokens,
        )

    @property
    def is_whole(self) -> bool:
        """Whether it is the answer to the question that it says."""
        hashed = question_hash(
            self.messages,
            self.max_tokens,
            self.temperature,
            self.tools,
            with_logprobs=self.with_logprobs,
            seed=self.seed,
            request=self.request,
            at=self.at,
        )
        return self.question == hashed


def question_hash(
    messages: Messages,
    max_tokens: int,
    temperature: float,
    tools: Sequence[Any] = (),
    *,
    with_logprobs: bool = False,
    seed: int | None = None,
    request: Any = None,
    at: str = "",
) -> str:
    """What stands for a question: everything that is sent to the model and decides its answer.

    A script is sent its request and nothing else; which member of what it says counts is part of
    the question.

    A `response_format` isn't in it: it follows from the messages, and is left out for endpoints
    that take none.
    """
    asked: list[Any] = [list(map(dict, messages)), max_tokens, float(temperature), list(tools)]
    if with_logprobs:  # where it is asked for: hashes without it stay as they were
        asked.append("logprobs")
    if seed is not None:
        asked.append({"seed": seed})
    if request is not None:
        asked = [{"request": request, "at": at}]
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(spec: Evaluation, question: Question) -> str:
    """What stands for a question as an evaluation asks it."""
    return question_hash(
        question.messages,
        spec.max_tokens,
        spec.temperature,
        offered(spec, question),
        with_logprobs=wants_logprobs(spec),
        seed=question.seed,
        request=question.request,
        at=question.at,
    )


def offered(spec: Evaluation, question: Question) -> list[Any]:
    """The tools that a model is offered: nothing where no call of them counts."""
    return question.tools if "tool_calls" in spec.metrics else []


def wants_logprobs(spec: Evaluation) -> bool:
    """Whether a metric needs to know how likely the model found its answers."""
    return "perplexity_of_answers" in spec.metrics


def as_lines(answers: Iterable[KeptAnswer]) -> bytes:
    """Answers as a file has them."""
    return b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers)


def from_lines(content: bytes) -> dict[str, KeptAnswer]:
    """The whole answers of a file's bytes, by question; the first to a question counts."""
    found: dict[str, KeptAnswer] = {}
    for line in content.split(b"\n"):
        try:
            answer = msgspec.json.decode(line, type=KeptAnswer)
        except (msgspec.DecodeError, RecursionError):
            continue
        if answer.is_whole:
            found.setdefault(answer.question, answer)
    return found


class AnswerFile:
    """The answers of one subject on this machine. Threads may share it."""

    def __init__(self, folder: Path, subject: Subject) -> None:
        """Open the file of a subject, for reading now and for writing when there is something.

        Raises:
            UsageError: It can't be read or written.
        """
        self._path = folder / FOLDER / "answers" / subject.file_name
        self._lock = threading.Lock()
        self._known, self._torn = self._read()

    def get(self, question: str) -> KeptAnswer | None:
        """The answer to a question, or None."""
        return self._known.get(question)

    def add(self, answer: KeptAnswer) -> None:
        """Keep an answer, before anything else is done with it."""
        line = as_lines([answer])
        with self._lock:
            if answer.question in self._known:
                return
            line, self._torn = (b"\n" + line if self._torn else line), True
            self._append(line)
            self._torn = False
            self._known[answer.question] = answer

    def _read(self) -> tuple[dict[str, KeptAnswer], bool]:
        if not self._path.exists():
            return {}, False
        try:
            with open_regular(self._path) as file:
                content = file.read()
        except UnreadableFileError as error:
            raise _unusable(self._path, str(error)) from error
        return from_lines(content), not content.endswith(b"\n") and bool(content)

    def _append(self, line: bytes) -> None:
        # One write a line, at the end, whoever else writes there: two runs don't mix their lines.
        try:
            self._make_folder()
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                if os.write(descriptor, line) != len(line):
                    raise _unusable(self._path, "the disk is full")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unusable(self._path, (error.strerror or str(error)).lower()) from error

    def _make_folder(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        ignore = self._path.parents[1] / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")


def home(spec_folder: Path) -> Path:
    """Where a spec's answers are kept: at the root of its repository, else beside it."""
    start = spec_folder.resolve()
    return next((place for place in (start, *start.parents) if (place / ".git").exists()), start)


def newest_of(name: str, folder: Path) -> Path | None:
    """The answers of a name's models that were written last, of those kept for a folder's specs."""
    kept = home(folder) / FOLDER / "answers"
    pattern = re.compile(rf"{re.escape(name)}-\d+-(un)?filtered-\w+\.jsonl")
    found = [path for path in kept.glob("*.jsonl") if pattern.fullmatch(path.name)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        f"Answers can't be kept in {path}: {why}.",
        next_step="Make room or give yourself the right to write there, then run it again.",
    )
