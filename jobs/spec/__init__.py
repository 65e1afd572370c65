"""Specs: YAML files that say what to fine-tune, serve and prove."""

from jobs.spec.budget import Budget
from jobs.spec.canonical import canonical, content_hash
from jobs.spec.models import (
    KINDS,
    Command,
    Evaluation,
    Expectation,
    FineTuning,
    ServerlessEndpoint,
    SmokeTest,
    Spec,
    ValidationData,
)
from jobs.spec.references import Reference
from jobs.spec.story import Chapter, Story, load, load_bytes, local_path

__all__ = [
    "KINDS",
    "Budget",
    "Chapter",
    "Command",
    "Evaluation",
    "Expectation",
    "FineTuning",
    "Reference",
    "ServerlessEndpoint",
    "SmokeTest",
    "Spec",
    "Story",
    "ValidationData",
    "canonical",
    "content_hash",
    "load",
    "load_bytes",
    "local_path",
]
