"""What documents ask for, as rules of a policy judge it, and where each of it is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from jobs.catalog.catalog import registry_id
from jobs.foundry.endpoints import AUTH_MODES
from jobs.spec.budget import Budget
from jobs.spec.command import Command
from jobs.spec.measured import measured_online
from jobs.spec.models import Evaluation, FineTuning, ServerlessEndpoint
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.reader import Path
from jobs.spec.references import name_of, parse
from jobs.spec.story import Chapter, Story
from jobs.spec.training import TrainingJob
from jobs.spec.trials import longest
from policy.subject import ENDPOINT, JOB, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a document asks for."""

    chapter: Chapter
    subject: Subject
    places: Mapping[str, Path]
    """The document's own path of each field that rules know."""


def subjects(story: Story, location: str = "") -> Iterator[Judged]:
    """Every job and endpoint that a story asks for, as far as its documents are whole.

    `location` is the project's region, where it is known: what says none of its own is made there.
    """
    for chapter in story.chapters:
        spec = chapter.spec
        if not chapter.is_whole:
            continue
        if isinstance(spec, FineTuning):
            yield _job(chapter, spec, location)
        elif isinstance(spec, TrainingJob):
            yield _own_training(chapter, spec, location)
        elif isinstance(spec, ServerlessEndpoint):
            yield _endpoint(chapter, spec, story, location)
        elif isinstance(spec, Command):
            yield _command(chapter, spec, location)
        elif isinstance(spec, OnlineEndpoint):
            yield _online(chapter, spec, story, location)


def _job(chapter: Chapter, spec: FineTuning, location: str) -> Judged:
    words = ("epochs", "num_train_epochs", "n_epochs")
    written = next((word for word in words if getattr(spec.hyperparameters, word)), "epochs")
    epochs: Path = ("hyperparameters", written)
    if spec.sweep and spec.sweep.parameters.epochs is not None:
        epochs = ("sweep", "parameters", "epochs")
    properties = {
        "location": location,
        "model": _registered(spec.model_path),
        "epochs": longest(spec)[0],
    }
    return _judged(chapter, spec, JOB, properties, {"model": ("model",), "epochs": epochs})


def _own_training(chapter: Chapter, spec: TrainingJob, location: str) -> Judged:
    """A training of one's own is a job like the service's, and allowed the same."""
    properties = {
        "location": location,
        "model": _registered(spec.model_path),
        "epochs": ceil(spec.epochs),
    }
    return _judged(chapter, spec, JOB, properties, {"model": ("model",), "epochs": ("epochs",)})


def _command(chapter: Chapter, spec: Command, location: str) -> Judged:
    """A job without a model of the catalogue and without epochs: rules of those are moot."""
    unseen = frozenset({"model", "epochs"})
    return _judged(chapter, spec, JOB, {"location": location}, {}, unseen)


def _endpoint(chapter: Chapter, spec: ServerlessEndpoint, story: Story, location: str) -> Judged:
    # What it costs counts against the budget of its model's training, which is judged by itself.
    counts_elsewhere = parse(spec.model_path) is not None
    return _judged(
        chapter,
        spec,
        ENDPOINT,
        {
            "location": spec.location or location,
            "contentSafety": {"contentSafetyStatus": "Enabled" if spec.is_filtered else "Disabled"},
            "authMode": AUTH_MODES[spec.auth_mode],
            "model": _registered(spec.model_path),
            "gates": _gates(spec, story),
        },
        {
            "location": ("location",),
            "tags": ("tags",),
            "contentSafety": ("content_safety",),
            "authMode": ("auth_mode",),
            "model": ("model",) if spec.model else ("model_id",),
        },
        frozenset({"budget"} if counts_elsewhere else ()),
    )


def _online(chapter: Chapter, spec: OnlineEndpoint, story: Story, location: str) -> Judged:
    """As an endpoint whose filter is off: Azure has none in front of a managed online endpoint."""
    return _judged(
        chapter,
        spec,
        ENDPOINT,
        {
            "location": location,
            "contentSafety": {"contentSafetyStatus": "Disabled"},
            "authMode": "AAD" if spec.auth_mode == "aad_token" else "Key",
            "model": "",
            "gates": _gates(spec, story),
        },
        {
            "tags": ("tags",),
            "contentSafety": ("content_safety",),
            "authMode": ("auth_mode",),
            "model": ("model",),
        },
    )


def _judged(
    chapter: Chapter,
    spec: FineTuning | TrainingJob | Command | ServerlessEndpoint | OnlineEndpoint,
    type: str,
    properties: Mapping[str, object],
    places: Mapping[str, Path],
    unseen: frozenset[str] = frozenset(),
) -> Judged:
    """What a document asks for, with what all have; exceptions call it by its reference too."""
    return Judged(
        chapter=chapter,
        subject=Subject(
            type=type,
            name=spec.name,
            also=(spec.reference,),
            properties={
                "tags": spec.tags or {},
                "budget": _usd(spec.budget),
                **properties,
            },
            unseen=unseen,
        ),
        places={"budget": ("budget",), **places},
    )


def _gates(spec: ServerlessEndpoint | OnlineEndpoint, story: Story) -> tuple[str, ...]:
    """The metrics that evaluations of an endpoint have a gate on."""
    specs = story.specs
    found: list[str] = []
    for other in specs:
        if not isinstance(other, Evaluation):
            continue
        online, name = measured_online(other, specs), name_of(other.endpoint)
        is_serverless = isinstance(spec, ServerlessEndpoint)
        if (online is None and name == spec.name) if is_serverless else online is spec:
            found += other.gates
    return tuple(dict.fromkeys(found))


def _registered(written: str) -> str:
    """The registry's id of a base model; empty for one that was trained in a project."""
    found = registry_id(written)
    return found if found.startswith("azureml://registries/") else ""


def _usd(budget: Budget | None) -> float | None:
    return budget.max_usd if budget else None
