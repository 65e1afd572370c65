"""Hashes and tags by which what is in Azure is recognised: no state file says what is whose."""

import hashlib
import json
from collections.abc import Mapping

FORMAT = 2
"""Part of every mark; raised when a mark's meaning changes, so that old ones count no more."""

HASH_LENGTH = 10
TAG_PREFIX = "foundry-tune."
"""Tags that begin so are ours alone: a spec's own may not."""
TAG_SPEC = "foundry-tune.spec"
TAG_HASH = "foundry-tune.hash"
TAG_VERSION = "foundry-tune.version"
TAG_PROOF = "foundry-tune.proof"
"""That an endpoint passed all its spec asks for: probes, smoke tests."""
TAG_PROBED = "foundry-tune.probed"
"""That an endpoint's content filter was seen refusing."""
TAG_EVALUATION = "foundry-tune.evaluation"
TAG_SYSTEM = "foundry-tune.system"
"""The system message that a model was trained with, so that it can be asked as it was taught."""

LONGEST_TAG_VALUE = 256
"""Azure's limit; a system message beyond it isn't kept."""


def digest(value: object) -> str:
    """Ten hexadecimal digits that stand for a value."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]


def tags(
    spec_name: str, revision: str, own: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """The tags that everything made carries, beside the spec's own."""
    from importlib.metadata import version

    written = {key: value or "" for key, value in (own or {}).items()}
    return written | {
        TAG_SPEC: spec_name,
        TAG_HASH: revision,
        TAG_VERSION: version("foundry-tune"),
    }
