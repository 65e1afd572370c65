"""A deployment of an online endpoint, asked an evaluation's questions as its script takes them.

It is asked by the header that names it, whatever its share of the traffic. Where its document asks
for `client_side`, Azure AI Content Safety refuses what is harmful, as in its smoke tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs import revision
from jobs.errors import QualityError, RemoteError
from jobs.foundry import content_safety
from jobs.foundry.inference import Answer, Refusal
from jobs.foundry.online import Deployment, Online
from jobs.foundry.scoring import Scored, Scorer
from jobs.foundry.session import Session
from jobs.proof.answers import Subject
from jobs.proof.deployment import MISSING, harm_in, member, value_of
from jobs.proof.metrics import Question
from jobs.spec.measured import COMPLETION, MESSAGES, as_text
from jobs.spec.models import Evaluation
from jobs.terminal.output import printable
from jobs.values import mapping

_PASSING = frozenset({408, 429, 502, 503, 504})
"""What a call is answered with that may well be answered the next time."""
_SEVERITIES = {2: "low", 4: "medium", 6: "high"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """Who is asked: a deployment, wherever the traffic goes."""

    endpoint: Online
    deployment: Deployment
    subject: Subject
    at_once: int
    """How many calls its machines take at a time."""
    safety: str = ""
    """The address of the Azure AI Content Safety that judges; empty where nothing does."""

    @property
    def name(self) -> str:
        """`intents/r-0123456789`."""
        return f"{self.endpoint.name}/{self.deployment.name}"


def subject_of(
    workspace: str, *, title: str, deployment: str, environment: str, guard: str, created: str = ""
) -> Subject | None:
    """Who answers behind a deployment; None where that isn't known before it is there.

    A deployment's name stands for its model, code and machines in one `workspace` (its GUID), but
    what a label of an environment means may change: then each one `created` is another. `guard` is
    the document's `content_safety`, `title` what people call it.
    """
    means_another = "@" in environment or "/labels/" in environment
    if means_another and not created:
        return None
    written = environment.removeprefix("azureml:").casefold()
    born = [written, created if means_another else ""]
    asked = {"format": revision.FORMAT, "workspace": workspace, "deployment": deployment}
    identity = revision.digest({**asked, "guard": guard, "born": born})
    is_guarded = guard == "client_side"
    return Subject(model=title, filter="Enabled" if is_guarded else "Disabled", identity=identity)


class Script:
    """A signed-in connection to one deployment, for questions; its key stays in the scorer."""

    def __init__(self, session: Session, deployed: Deployed, spec: Evaluation) -> None:
        self._deployed, self._spec = deployed, spec
        self._scorer = Scorer(session, deployed.endpoint)
        self._judge = content_safety.Analyzer(deployed.safety) if deployed.safety else None

    def ask(self, question: Question) -> Answer | Refusal:
        """What the script says to a question, or the refusal of what is harmful in it.

        Raises:
            QualityError: It answers with an error, or without what is measured.
            RemoteError: Azure has no answer of it just now.
        """
        body = question.request
        if body is None:
            manner = {"max_tokens": self._spec.max_tokens, "temperature": self._spec.temperature}
            body = {MESSAGES: [dict(message) for message in question.messages], **manner}
        if harm := self._harm(body):
            return Refusal(code="content_safety", where="prompt", severities=harm)
        said = self._scorer(body, self._deployed.deployment.name)
        name = self._deployed.name
        if said.status in _PASSING:
            raise RemoteError(
                f"Deployment '{name}' answers with HTTP {said.status}: {printable(said.text, 200)}",
                next_step="Run the same command again: the answers until now are kept.",
            )
        if said.status != 200:
            raise self._unusable(body, f"HTTP {said.status}: {printable(said.text, 200)}")
        value = value_of(said.text)
        if harm := self._harm(value):
            return Refusal(
                code="content_safety", where="answer", severities=harm, seconds=said.seconds
            )
        at = question.at or COMPLETION
        found = member(value, at)
        if found is MISSING or (found is None and question.request is not None):
            raise self._unusable(body, f"no '{at}': {printable(said.text, 200)}")
        return _answer(value, found, said)

    def close(self) -> None:
        """Give the connections back."""
        self._scorer.close()
        if self._judge is not None:
            self._judge.close()

    def _harm(self, value: Any) -> Mapping[str, str]:
        """The severity of each category that is refused, in words; empty where nothing is."""
        if self._judge is None:
            return {}
        found = harm_in(self._judge, value).items()
        return {name: _SEVERITIES.get(severity, str(severity)) for name, severity in found}

    def _unusable(self, body: Any, said: str) -> QualityError:
        return QualityError(
            f"{self._spec.reference}: deployment '{self._deployed.name}' can't be measured. To "
            f"{printable(as_text(body), 160)} it answers with {said}",
            next_step="Correct the scoring script or the data; or say in the evaluation what the "
            "script takes and says: request, at.",
            reason="a question has no usable answer",
        )


def _answer(value: Any, found: Any, said: Scored) -> Answer:
    completion = mapping(value) or {}
    usage = mapping(completion.get("usage")) or {}
    ended = member(value, "choices.0.finish_reason")
    return Answer(
        text="" if found is None else as_text(found),
        finish_reason=ended if isinstance(ended, str) else "stop",
        fingerprint=as_text(completion.get("system_fingerprint") or ""),
        tokens=_count(usage.get("completion_tokens")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        seconds=round(said.seconds, 6),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
