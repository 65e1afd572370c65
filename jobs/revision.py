"""Hashes and tags by which what is in Azure is recognised: no state file says what is whose."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

FORMAT = 1
"""Part of every mark; raised when a mark's meaning changes, so that old ones count no more."""

HASH_LENGTH = 10
TAG_SPEC = "foundry-tune.spec"
TAG_HASH = "foundry-tune.hash"
TAG_VERSION = "foundry-tune.version"
TAG_PROOF = "foundry-tune.proof"
TAG_EVALUATION = "foundry-tune.evaluation"
TAG_SYSTEM = "foundry-tune.system"
"""The system message that a model was trained with, so that it can be asked as it was taught."""

LONGEST_TAG_VALUE = 256
"""Azure's limit; a system message beyond it isn't kept."""


def digest(value: object) -> str:
    """Ten hexadecimal digits that stand for a value."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, read in one pass."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tags(
    spec_name: str, revision: str, own: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """The tags that everything made carries, beside the spec's own."""
    written = {key: value or "" for key, value in (own or {}).items()}
    return written | {
        TAG_SPEC: spec_name,
        TAG_HASH: revision,
        TAG_VERSION: version("foundry-tune"),
    }
