"""Revisions that failed what is asked of them: a mark tells every later plan.

On the model, where it is served by an endpoint of its own; on the online endpoint, where its
revisions are deployments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jobs import revision
from jobs.foundry import endpoints
from jobs.plan.actual import Actual
from jobs.plan.desired import Measuring, Serving
from jobs.plan.steps import Action, EndpointStep, ModelStep
from jobs.terminal.output import printable

NEXT_STEP = (
    "Train longer or on more data, or change what is asked. To ask it once more: --retry-refused"
)


@dataclass(frozen=True, slots=True)
class RefusedMark:
    """What a model failed: the asking, the day, and the first thing that didn't hold."""

    asked: str
    day: str
    why: str

    def __str__(self) -> str:
        """As the tag has it, cut to what Azure takes."""
        return f"{self.asked} {self.day} {printable(self.why, 200)}"[: revision.LONGEST_TAG_VALUE]


def of(tags: Mapping[str, str]) -> RefusedMark | None:
    """What a tag says; None where there is none, or somebody wrote something else into it."""
    parts = tags.get(revision.TAG_REFUSED, "").split(" ", 2)
    return RefusedMark(*parts) if len(parts) == 3 else None


def asked_of(serving: Serving, measurings: Sequence[Measuring], model: str, actual: Actual) -> str:
    """The mark of everything asked of a model (`name:version`), and of whom it is compared with.

    With another test, gate, question or served revision it is another mark, and so a new asking.
    """
    return revision.digest(
        {
            "proof": serving.proof(model),
            "gates": sorted(measuring.mark(model) for measuring in measurings),
            "beside": [
                [word, endpoints.serves(other) if other else ""]
                for measuring in measurings
                for word in measuring.spec.compare_with
                for other in [actual.served(measuring.references.get(word, serving.name))]
            ],
        }
    )


def held_back(
    step: EndpointStep, model: ModelStep | None, measurings: Sequence[Measuring], actual: Actual
) -> EndpointStep:
    """The step, blocked where it would make an endpoint for a model that failed the very same."""
    makes_one = step.endpoint is None
    if not makes_one or step.action.kind == "blocked" or model is None or model.model is None:
        return step
    refusal = of(model.model.tags)
    asked = asked_of(step.serving, measurings, model.model.label, actual)
    if refusal is None or refusal.asked != asked:
        return step
    return replace(step, action=blocked("endpoint", step.name, refusal), is_refused=True)


def blocked(type: str, name: str, refusal: RefusedMark) -> Action:
    """What is said instead of serving it once more."""
    return Action(
        kind="blocked",
        type=type,
        name=name,
        note=f"was refused on {refusal.day}: {refusal.why}",
        next_step=NEXT_STEP,
        rule="FT-R009",
    )
