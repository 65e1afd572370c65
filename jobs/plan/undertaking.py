"""What a document and its job have in common, whatever the job does: its revision, its data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs.files import Digest
from jobs.folders import Folder
from jobs.spec.document import JobDocument

_JOB_NAME_LIMIT = 255 - len("-0123456789-99")

DataKind = Literal["uri_file", "uri_folder", "mltable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataVersion:
    """A local file or folder as a version of a data asset: named by what is in it."""

    name: str
    version: str
    digest: Digest
    path: Path
    owner: str
    """The document that uses it."""
    kind: DataKind = "uri_file"
    folder: Folder | None = None
    """Its files, where it is a folder."""

    @property
    def label(self) -> str:
        """`name:version`, as people write it."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undertaking:
    """A document that a job does, with its content and its revision."""

    spec: JobDocument
    revision: str

    @property
    def name(self) -> str:
        """The document's name."""
        return self.spec.name

    @property
    def job_name(self) -> str:
        """The name of the job of this revision."""
        return f"{self.name[:_JOB_NAME_LIMIT]}-{self.revision}"

    def attempt(self, number: int) -> str:
        """The name of the first, second, … job of this revision."""
        return self.job_name if number == 1 else f"{self.job_name}-{number}"

    def made_from(self, number: int) -> str:
        """The revision, with the number of the attempt where it isn't the first."""
        return self.revision if number == 1 else f"{self.revision}-{number}"

    @property
    def is_sweep(self) -> bool:
        """Whether several jobs do it."""
        return False

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models that its job registers."""
        raise NotImplementedError

    @property
    def data(self) -> tuple[DataVersion, ...]:
        """The local files and folders that its job reads, each once."""
        raise NotImplementedError

    @property
    def fields(self) -> Mapping[str, str]:
        """What a plan compares, in the words of the document."""
        raise NotImplementedError
