"""Kept answers in the project: versions of a data asset, for other machines and for the count.

A version is called by who answered which questions, so a machine without the file finds it; what it
points at is called by its content, which is looked at again after a download. Its tags say against
which references the model was held, and as the how-manieth.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jobs import revision
from jobs.errors import ConflictError, RefusedError
from jobs.files import digest_of
from jobs.foundry import data, projects
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session
from jobs.proof.answers import KeptAnswer, Subject, as_lines, from_lines

TAG_SUBJECT = f"{revision.TAG_PREFIX}subject"
TAG_MODEL = f"{revision.TAG_PREFIX}model"
TAG_ENDPOINT = f"{revision.TAG_PREFIX}endpoint"
TAG_QUESTIONS = f"{revision.TAG_PREFIX}questions"
TAG_LOOK = f"{revision.TAG_PREFIX}look"


@dataclass(frozen=True)
class Archive:
    """The kept answers of one evaluation, in the project."""

    session: Session
    evaluation: str
    questions: str
    """Stands for the questions, what they expect, and how they are asked."""
    kept_as: str = "answers"

    @property
    def name(self) -> str:
        """The data asset's name."""
        return f"{self.evaluation}-{self.kept_as}"

    def version(self, subject: Subject) -> str:
        """The version of a subject's answers to these questions."""
        return revision.digest([subject.identity, self.questions])

    def fetch(self, subject: Subject) -> dict[str, KeptAnswer]:
        """What a subject has answered, by question: to these questions, and to others."""
        found: dict[str, KeptAnswer] = {}
        for asset in data.versions(self.session, self.name):
            if asset.tags.get(TAG_SUBJECT) == subject.identity:
                content = data.download(self.session, self._datastore, asset)
                found |= from_lines(content or b"")
        return found

    def look(self, subject: Subject, reference: Subject) -> int:
        """The how-manieth model it is that is held against a reference by these questions.

        A model that was held before is the one that it was then. Archived versions count: what was
        looked at stays looked at when it is taken down.
        """
        tag = f"{TAG_LOOK}.{reference.identity}"
        own = data.find(self.session, self.name, self.version(subject))
        if own and (look := _number(own.tags.get(tag))):
            return look
        return 1 + max(
            (
                _number(asset.tags.get(tag))
                for asset in data.versions(self.session, self.name)
                if asset.tags.get(TAG_QUESTIONS) == self.questions
            ),
            default=0,
        )

    def keep(
        self,
        subject: Subject,
        endpoint: str,
        answers: Sequence[KeptAnswer],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Register a subject's answers.

        Raises:
            RemoteError: They read back as something else.
        """
        version = self.version(subject)
        wanted = {
            **revision.tags(self.evaluation, version),
            TAG_SUBJECT: subject.identity,
            TAG_MODEL: subject.model[: revision.LONGEST_TAG_VALUE],
            TAG_ENDPOINT: endpoint,
            TAG_QUESTIONS: self.questions,
            **(tags or {}),
        }
        there = data.find(self.session, self.name, version)
        if there is None:
            uri = self._uploaded(answers)
            try:
                self._register(subject, version, uri, wanted)
            except (ConflictError, RefusedError):
                # Somebody else's run was first: a version's address never changes.
                there = data.find(self.session, self.name, version)
                if there is None:
                    raise
        if there is not None and (
            there.archived or any(there.tags.get(name) != wanted[name] for name in wanted)
        ):
            self._register(subject, version, there.uri, {**there.tags, **wanted})

    def _register(self, subject: Subject, version: str, uri: str, tags: Mapping[str, str]) -> None:
        data.register(
            self.session,
            self.name,
            version,
            uri=uri,
            description=f"What {subject.model} answered in evaluation {self.evaluation}",
            tags=tags,
        )

    def _uploaded(self, answers: Sequence[KeptAnswer]) -> str:
        with tempfile.TemporaryDirectory(prefix="foundry-tune-") as folder:
            file = Path(folder, f"{self.name}.jsonl")
            file.write_bytes(as_lines(answers))
            uri, _ = data.upload(self.session, self._datastore, file, digest_of(file), self.name)
        return uri

    @cached_property
    def _datastore(self) -> Datastore:
        return projects.default_datastore(self.session)


def _number(tag: str | None) -> int:
    """The count that a tag has; 0 where somebody took it away or wrote something else."""
    return int(tag) if tag and tag.isdecimal() else 0
