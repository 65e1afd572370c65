"""What an evaluation can measure without being told how, and the format it may hold answers to."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from jobs.spec.document import Part

Metric = Literal[
    "exact_match",
    "token_f1",
    "rouge_l",
    "chrf",
    "accuracy",
    "macro_f1",
    "valid_format",
    "tool_calls",
    "refusal_rate",
    "length",
    "latency_p50",
    "latency_p95",
    "tokens_per_1000",
    "perplexity_of_answers",
]


class Format(Part, frozen=True, kw_only=True):
    """What an answer must look like, for the metric valid_format."""

    matches: Annotated[
        str | None, Meta(description="A regular expression that the whole answer matches.")
    ] = None
    json_schema: Annotated[
        dict[str, Any] | None, Meta(description="A JSON Schema that the answer, as JSON, obeys.")
    ] = None
