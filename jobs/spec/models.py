"""The documents of a spec file, typed: the one source of the checks, the JSON Schema and the docs.

Each keeps the shape that Azure ML's CLI v2 (`az ml`) reads, and adds what Azure's lacks.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from jobs.catalog.catalog import registry_id, registry_model
from jobs.spec.budget import Budget, Cap
from jobs.spec.command import Command
from jobs.spec.document import Document, JobDocument, Part
from jobs.spec.inputs import DataInput, ModelInput
from jobs.spec.judge import JUDGE, Judge, JudgeMetric
from jobs.spec.metric import Format, Metric
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.sweep import Sweep
from jobs.spec.training import TrainingJob
from jobs.values import span

# ── fine-tuning ─────────────────────────────────────────────────────────────────────────────────


class ValidationData(DataInput, frozen=True, kw_only=True):
    """Validation data: a path, or a share of the training data."""

    split: (
        Annotated[
            float, Meta(description="Share of the training conversations to hold out.", gt=0, lt=1)
        ]
        | None
    ) = None
    seed: Annotated[int, Meta(description="Another seed holds out others.", ge=0, le=2**32 - 1)] = (
        13
    )
    group_by: Annotated[
        str | None,
        Meta(description="A field of each line; lines that share its value stay on one side."),
    ] = None


class Hyperparameters(Part, frozen=True, kw_only=True):
    """What the service lets you set. Each has the guide's word and the wire's; write one."""

    epochs: Annotated[int, Meta(description="Passes over the data.", ge=1, le=50)] | None = None
    num_train_epochs: (
        Annotated[int, Meta(description="The wire's word for epochs.", ge=1, le=50)] | None
    ) = None
    batch_size_multiplier: (
        Annotated[int, Meta(description="Conversations a step, on each device.", ge=1, le=256)]
        | None
    ) = None
    per_device_train_batch_size: (
        Annotated[int, Meta(description="The wire's word for batch_size_multiplier.", ge=1, le=256)]
        | None
    ) = None
    learning_rate: (
        Annotated[float, Meta(description="Step size of the optimizer, such as 2e-5.", gt=0, le=1)]
        | None
    ) = None
    n_epochs: (
        Annotated[int, Meta(description="Azure OpenAI's word for epochs.", ge=1, le=50)] | None
    ) = None
    batch_size: Annotated[int, Meta(description="Azure OpenAI only.", ge=1, le=256)] | None = None
    learning_rate_multiplier: (
        Annotated[float, Meta(description="Azure OpenAI only.", gt=0, le=10)] | None
    ) = None
    extra: Annotated[
        dict[str, str], Meta(description="Other hyperparameters, sent as they are.")
    ] = field(default_factory=dict[str, str])


class RegisteredModel(Part, frozen=True, kw_only=True):
    """The model that the job registers."""

    name: (
        Annotated[
            str,
            Meta(
                description="Letters, digits and dashes.",
                pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$",
            ),
        ]
        | None
    ) = None
    type: Annotated[
        Literal[
            "mlflow_model", "custom_model", "triton_model", "uri_file", "uri_folder", "mltable"
        ],
        Meta(description="The form of the model."),
    ] = "mlflow_model"
    path: Annotated[str | None, Meta(description="Not sent by this version.")] = None
    version: Annotated[
        str | int | None, Meta(description="Not sent by this version: the service counts.")
    ] = None
    mode: Annotated[
        Literal["mount", "upload", "rw_mount", "direct"] | None,
        Meta(description="How it is written."),
    ] = None


class FineTuningOutputs(Part, frozen=True, kw_only=True):
    """What the job leaves."""

    registered_model: Annotated[
        RegisteredModel | None, Meta(description="The model that it registers.")
    ] = None


class FineTuningResources(Part, frozen=True, kw_only=True):
    """Managed compute for the job; left out, the service's serverless fine-tuning runs it."""

    instance_types: Annotated[
        tuple[str, ...], Meta(description="Machine types, such as Standard_NC24ads_A100_v4.")
    ] = ()


Task = Literal[
    "chat_completion",
    "text_completion",
    "text_classification",
    "question_answering",
    "text_summarization",
    "token_classification",
    "text_translation",
    "image_classification",
    "image_instance_segmentation",
    "image_object_detection",
    "video_multi_object_tracking",
]


