"""Trainings of one's own: the short form of a command job over the repository's training program.

Its words, ranges and defaults are the program's (`training/tuning/config.py`), which is sent away
and imports nothing of ours: a test holds this document against `train.py --schema`.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta

from jobs.catalog.catalog import catalog, registry_id
from jobs.spec.budget import Budget
from jobs.spec.command import Distribution, Environment, JobResources, Limits
from jobs.spec.document import JobDocument, Part
from jobs.spec.inputs import DataInput, ModelInput

Share = Annotated[float, Meta(ge=0, lt=1)]

LossName = Literal["cross_entropy", "completion_only", "label_smoothing", "focal", "dpo", "custom"]
OptimizerName = Literal["adamw", "adafactor", "sgd", "lion", "adamw_8bit"]
TrainingTask = Literal["chat", "text", "classification", "preference", "custom"]
Method = Literal["full", "lora", "qlora"]
Precision = Literal["fp32", "bf16", "fp16"]
Attention = Literal["sdpa", "eager", "flash_attention_2"]


class Lora(Part, frozen=True, kw_only=True):
    """The adapter of `lora` and `qlora`."""

    r: Annotated[int, Meta(description="Rank.", ge=1, le=1024)] = 16
    alpha: Annotated[float, Meta(description="The adapter counts alpha / r times.", gt=0)] = 32
    dropout: Annotated[float, Meta(description="Of the adapter's input.", ge=0, lt=1)] = 0.0
    targets: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="Names of linear layers; all but the output layer and a head if left out."
        ),
    ] = None


class Loss(Part, frozen=True, kw_only=True):
    """What is minimised; a name alone is short for `{name: …}`."""

    name: Annotated[
        LossName,
        Meta(
            description="`completion_only` is cross entropy of the answers alone; `dpo` belongs to "
            "`preference`."
        ),
    ] = "cross_entropy"
    completion_only: Annotated[
        bool, Meta(description="Learn from answers alone, with any of the losses over tokens.")
    ] = False
    smoothing: Annotated[
        float,
        Meta(
            description="`label_smoothing`: the share of certainty that is spread over all tokens.",
            gt=0,
            lt=1,
        ),
    ] = 0.1
    gamma: Annotated[
        float,
        Meta(description="`focal`: how much less what is already known counts.", ge=0, le=10),
    ] = 2.0
    beta: Annotated[
        float,
        Meta(description="`dpo`: how closely the model is held to where it started.", gt=0, le=10),
    ] = 0.1
    function: Annotated[
        str | None,
        Meta(
            description="`custom`: `FILE.py:FUNCTION` beside the spec, called with logits "
            "(n, classes) and targets (n); n losses."
        ),
    ] = None

    @property
    def answers_only(self) -> bool:
        """Whether only completions are learned from."""
        return self.completion_only or self.name == "completion_only"


class Optimizer(Part, frozen=True, kw_only=True):
    """How weights are moved; a name alone is short for `{name: …}`."""

    name: Annotated[OptimizerName, Meta(description="`adamw_8bit` takes CUDA.")] = "adamw"
    betas: Annotated[
        tuple[Share, Share] | None,
        Meta(description="`adamw`, `adamw_8bit` (0.9, 0.999) and `lion` (0.9, 0.99)."),
    ] = None
    momentum: Annotated[float, Meta(description="`sgd`.", ge=0, lt=1)] = 0.9


class Layers(Part, frozen=True, kw_only=True):
    """What is changed about the model before it is trained."""

    head: Annotated[
        Literal["classification"] | None,
        Meta(
            description="A new output layer with one logit a label, in place of the one over "
            "tokens."
        ),
    ] = None
    labels: (
        Annotated[
            tuple[str, ...],
            Meta(description="The labels of the head, in the order of its logits.", min_length=1),
        ]
        | None
    ) = None
    freeze: Annotated[
        tuple[str, ...],
        Meta(
            description="Patterns of parameters that stay as they are, like "
            "`model.embed_tokens*` (`full` only)."
        ),
    ] = ()
    add: Annotated[
        str | None,
        Meta(
            description="`FILE.py:FUNCTION` beside the spec, called with the model: adds layers in "
            "place, or gives a new model."
        ),
    ] = None


class EarlyStopping(Part, frozen=True, kw_only=True):
    """Ends training when the validation loss no longer falls, and keeps the best checkpoint."""

    patience: Annotated[
        int, Meta(description="Evaluations without a better loss before it stops.", ge=1)
    ] = 3
    min_delta: Annotated[float, Meta(description="What counts as better.", ge=0)] = 0.0


class Checkpoints(Part, frozen=True, kw_only=True):
    """What a killed run goes on from."""

    every: Annotated[
        Annotated[int, Meta(ge=1)] | Literal["epoch"],
        Meta(
            description="Steps between two, or `epoch`. The validation data is looked at as often."
        ),
    ] = "epoch"
    keep: Annotated[
        int,
        Meta(
            description="How many of the newest; the best is kept besides with `early_stopping`.",
            ge=1,
        ),
    ] = 2
    resume: Annotated[
        bool,
        Meta(description="Go on from the newest whole one of this very run, if there is one."),
    ] = True


class TrainedModel(Part, frozen=True, kw_only=True):
    """The model that the job registers: `model/`, `adapter/`, checkpoints and the card."""

    name: (
        Annotated[
            str,
            Meta(
                description="Letters, digits, dots, dashes and underscores; the document's name "
                "where left out.",
                pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$",
            ),
        ]
        | None
    ) = None


class TrainingOutputs(Part, frozen=True, kw_only=True):
    """What the job leaves."""

    registered_model: Annotated[
        TrainedModel | None, Meta(description="The model that it registers.")
    ] = None


class TrainingJob(JobDocument, frozen=True, kw_only=True):
    """A training of your own: loss, optimizer, layers and task, on a GPU that you name."""

    type: Literal["training"] = "training"
    model: Annotated[
        str | ModelInput,
        Meta(
            description="A model of the catalogue, azureml:name:version, or a folder as "
            "transformers or MLflow write it."
        ),
    ]
    weights: Annotated[
        Literal["pretrained", "random"],
        Meta(
            description="`random` takes the architecture only: for measuring, and for training "
            "from scratch."
        ),
    ] = "pretrained"
    task: Annotated[TrainingTask, Meta(description="What a row of the data is.")] = "chat"
    task_file: Annotated[
        str | None,
        Meta(
            description="`custom`: a Python file beside the spec with `check`, `example`, "
            "`measure` and `metrics`."
        ),
    ] = None
    training_data: Annotated[str | DataInput, Meta(description="A JSON Lines file.")]
    validation_data: Annotated[
        str | DataInput | None,
        Meta(description="Another one, for the validation loss and the task's metrics."),
    ] = None
    model_format: Annotated[
        Literal["transformers", "mlflow"],
        Meta(
            description="Of `model/`: as `from_pretrained` reads it, or MLflow's, with signature "
            "and card."
        ),
    ] = "transformers"
    method: Annotated[Method, Meta(description="`qlora`, the base in 4 bits, takes CUDA.")] = "lora"
    lora: Annotated[Lora, Meta(description="How large the adapter is, and on which layers.")] = (
        Lora()
    )
    loss: Annotated[LossName | Loss, Meta(description="What is minimised.")] = "cross_entropy"
    optimizer: Annotated[OptimizerName | Optimizer, Meta(description="How weights are moved.")] = (
        "adamw"
    )
    learning_rate: Annotated[float, Meta(description="At its highest.", gt=0, le=10)] = 2e-4
    scheduler: Annotated[
        Literal["linear", "cosine", "constant"],
        Meta(description="What becomes of the learning rate after the warm-up."),
    ] = "linear"
    warmup: Annotated[
        float, Meta(description="Below 1 a share of all steps, else steps.", ge=0)
    ] = 0.0
    weight_decay: Annotated[
        float, Meta(description="Of all weights but norms and biases.", ge=0, lt=1)
    ] = 0.0
    gradient_clipping: (
        Annotated[float, Meta(description="The longest gradient; `null` leaves it as it is.", gt=0)]
        | None
    ) = 1.0
    epochs: Annotated[float, Meta(description="Passes over the data.", gt=0, le=1000)] = 1
    max_steps: (
        Annotated[int, Meta(description="Ends training earlier, or later, than `epochs`.", ge=1)]
        | None
    ) = None
    batch_size: Annotated[
        int, Meta(description="Rows at a time and device; pairs for `preference`.", ge=1)
    ] = 1
    accumulation: Annotated[
        int,
        Meta(
            description="Batches that make a step. The loss is the mean over all their tokens "
            "together.",
            ge=1,
        ),
    ] = 1
    max_seq_length: Annotated[
        int, Meta(description="Tokens; what is longer is cut at its end, and counted.", ge=8)
    ] = 2048
    packing: Annotated[
        bool,
        Meta(
            description="Several rows in one sequence, none of which sees another (`chat`, `text`)."
        ),
    ] = False
    precision: Annotated[
        Precision,
        Meta(
            description="Of the arithmetic, and of a frozen base. Trained weights are kept in fp32."
        ),
    ] = "bf16"
    attention: Annotated[
        Attention,
        Meta(description="The kernel; `flash_attention_2` takes CUDA and its package."),
    ] = "sdpa"
    gradient_checkpointing: Annotated[
        bool, Meta(description="Compute activations twice instead of keeping them.")
    ] = False
    compile: Annotated[
        bool,
        Meta(
            description="By torch.compile, on CUDA: minutes at the start and at each new shape, "
            "for faster steps."
        ),
    ] = False
    sharding: Annotated[
        Literal["none", "fsdp"],
        Meta(
            description="`fsdp` cuts weights, gradients and optimizer over the GPUs; else each "
            "holds them whole."
        ),
    ] = "none"
    layers: Annotated[Layers, Meta(description="What is changed about the model.")] = Layers()
    early_stopping: Annotated[
        EarlyStopping | None,
        Meta(description="Stop when the validation loss no longer falls."),
    ] = None
    checkpoints: Annotated[Checkpoints, Meta(description="What a killed run goes on from.")] = (
        Checkpoints()
    )
    seed: Annotated[
        int, Meta(description="Of new layers, dropout and the order of rows.", ge=0, lt=2**32)
    ] = 42
    outputs: Annotated[TrainingOutputs, Meta(description="What it leaves.")] = TrainingOutputs()
    environment: Annotated[
        str | Environment | None,
        Meta(
            description="Another environment than the program's own, whose packages are those of "
            "its lock: azureml:name:version, an image, or one written in place."
        ),
    ] = None
    environment_variables: Annotated[
        dict[str, Any] | None, Meta(description="Environment variables of the job.")
    ] = None
    resources: Annotated[JobResources | None, Meta(description="The machine that it asks for.")] = (
        None
    )
    distribution: Annotated[
        Distribution | None,
        Meta(description="`{type: pytorch, process_count_per_instance: N}` for N GPUs."),
    ] = None
    limits: Annotated[Limits | None, Meta(description="How long it may take.")] = None
    budget: Annotated[Budget | None, Meta(description="What it may cost.")] = None

    kind = "training"

    @property
    def processes(self) -> int:
        """How many processes train together, one a GPU."""
        machines = (self.resources.instance_count if self.resources else None) or 1
        spread = self.distribution
        return machines * ((spread.process_count_per_instance or 1) if spread else 1)

    @property
    def model_path(self) -> str:
        """The model as written."""
        return self.model if isinstance(self.model, str) else self.model.path

    @property
    def model_id(self) -> str:
        """The model as a job names it: one of the catalogue with the version that is known."""
        found = registry_id(self.model_path)
        if not found.startswith("azureml://registries/") or "/versions/" in found:
            return found
        known = catalog().model(found)
        return f"{found}/versions/{known.version}" if known and known.version else found

    @property
    def training_path(self) -> str:
        """The training data as written."""
        data = self.training_data
        return data if isinstance(data, str) else data.path or ""

    @property
    def validation_path(self) -> str | None:
        """The validation data as written."""
        data = self.validation_data
        return data.path if isinstance(data, DataInput) else data

    @property
    def minimised(self) -> Loss:
        """The loss in full."""
        return Loss(name=self.loss) if isinstance(self.loss, str) else self.loss

    @property
    def moved_by(self) -> Optimizer:
        """The optimizer in full."""
        named = self.optimizer
        return Optimizer(name=named) if isinstance(named, str) else named

    @property
    def registered_model_name(self) -> str:
        """The registered model's name: as written, else the document's."""
        output = self.outputs.registered_model
        return (output.name if output else None) or self.name
