"""Asking an endpoint the questions of an evaluation, each once: what is known isn't asked again."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from jobs import revision
from jobs.errors import PreflightError
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.inference import Answer, ParameterRefusedError, Refusal, open_chat
from jobs.foundry.session import Session
from jobs.plan.desired import Measuring
from jobs.proof.answers import (
    AnswerFile,
    KeptAnswer,
    Subject,
    home,
    key_of,
    offered,
    subject_of,
    wants_logprobs,
)
from jobs.proof.archive import Archive
from jobs.proof.metrics import Question
from jobs.proof.scoring import Reply
from jobs.proof.scripted import Deployed, Script
from jobs.side_by_side import Pool
from jobs.spec.models import Evaluation
from jobs.terminal.progress import Reporter

_AT_ONCE = 4
"""Questions under way together: a deployment allows 1,000 a minute, so this stays far below."""

Asked = Endpoint | Deployed
"""Who is asked: an endpoint behind Azure's filter, or a deployment of an online endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one model said to every question, in their order."""

    subject: Subject
    endpoint: str
    answers: tuple[KeptAnswer, ...]
    asked: int
    """How many questions were sent; the answers to the others were kept."""

    @property
    def replies(self) -> list[Reply]:
        """What scores them."""
        return [answer.reply for answer in self.answers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The questions of one evaluation, and where their answers are kept."""

    session: Session
    measuring: Measuring
    questions: Sequence[Question]
    report: Reporter
    pause: Callable[[float], None] = time.sleep
    form: Mapping[str, Any] | None = None
    """A `response_format` to keep to, for endpoints that take one."""
    kept_as: str = "answers"
    """What the data asset in the project is called, after the evaluation's name."""

    @property
    def archive(self) -> Archive:
        """The answers' place in the project."""
        asked = [
            [key_of(self.measuring.spec, q), q.expected, list(map(dict, q.calls))]
            for q in self.questions
        ]
        stands_for = revision.digest([revision.FORMAT, asked])
        return Archive(self.session, self.measuring.name, stands_for, self.kept_as)

    def ask(self, endpoint: Asked, archive: Archive) -> Answered:
        """Every answer of an endpoint: from this machine, from the project, or asked now."""
        subject = endpoint.subject if isinstance(endpoint, Deployed) else subject_of(endpoint)
        kept, missing = self._kept(subject, archive)
        if missing:
            self._ask(endpoint, subject, kept, missing)
        return self._answered(subject, endpoint.name, kept, asked=len(missing))

    def recall(self, subject: Subject, endpoint: str, archive: Archive) -> Answered | None:
        """What it has answered to every question, asking nothing; None where one is missing."""
        kept, missing = self._kept(subject, archive)
        return None if missing else self._answered(subject, endpoint, kept, asked=0)

    def _kept(self, subject: Subject, archive: Archive) -> tuple[AnswerFile, dict[str, Question]]:
        """The answers that are kept, here or in the project, and the questions without one."""
        kept = AnswerFile(home(self.measuring.folder), subject)
        wanted = {key_of(self.measuring.spec, question): question for question in self.questions}
        missing = [key for key in wanted if kept.get(key) is None]
        if missing:
            found = archive.fetch(subject)
            for key in missing:
                if key in found:
                    kept.add(found[key])
        return kept, {key: wanted[key] for key in missing if kept.get(key) is None}

    def _answered(
        self, subject: Subject, endpoint: str, kept: AnswerFile, *, asked: int
    ) -> Answered:
        answers = tuple(self._answer(kept, question) for question in self.questions)
        return Answered(subject=subject, endpoint=endpoint, answers=answers, asked=asked)

    def _ask(
        self, endpoint: Asked, subject: Subject, kept: AnswerFile, missing: dict[str, Question]
    ) -> None:
        spec = self.measuring.spec
        partner = (
            Script(self.session, endpoint, spec)
            if isinstance(endpoint, Deployed)
            else _Conversation(self, endpoint)
        )
        at_once = min(_AT_ONCE, endpoint.at_once) if isinstance(endpoint, Deployed) else _AT_ONCE
        total = len({key_of(self.measuring.spec, question) for question in self.questions})
        done = total - len(missing)

        failed = threading.Event()
        waiting = list(missing.items())

        def ask(key: str, question: Question) -> None:
            nonlocal done
            if failed.is_set():
                return
            try:
                kept.add(_kept(spec, subject, key, question, partner.ask(question)))
            except BaseException:
                failed.set()
                raise
            done += 1
            words = f"{done} of {total} asked"
            if endpoint.name != self.measuring.endpoint:
                words += f" of {endpoint.name}"
            self.report.step("evaluation", self.measuring.name, words, done, total)

        try:
            if wants_logprobs(self.measuring.spec):
                # One alone: if the endpoint gives no log probabilities, no more than it is paid.
                ask(*waiting.pop(0))
            with Pool(at_once) as pool:
                futures = [pool.submit(ask, *item) for item in waiting]
                # Those that are under way when one fails are paid for: their answers are kept too.
                errors = [error for future in futures if (error := future.exception())]
            if errors:
                raise errors[0]
        finally:
            partner.close()

    def _answer(self, kept: AnswerFile, question: Question) -> KeptAnswer:
        answer = kept.get(key_of(self.measuring.spec, question))
        assert answer is not None, "it was asked, or raised"
        return structs.replace(answer, expected=question.expected)


class _Conversation:
    """An endpoint behind Azure's filter, asked as an evaluation asks."""

    def __init__(self, asking: Asking, endpoint: Endpoint) -> None:
        self._asking, self._endpoint = asking, endpoint
        self._chat = open_chat(asking.session, endpoint, asking.pause)

    def ask(self, question: Question) -> Answer | Refusal:
        """One answer, or the filter's refusal.

        Raises:
            PreflightError: It gives no log probabilities, and they are what is measured.
        """
        spec = self._asking.measuring.spec
        unsure = wants_logprobs(spec)
        try:
            said = self._chat.ask(
                question.messages,
                max_tokens=spec.max_tokens,
                temperature=spec.temperature,
                tools=offered(spec, question),
                logprobs=unsure,
                seed=question.seed,
                form=self._asking.form,
            )
        except ParameterRefusedError as refused:
            if refused.parameter != "logprobs":
                raise
            raise self._no_logprobs() from refused
        if unsure and isinstance(said, Answer) and said.logprobs is None:
            raise self._no_logprobs()
        return said

    def close(self) -> None:
        """Give the connections back."""
        self._chat.close()

    def _no_logprobs(self) -> PreflightError:
        name = self._endpoint.name
        return PreflightError(
            f"{self._asking.measuring.spec.reference}: endpoint '{name}' gives no log "
            "probabilities, so perplexity_of_answers can't be measured.",
            next_step="Take perplexity_of_answers out of metrics; the perplexity of the validation "
            f"data needs none: foundry-tune metrics {name}",
        )


def _kept(
    spec: Evaluation, subject: Subject, key: str, question: Question, said: Answer | Refusal
) -> KeptAnswer:
    """An answer as it is kept, with all that it was asked with."""
    answered = isinstance(said, Answer)
    logprobs = said.logprobs if answered else None
    return KeptAnswer(
        question=key,
        model=subject.model,
        messages=[dict(message) for message in question.messages],
        max_tokens=spec.max_tokens,
        temperature=float(spec.temperature),
        tools=offered(spec, question),
        expected=question.expected,
        answer=said.text if answered else "",
        tool_calls=[dict(call) for call in said.tool_calls] if answered else [],
        refused=None if answered else said.where,
        finish_reason=said.finish_reason if answered else "content_filter",
        seconds=said.seconds,
        tokens=said.tokens if answered else 0,
        prompt_tokens=said.prompt_tokens if answered else 0,
        severities=dict(said.severities),
        fingerprint=said.fingerprint if answered else "",
        with_logprobs=wants_logprobs(spec),
        logprob=None if logprobs is None else round(math.fsum(logprobs), 6),
        logprob_tokens=len(logprobs or ()),
        seed=question.seed,
        request=question.request,
        at=question.at,
    )