class FineTuning(JobDocument, frozen=True, kw_only=True):
    """A fine-tuning job: teach a model from conversations."""

    type: Literal["finetuning"] = "finetuning"
    task: Annotated[Task, Meta(description="What the model learns to do.")] = "chat_completion"
    model_provider: Annotated[
        Literal["custom", "azure_open_ai"], Meta(description="`custom`: a model of the catalogue.")
    ] = "custom"
    model: Annotated[str | ModelInput, Meta(description="The base model.")]
    training_data: Annotated[str | DataInput, Meta(description="What it learns from.")]
    validation_data: Annotated[
        str | ValidationData | None,
        Meta(
            description="What it is measured on; left out, the service takes the file's last 20 %."
        ),
    ] = None
    hyperparameters: Annotated[Hyperparameters, Meta(description="How it learns.")] = (
        Hyperparameters()
    )
    outputs: Annotated[FineTuningOutputs, Meta(description="What it leaves.")] = FineTuningOutputs()
    resources: Annotated[
        FineTuningResources | None, Meta(description="Your own compute; not run by this version.")
    ] = None
    sweep: Annotated[
        Sweep | None,
        Meta(description="Hyperparameters to try; the best trial's model is the document's model."),
    ] = None
    budget: Annotated[Budget | None, Meta(description="What it may cost.")] = None
    tokenizer: Annotated[
        str | None,
        Meta(description="The model's tokenizer.json, for exact token counts."),
    ] = None

    kind = "finetuning"

    @property
    def model_path(self) -> str:
        """The base model as written: `azureml://registries/azureml/models/Phi-4-mini-instruct`."""
        return self.model if isinstance(self.model, str) else self.model.path

    @property
    def model_id(self) -> str:
        """The base model as Azure names it: a bare name stands for the catalogue's id."""
        return registry_id(self.model_path)

    @property
    def model_name(self) -> str:
        """The base model's name in its registry, `Phi-4-mini-instruct`."""
        return registry_model(self.model_path)

    @property
    def training_path(self) -> str:
        """The training data as written."""
        data = self.training_data
        return data if isinstance(data, str) else data.path or ""

    @property
    def validation_path(self) -> str | None:
        """The validation data as written; None where it is split off or left to the service."""
        data = self.validation_data
        return data.path if isinstance(data, ValidationData) else data

    @property
    def split(self) -> ValidationData | None:
        """How validation data is split off; None with a file, or where the service does it."""
        data = self.validation_data
        return data if isinstance(data, ValidationData) and data.split is not None else None

    @property
    def epochs(self) -> int:
        """Passes over the data; 1 is the service's default."""
        words = self.hyperparameters
        return words.epochs or words.num_train_epochs or words.n_epochs or 1

    @property
    def batch_size(self) -> int:
        """Conversations a step; 1 is the service's default."""
        words = self.hyperparameters
        return (
            words.batch_size_multiplier
            or words.per_device_train_batch_size
            or words.batch_size
            or 1
        )

    @property
    def learning_rate(self) -> float | None:
        """The learning rate as written; None leaves it to the service."""
        return self.hyperparameters.learning_rate

    @property
    def registered_model_name(self) -> str:
        """The registered model's name: as written, else the document's."""
        output = self.outputs.registered_model
        return (output.name if output else None) or self.name

    @property
    def is_serverless(self) -> bool:
        """Whether the service's own compute runs it (billed by token) and not yours."""
        return self.compute is None and self.resources is None


# ── serverless endpoints ────────────────────────────────────────────────────────────────────────


class Expectation(Part, frozen=True, kw_only=True):
    """What an answer must be like."""

    finish_reason: Annotated[
        Literal["stop", "length", "content_filter"] | None, Meta(description="Why it must end.")
    ] = None
    min_chars: Annotated[int, Meta(description="Its least length.", ge=0)] | None = None
    max_chars: Annotated[int, Meta(description="Its greatest length.", ge=1)] | None = None
    contains: Annotated[
        str | tuple[str, ...] | None, Meta(description="Words it must hold, in any case.")
    ] = None
    excludes: Annotated[
        str | tuple[str, ...] | None, Meta(description="Words it must not hold, in any case.")
    ] = None
    matches: Annotated[str | None, Meta(description="A regular expression found in it.")] = None


class PromptMessage(Part, frozen=True, kw_only=True):
    """A message of a smoke test."""

    role: Annotated[Literal["system", "user", "assistant"], Meta(description="Who speaks.")]
    content: Annotated[str, Meta(description="What is said.")]


