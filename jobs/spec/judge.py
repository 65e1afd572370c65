"""A judge: an endpoint that grades answers by a rubric, as an evaluation's metric."""

from typing import Annotated

from msgspec import Meta

from jobs.spec.document import Part

JUDGE = "judge"
"""The metric's name."""


class Judge(Part, frozen=True, kw_only=True):
    """Who grades answers, by what, and how often each."""

    endpoint: Annotated[
        str,
        Meta(
            description="Who judges: ${{ serverless_endpoint.<name> }}, or a name; not the "
            "endpoint that is measured."
        ),
    ]
    rubric: Annotated[
        str, Meta(description="What a good answer is like: a text file beside the spec.")
    ]
    scale: Annotated[
        tuple[int, ...], Meta(description="The lowest and the highest score, whole numbers.")
    ] = (1, 5)
    repeats: Annotated[
        int, Meta(description="How often each answer is judged; 2 tells agreement.", ge=1, le=10)
    ] = 2
    nonsense: Annotated[
        float,
        Meta(
            description="The share of verdicts that may hold no score, asked twice; above it "
            "nothing is scored.",
            ge=0,
            lt=1,
        ),
    ] = 0.05
    max_tokens: Annotated[
        int, Meta(description="The longest verdict, in tokens.", ge=16, le=4096)
    ] = 256
    temperature: Annotated[
        float, Meta(description="Above 0, so that repeats show how sure it is.", ge=0, le=2)
    ] = 1.0

    @property
    def low(self) -> int:
        """The lowest score."""
        return self.scale[0]

    @property
    def high(self) -> int:
        """The highest score."""
        return self.scale[-1]


class JudgeMetric(Part, frozen=True, kw_only=True):
    """The metric `judge`: 0 is the scale's lowest score, 1 its highest."""

    judge: Annotated[Judge, Meta(description="Who grades, by which rubric.")]
