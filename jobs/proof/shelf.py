"""A data asset whose versions keep what was found, for other machines and later days.

A version's content is called by its hash, and held against it when it is read.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jobs.errors import ConflictError, RefusedError
from jobs.files import digest_of
from jobs.foundry import data, projects
from jobs.foundry.data import DataAsset
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session


@dataclass(frozen=True)
class Shelf:
    """The versions of one data asset."""

    session: Session
    name: str

    def versions(self) -> list[DataAsset]:
        """Every version, archived ones too."""
        return data.versions(self.session, self.name)

    def read(self, asset: DataAsset) -> bytes | None:
        """What a version holds; None where it is gone, or isn't that any more."""
        return data.download(self.session, self._datastore, asset)

    def put(self, version: str, content: bytes, description: str, tags: Mapping[str, str]) -> None:
        """Keep content as a version; one that is there keeps its content, and gets the tags.

        Raises:
            RemoteError: It reads back as something else.
        """
        there = data.find(self.session, self.name, version)
        if there is None:
            uri = self._uploaded(content)
            try:
                self._register(version, uri, description, tags)
            except (ConflictError, RefusedError):
                # Somebody else's run was first: a version's address never changes.
                there = data.find(self.session, self.name, version)
                if there is None:
                    raise
        if there is not None and (
            there.archived or any(there.tags.get(name) != tags[name] for name in tags)
        ):
            self._register(version, there.uri, description, {**there.tags, **tags})

    def _register(self, version: str, uri: str, said: str, tags: Mapping[str, str]) -> None:
        data.register(self.session, self.name, version, uri=uri, description=said, tags=tags)

    def _uploaded(self, content: bytes) -> str:
        with tempfile.TemporaryDirectory(prefix="foundry-tune-") as folder:
            file = Path(folder, f"{self.name}.jsonl")
            file.write_bytes(content)
            uri, _ = data.upload(self.session, self._datastore, file, digest_of(file), self.name)
        return uri

    @cached_property
    def _datastore(self) -> Datastore:
        return projects.default_datastore(self.session)