class SmokeTest(Part, frozen=True, kw_only=True):
    """A question that the endpoint must answer before it counts as made."""

    prompt: Annotated[str | None, Meta(description="What a user says.")] = None
    messages: Annotated[
        tuple[PromptMessage, ...] | None,
        Meta(description="A whole conversation instead of a prompt."),
    ] = None
    expect: Annotated[Expectation, Meta(description="What the answer must be like.")] = Expectation(
        finish_reason="stop", min_chars=1
    )
    max_tokens: Annotated[
        int, Meta(description="The longest answer, in tokens.", ge=1, le=16384)
    ] = 256
    temperature: Annotated[float, Meta(description="0 answers the same each time.", ge=0, le=2)] = 0
    seed: Annotated[int | None, Meta(description="Not sent by this version.")] = None


class ContentSafety(Part, frozen=True, kw_only=True):
    """The content filter as ARM writes it."""

    content_safety_status: Annotated[
        Literal["enabled", "disabled"], Meta(description="Whether the content filter is on.")
    ]


SafetyLanguage = Literal["en", "ne", "hi", "es", "de", "fr", "ar"]
"""The languages of the built-in trials of the content filter (`grid.yaml`)."""


class ServerlessEndpoint(Document, frozen=True, kw_only=True):
    """A serverless endpoint: serve a model behind a content filter that is set and proven."""

    type: Literal["serverless_endpoint"] = "serverless_endpoint"
    model: Annotated[
        str | None,
        Meta(description="${{ finetuning.<name>.registered_model }}, or a model id."),
    ] = None
    model_id: Annotated[str | None, Meta(description="The word of `az ml` for model.")] = None
    content_safety: Annotated[
        Literal["enabled", "disabled"] | ContentSafety,
        Meta(description="The content filter; `disabled` needs a justification."),
    ] = "enabled"
    justification: (
        Annotated[str, Meta(description="Why the filter may be off.", min_length=10)] | None
    ) = None
    auth_mode: Annotated[
        Literal["key", "aad", "key_and_aad"], Meta(description="How callers sign in.")
    ] = "key"
    location: Annotated[str | None, Meta(description="The region; the project's if left out.")] = (
        None
    )
    smoke_tests: Annotated[
        tuple[SmokeTest, ...], Meta(description="Questions it must answer.")
    ] = ()
    safety_probes: Annotated[
        str | None, Meta(description="Your own probes for the filter: a YAML file.")
    ] = None
    safety_languages: Annotated[
        tuple[SafetyLanguage, ...] | None,
        Meta(
            description="The languages that the filter is tried in beside English; those that the "
            "training data is written in where left out."
        ),
    ] = None
    safety_gates: Annotated[
        dict[str, str],
        Meta(
            description='What the filter is held to in depth: over_blocking: "<= 0.1", the share '
            'of harmless questions it refuses; less_safe: "<= 0" (held always), how many it lets '
            "through that are refused by what serves, or by a base that is compared with."
        ),
    ] = field(default_factory=dict[str, str])
    budget: Annotated[
        Budget | None,
        Meta(
            description="What it may cost, where its model is from elsewhere; a training's budget "
            "covers the endpoints of its own model."
        ),
    ] = None

    rollout: Annotated[
        Literal["blue_green", "recreate"],
        Meta(
            description="blue_green: a new revision is proven beside the one that serves, then "
            "takes its name. recreate: the old one is deleted first; cheaper, and down meanwhile."
        ),
    ] = "blue_green"
    keep_previous: Annotated[
        str,
        Meta(
            description="How long the revision before is kept, and billed, after a promotion: "
            "24h, 30m, 2d, or 0. A rollback to it takes seconds.",
            pattern=r"^(0|\d{1,4}[mhd])$",
        ),
    ] = "1h"

    ttl: (
        Annotated[
            str,
            Meta(
                description="How long each endpoint lives, from when it is made: 8h, 90m, 2d. Then "
                "foundry-tune watch takes it down, also if it serves.",
                pattern=r"^[1-9]\d{0,3}[mhd]$",
            ),
        ]
        | None
    ) = None
    cap: Annotated[
        Cap | None,
        Meta(description="What it may cost in a month; foundry-tune watch keeps it."),
    ] = None

    kind = "serverless_endpoint"

    @property
    def lives(self) -> timedelta | None:
        """How long each endpoint lives; None: until somebody takes it down."""
        return span(self.ttl) if self.ttl else None

    @property
    def is_recreated(self) -> bool:
        """Whether what serves is deleted before the next revision is made."""
        return self.rollout == "recreate"

    @property
    def keeps_previous(self) -> timedelta:
        """How long the revision before is kept after a promotion."""
        return span(self.keep_previous) or timedelta()

    @property
    def model_path(self) -> str:
        """The model as written, by either word."""
        return self.model or self.model_id or ""

    @property
    def is_filtered(self) -> bool:
        """Whether the content filter is on."""
        written = self.content_safety
        status = written if isinstance(written, str) else written.content_safety_status
        return status == "enabled"


