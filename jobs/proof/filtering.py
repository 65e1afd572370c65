"""What content filters made of the trials, kept in the project: versions of `<name>-filter`.

A line a trial, in JSON, without its text: kind, category, severity, language, how it was asked, and
what became of it. A version is called by who was asked and what it came to.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs import revision
from jobs.errors import InvalidInputError
from jobs.foundry.data import DataAsset
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session
from jobs.proof.answers import subject_of
from jobs.proof.archive import TAG_ENDPOINT, TAG_MODEL, TAG_SUBJECT
from jobs.proof.matrix import Matrix, as_rows, from_rows
from jobs.proof.shelf import Shelf

TAG_ASKED = f"{revision.TAG_PREFIX}asked"
TAG_HELD = f"{revision.TAG_PREFIX}held"
SUFFIX = "-filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFilter:
    """What one endpoint's filter made of the trials, on a day."""

    model: str
    endpoint: str
    asked: str
    """When, in UTC."""
    held: bool
    """Whether a candidate passed with it."""
    matrix: Matrix


def keep(
    session: Session, name: str, endpoint: Endpoint, matrix: Matrix, *, held: bool, now: datetime
) -> None:
    """Keep what the filter of an endpoint made of the trials, for the name that it serves.

    Raises:
        RemoteError: It reads back as something else.
    """
    subject = subject_of(endpoint)
    rows = as_rows(matrix)
    version = revision.digest([subject.identity, endpoint.name, rows])
    tags = {
        **revision.tags(name, version),
        TAG_SUBJECT: subject.identity,
        TAG_MODEL: subject.model[: revision.LONGEST_TAG_VALUE],
        TAG_ENDPOINT: endpoint.name,
        TAG_ASKED: now.isoformat(timespec="seconds"),
        TAG_HELD: "yes" if held else "no",
    }
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    said = f"What the content filter of {endpoint.name} made of the trials of {name}"
    Shelf(session, name + SUFFIX).put(version, content, said, tags)


def newest(session: Session, name: str, endpoint: str) -> KeptFilter | None:
    """What an endpoint's filter made of the trials when it last passed; None where none is kept."""
    shelf = Shelf(session, name + SUFFIX)
    passed = [
        asset
        for asset in shelf.versions()
        if asset.tags.get(TAG_ENDPOINT) == endpoint and asset.tags.get(TAG_HELD) == "yes"
    ]
    return _read(shelf, sorted(passed, key=_asked))


def by_model(session: Session, name: str) -> dict[str, KeptFilter]:
    """The newest of each model (`name:version`, or the base model's name)."""
    shelf = Shelf(session, name + SUFFIX)
    models: dict[str, list[DataAsset]] = {}
    for asset in sorted(shelf.versions(), key=_asked):
        models.setdefault(asset.tags.get(TAG_MODEL, ""), []).append(asset)
    found = ((model, _read(shelf, assets)) for model, assets in models.items() if model)
    return {model: one for model, one in found if one is not None}


def _read(shelf: Shelf, assets: Sequence[DataAsset]) -> KeptFilter | None:
    """The last that can be read: what somebody has changed or taken away counts for none."""
    for asset in reversed(assets):
        content = shelf.read(asset)
        if content is None:
            continue
        try:
            rows = [json.loads(line) for line in content.splitlines()]
            matrix = from_rows(rows, f"data '{shelf.name}:{asset.version}'")
        except (ValueError, InvalidInputError):
            continue
        return KeptFilter(
            model=asset.tags.get(TAG_MODEL, ""),
            endpoint=asset.tags.get(TAG_ENDPOINT, ""),
            asked=_asked(asset),
            held=asset.tags.get(TAG_HELD) == "yes",
            matrix=matrix,
        )
    return None


def _asked(asset: DataAsset) -> str:
    return asset.tags.get(TAG_ASKED, "")
