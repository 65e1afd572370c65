"""Hashes and tags by which what is in Azure is recognised: no state file says what is whose."""

import hashlib
import json
import re
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
TAG_READY = "foundry-tune.ready"
"""That an endpoint also passed every evaluation of its spec: it may be promoted."""
TAG_WITHDRAWN = "foundry-tune.withdrawn"
"""That an endpoint is about to go: no name may follow it any more."""
TAG_REFUSED = "foundry-tune.refused"
"""What a model failed, when and why, so that no endpoint is made for the same again."""
TAG_EVALUATION = "foundry-tune.evaluation"
TAG_SYSTEM = "foundry-tune.system"
"""The system message that a model was trained with, so that it can be asked as it was taught."""

_LONGEST_ENDPOINT_NAME = 52  # by Azure's own pattern

LONGEST_TAG_VALUE = 256
"""Azure's limit; a system message beyond it isn't kept."""


def digest(value: object) -> str:
    """Ten hexadecimal digits that stand for a value."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]


def endpoint_name(name: str, made_from: str) -> str:
    """The name of the endpoint of one revision: it serves beside the others'.

    `made_from` is the revision, with the number of its attempt where there was more than one.
    """
    return f"{name[: _LONGEST_ENDPOINT_NAME - len(made_from) - 1]}-{made_from}"


def of_endpoint(endpoint: str) -> str:
    """The revision that an endpoint's name ends with, its attempt too; empty where it has none."""
    match = re.fullmatch(rf".+-([0-9a-f]{{{HASH_LENGTH}}}(?:-\d+)?)", endpoint)
    return match[1] if match else ""


def is_endpoint_of(endpoint: str, name: str) -> bool:
    """Whether an endpoint is called as `name` itself, or as one of its revisions."""
    made_from = of_endpoint(endpoint)
    return endpoint == name or (bool(made_from) and endpoint == endpoint_name(name, made_from))


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