# ── evaluation ──────────────────────────────────────────────────────────────────────────────────


class Evaluation(Document, frozen=True, kw_only=True):
    """An evaluation: measure an endpoint on held-out conversations, and gate on it."""

    type: Literal["evaluation"] = "evaluation"
    endpoint: Annotated[
        str,
        Meta(
            description="${{ serverless_endpoint.<name> }} or ${{ online_endpoint.<name> }}, or a "
            "name."
        ),
    ]
    data: Annotated[
        str | DataInput,
        Meta(
            description="Held-out conversations, a .jsonl file; for an online endpoint also rows "
            "of text and label."
        ),
    ]
    request: Annotated[
        Any,
        Meta(
            description="What an online endpoint is asked for each row, where its script takes "
            "another shape: JSON in which ${{ row.<field> }} stands for a field of the row."
        ),
    ] = None
    at: Annotated[
        str | None,
        Meta(description="The member of its answer that is measured, as predictions.0.label."),
    ] = None
    expected: Annotated[
        str | None,
        Meta(description="The field of each row that has the right answer; label where left out."),
    ] = None
    metrics: Annotated[
        tuple[Metric | JudgeMetric, ...], Meta(description="What is measured.", min_length=1)
    ] = ("exact_match", "token_f1", "rouge_l")
    custom_metrics: Annotated[
        dict[str, str],
        Meta(
            description="Metrics of your own: a name, and a Python function beside the spec, as "
            "metrics.py:politeness; it takes (answer, expected, messages) and gives 0 to 1."
        ),
    ] = field(default_factory=dict[str, str])
    gates: Annotated[
        dict[str, str],
        Meta(description='What each metric must reach, as ">= 0.60" or ">= served - 0.02".'),
    ] = field(default_factory=dict[str, str])
    confident: Annotated[
        bool,
        Meta(description="Hold absolute gates by the end of an interval instead of the mean."),
    ] = False
    alpha: Annotated[
        float,
        Meta(description="How often a gate may be wrong that says its interval.", gt=0, lt=0.5),
    ] = 0.05
    compare_with: Annotated[
        tuple[str, ...],
        Meta(
            description="Models that are asked the same: served (what is in force), base, or an "
            "endpoint's name."
        ),
    ] = ()
    base: Annotated[
        str | None,
        Meta(
            description="The endpoint that base means: ${{ serverless_endpoint.<name> }}, or a "
            "name."
        ),
    ] = None
    slices: Annotated[
        tuple[str, ...],
        Meta(
            description="Fields of the rows that a comparison is cut by, besides system, language, "
            "label and length."
        ),
    ] = ()
    labels: Annotated[
        tuple[str, ...],
        Meta(description="The answers of a label task; those of the data where left out."),
    ] = ()
    format: Annotated[Format | None, Meta(description="What valid_format holds answers to.")] = None
    max_tokens: Annotated[
        int, Meta(description="The longest answer, in tokens.", ge=1, le=16384)
    ] = 256
    temperature: Annotated[float, Meta(description="0 answers the same each time.", ge=0, le=2)] = 0
    seed: Annotated[int | None, Meta(description="Not sent by this version.")] = None

    kind = "evaluation"

    @property
    def data_path(self) -> str:
        """The data as written."""
        return self.data if isinstance(self.data, str) else self.data.path or ""

    @property
    def judge(self) -> Judge | None:
        """Who grades the answers, if somebody does."""
        return next((one.judge for one in self.metrics if isinstance(one, JudgeMetric)), None)

    @property
    def measured(self) -> tuple[str, ...]:
        """Every metric, the custom ones last."""
        names = (one if isinstance(one, str) else JUDGE for one in self.metrics)
        return (*names, *self.custom_metrics)

    @property
    def own_shares(self) -> tuple[str, ...]:
        """The metrics of its own making that give each question a score from 0 to 1."""
        return (*((JUDGE,) if self.judge else ()), *self.custom_metrics)


Spec = FineTuning | TrainingJob | ServerlessEndpoint | OnlineEndpoint | Evaluation | Command

KINDS: dict[str, type[Document]] = {
    model.kind: model
    for model in (
        FineTuning,
        TrainingJob,
        ServerlessEndpoint,
        OnlineEndpoint,
        Evaluation,
        Command,
    )
}
"""Each document type by its word."""
