"""What a training run is told: types, ranges, and every mistake in a file at once."""

import difflib
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from tuning.errors import Mistake, MistakesError

Path_ = tuple[str | int, ...]
"""Where a value stands in the file: keys and indexes from the top."""


def _by_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


REFUSED = {
    "deepspeed": (
        "DeepSpeed is not taken: its package compiles itself where it runs, and accelerate has it "
        "on GPUs alone, so that no test here could show what it does",
        "Write `fsdp`, which cuts the model as its ZeRO 3 does.",
    ),
    "onnx": (
        "onnxruntime-genai makes ONNX of a finished `model/`",
        "Write `transformers`, then `python -m onnxruntime_genai.models.builder -i model -o onnx`.",
    ),
    "gguf": (
        "only llama.cpp's own checkout makes GGUF, of a finished `model/`, and no package does",
        "Write `transformers`, then call its convert_hf_to_gguf.py.",
    ),
}
"""What a person may well ask for and can't have: why, and what to do."""


def _not_refused(value: object) -> object:
    for word, (why, instead) in REFUSED.items():
        if isinstance(value, str) and value.lower().startswith(word):
            raise PydanticCustomError("refused", why, {"do": instead})  # type: ignore[arg-type]
    return value


class Part(BaseModel):
    """A mapping of the file that has no unknown keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Loss(Part):
    """What is minimised; a name alone is short for `{name: …}`."""

    name: Literal[
        "cross_entropy", "completion_only", "label_smoothing", "focal", "dpo", "custom"
    ] = "cross_entropy"
    """`completion_only` is cross entropy of the answers alone; `dpo` belongs to `preference`."""
    completion_only: bool = False
    """Learn from answers alone, with any of the losses over tokens."""
    smoothing: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """`label_smoothing`: the share of certainty that is spread over all tokens."""
    gamma: Annotated[float, Field(ge=0, le=10)] = 2.0
    """`focal`: how much less what is already known counts."""
    beta: Annotated[float, Field(gt=0, le=10)] = 0.1
    """`dpo`: how closely the model is held to where it started."""
    function: str | None = None
    """`custom`: `FILE.py:FUNCTION`, called with logits (n, classes) and targets (n); n losses."""

    @property
    def answers_only(self) -> bool:
        """Whether only completions are learned from."""
        return self.completion_only or self.name == "completion_only"


class Optimizer(Part):
    """How weights are moved; a name alone is short for `{name: …}`."""

    name: Literal["adamw", "adafactor", "sgd", "lion", "adamw_8bit"] = "adamw"
    """`adamw_8bit` takes CUDA."""
    betas: (
        tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] | None
    ) = None
    """`adamw`, `adamw_8bit` (0.9, 0.999) and `lion` (0.9, 0.99)."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """`sgd`."""


class Lora(Part):
    """The adapter of `lora` and `qlora`."""

    r: Annotated[int, Field(ge=1, le=1024)] = 16
    """Rank."""
    alpha: Annotated[float, Field(gt=0)] = 32
    """The adapter counts alpha / r times."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of the adapter's input."""
    targets: list[str] | None = None
    """Names of linear layers; all but the output layer and a head if left out."""


class Layers(Part):
    """What is changed about the model before it is trained."""

    head: Literal["classification"] | None = None
    """A new output layer with one logit a label, in place of the one over tokens."""
    labels: Annotated[list[str], Field(min_length=1)] | None = None
    """The labels of the head, in the order of its logits."""
    freeze: list[str] = []
    """Patterns of parameters that stay as they are, like `model.embed_tokens*` (`full` only)."""
    add: str | None = None
    """`FILE.py:FUNCTION`, called with the model: adds layers in place, or gives a new model."""


class EarlyStopping(Part):
    """Ends training when the validation loss no longer falls, and keeps the best checkpoint."""

    patience: Annotated[int, Field(ge=1)] = 3
    """Evaluations without a better loss before it stops."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """What counts as better."""


class Checkpoints(Part):
    """What a killed run goes on from."""

    every: Annotated[int, Field(ge=1)] | Literal["epoch"] = "epoch"
    """Steps between two, or `epoch`. The validation data is looked at as often."""
    keep: Annotated[int, Field(ge=1)] = 2
    """How many of the newest; the best is kept besides with `early_stopping`."""
    resume: bool = True
    """Go on from the newest whole one of this very run, if `output` has one."""


class Config(Part):
    """One training run."""

    model: str
    """A folder as transformers or MLflow write it, or a name on the Hugging Face hub."""
    weights: Literal["pretrained", "random"] = "pretrained"
    """`random` takes the architecture only: for measuring, and for training from scratch."""
    task: Literal["chat", "text", "classification", "preference", "custom"] = "chat"
    """What a row of the data is: see below."""
    task_file: str | None = None
    """`custom`: a Python file with `check`, `example`, `measure` and `metrics`."""
    training_data: str
    """A JSON Lines file."""
    validation_data: str | None = None
    """Another one, for the validation loss and the task's metrics."""
    output: str = "outputs"
    """The folder for checkpoints, metrics and the result."""
    model_format: Annotated[Literal["transformers", "mlflow"], BeforeValidator(_not_refused)] = (
        "transformers"
    )
    """Of `model/`: as `from_pretrained` reads it, or MLflow's, with signature and card."""
    method: Literal["full", "lora", "qlora"] = "lora"
    """`qlora`, the base in 4 bits, takes CUDA."""
    lora: Lora = Lora()
    """How large the adapter is, and on which layers."""
    loss: Annotated[Loss, BeforeValidator(_by_name)] = Loss()
    """What is minimised."""
    optimizer: Annotated[Optimizer, BeforeValidator(_by_name)] = Optimizer()
    """How weights are moved."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 2e-4
    """At its highest."""
    scheduler: Literal["linear", "cosine", "constant"] = "linear"
    """What becomes of the learning rate after the warm-up."""
    warmup: Annotated[float, Field(ge=0)] = 0.0
    """Below 1 a share of all steps, else steps."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of all weights but norms and biases."""
    gradient_clipping: Annotated[float, Field(gt=0)] | None = 1.0
    """The longest gradient; `null` leaves it as it is."""
    epochs: Annotated[float, Field(gt=0, le=1000)] = 1
    """Passes over the data."""
    max_steps: Annotated[int, Field(ge=1)] | None = None
    """Ends training earlier, or later, than `epochs`."""
    batch_size: Annotated[int, Field(ge=1)] = 1
    """Rows at a time and device; pairs for `preference`."""
    accumulation: Annotated[int, Field(ge=1)] = 1
    """Batches that make a step. The loss is the mean over all their tokens together."""
    max_seq_length: Annotated[int, Field(ge=8)] = 2048
    """Tokens; what is longer is cut at its end, and counted."""
    packing: bool = False
    """Several rows in one sequence, none of which sees another (`chat`, `text`)."""
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Of the arithmetic, and of a frozen base. Trained weights are kept in fp32."""
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    """The kernel; `flash_attention_2` takes CUDA and its package."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them."""
    compile: bool = False
    """By torch.compile, on CUDA: minutes at the start and at each new shape, for faster steps."""
    sharding: Annotated[Literal["none", "fsdp"], BeforeValidator(_not_refused)] = "none"
    """`fsdp` cuts weights, gradients and optimizer over the GPUs; else each holds them whole."""
    layers: Layers = Layers()
    """What is changed about the model."""
    early_stopping: EarlyStopping | None = None
    """Stop when the validation loss no longer falls."""
    checkpoints: Checkpoints = Checkpoints()
    """What a killed run goes on from."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """Of new layers, dropout and the order of rows."""


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def read(file: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration in a YAML or JSON file, after `FIELD=VALUE` overrides.

    Paths in it are relative to where the program is started, as in a job's command.

    Raises:
        MistakesError: every mistake of the file, with its place.
    """
    try:
        text = file.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        values: object = yaml.safe_load(text)
    except OSError as error:
        raise MistakesError([Mistake(str(file), f"{error.strerror}.", "Name a file.")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or "no YAML"
        raise MistakesError([Mistake(where, f"{problem}.", "Put the syntax right.")]) from None
    if not isinstance(values, dict):
        raise MistakesError([Mistake(str(file), "no mapping.", "Write fields: `model: …`.")])
    places = _places(tree, file)
    settings = typing.cast("dict[str, Any]", values)
    for override in overrides:
        places |= _put(settings, override)
    return _checked(settings, places, str(file))


def _places(node: yaml.Node | None, file: Path, at: Path_ = ()) -> dict[Path_, str]:
    """Where every value of a file stands; a key's own place, for what is wrong with the key."""
    places: dict[Path_, str] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*at, key.value)
            mark = key.start_mark
            places[inner] = f"{file}:{mark.line + 1}:{mark.column + 1}"
            places |= _places(value, file, inner)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            mark = item.start_mark
            places[(*at, index)] = f"{file}:{mark.line + 1}:{mark.column + 1}"
            places |= _places(item, file, (*at, index))
    return places


def _put(settings: dict[str, Any], override: str) -> dict[Path_, str]:
    """Writes one `FIELD.FIELD=VALUE` into the settings; where to say that it stands."""
    name, equals, text = override.partition("=")
    where = f"--set {override}"
    try:
        value: object = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    if not equals:
        raise MistakesError([Mistake(where, "no value.", "Write FIELD=VALUE.")])
    *parents, last = name.split(".")
    inner = settings
    for parent in parents:
        below = inner.get(parent)
        # `loss: focal` is short for its name; an override of another field goes beside it
        inner[parent] = {"name": below} if isinstance(below, str) else dict(below or {})
        inner = inner[parent]
    inner[last] = value
    return {tuple(name.split(".")): where}


def _checked(settings: dict[str, Any], places: dict[Path_, str], file: str) -> Config:
    try:
        config = Config.model_validate(settings)
    except ValidationError as error:
        mistakes = [_mistake(found, places, file) for found in _one_a_place(error)]
        order = list(places.values())
        mistakes.sort(key=lambda m: order.index(m.where) if m.where in order else -1)
        raise MistakesError(mistakes) from None
    found = [Mistake(_place(at, places, file), what, do) for at, what, do in contradictions(config)]
    if found:
        raise MistakesError(found)
    return config


def _one_a_place(error: ValidationError) -> list[Any]:
    """A union complains once a member; one of its complaints says it all."""
    first: dict[Path_, Any] = {}
    for found in error.errors(include_url=False):
        first.setdefault(_known(found["loc"]), found)
    return list(first.values())


def _known(loc: Path_) -> Path_:
    """The place without the names of union members, which pydantic puts into it."""
    members = ("constrained-int", "literal['epoch']", "int")
    return tuple(part for part in loc if part not in members)


def _mistake(found: Any, places: dict[Path_, str], file: str) -> Mistake:
    at = _known(found["loc"])
    where, name = _place(at, places, file), ".".join(str(part) for part in at)
    if found["type"] == "missing":
        return Mistake(where, f"`{name}` is missing.", "Write it.")
    if found["type"] == "extra_forbidden":
        return Mistake(where, f"`{name}` is no field.", _meant(str(at[-1]), _fields(at[:-1])))
    if found["type"] == "literal_error":
        allowed = [word.strip("' ") for word in found["ctx"]["expected"].split(" or ")]
        words = [word.strip("' ") for piece in allowed for word in piece.split(",")]
        return Mistake(where, f"`{name}: {found['input']}` is none.", _meant(found["input"], words))
    if found["type"] == "refused":
        what = f"`{name}: {found['input']}`: {found['msg']}."
        return Mistake(where, what, found["ctx"]["do"])
    return Mistake(where, f"`{name}: {found['input']}`: {found['msg']}.", "Change it.")


def _meant(written: object, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(written), known, n=1)
    return f"Did you mean `{close[0]}`?" if close else f"There are: {', '.join(known)}."


def _fields(at: Path_) -> list[str]:
    """The fields of the part that stands at a place."""
    part: type[BaseModel] = Config
    for key in at:
        annotation = part.model_fields[str(key)].annotation
        members = [annotation, *typing.get_args(annotation)]
        part = next(m for m in members if isinstance(m, type) and issubclass(m, BaseModel))
    return list(part.model_fields)


def _place(at: Path_, places: dict[Path_, str], file: str) -> str:
    """The place of a value, or of the nearest part around it that is written."""
    while at and at not in places:
        at = at[:-1]
    return places.get(at, file)


# ── what fits together ──────────────────────────────────────────────────────────────────────────


def contradictions(config: Config) -> list[tuple[Path_, str, str]]:
    """What is right alone but not together: place, what, and what to do."""
    loss, layers, task = config.loss, config.layers, config.task
    over_tokens = task in ("chat", "text")
    adapter = config.method != "full"
    rules: list[tuple[bool, Path_, str, str]] = [
        (
            task in ("classification", "custom") and layers.head is None,
            ("task",),
            f"{task} takes a head.",
            "Add `layers: {head: classification, labels: […]}`.",
        ),
        (
            task not in ("classification", "custom") and layers.head is not None,
            ("layers", "head"),
            f"the task `{task}` takes the model's own output.",
            "Write `task: classification`, or leave the head out.",
        ),
        (
            layers.head is not None and layers.labels is None,
            ("layers", "head"),
            "a head without labels.",
            "Add `labels: […]` beside it.",
        ),
        (
            layers.head is None and layers.labels is not None,
            ("layers", "labels"),
            "labels without a head.",
            "Add `head: classification` beside them.",
        ),
        (
            task == "classification" and len(layers.labels or ()) == 1,
            ("layers", "labels"),
            "one label alone: nothing to tell apart.",
            "Write two or more.",
        ),
        (
            (task == "custom") != (config.task_file is not None),
            ("task",),
            "`custom` and `task_file` belong together.",
            "Write `task: custom` and `task_file: FILE.py`.",
        ),
        (
            len(set(layers.labels or ())) < len(layers.labels or ()),
            ("layers", "labels"),
            "a label stands there twice.",
            "Write each once.",
        ),
        (
            (task == "preference") != (loss.name == "dpo"),
            ("loss",),
            f"the loss `{loss.name}` doesn't fit the task `{task}`.",
            "`task: preference` takes `loss: dpo`, and nothing else does.",
        ),
        (
            loss.answers_only and not over_tokens,
            ("loss",),
            f"the task `{task}` has no completions to single out.",
            "Leave `completion_only` out.",
        ),
        (
            (loss.name == "custom") != (loss.function is not None),
            ("loss",),
            "`custom` and `function` belong together.",
            "Write `loss: {name: custom, function: FILE.py:FUNCTION}`.",
        ),
        (
            config.packing and not over_tokens,
            ("packing",),
            f"rows of `{task}` are scored each on its own and can't share a sequence.",
            "Leave `packing` out.",
        ),
        (
            adapter and bool(layers.freeze),
            ("layers", "freeze"),
            f"`{config.method}` freezes every weight of the base already.",
            "Leave `freeze` out, or write `method: full`.",
        ),
        (
            not adapter and config.lora != Lora(),
            ("lora",),
            "`method: full` has no adapter.",
            "Leave `lora` out, or write `method: lora`.",
        ),
        (
            config.method == "qlora" and config.weights == "random",
            ("weights",),
            "`qlora` loads a model's weights in 4 bits.",
            "Write `weights: pretrained`, or another method.",
        ),
        (
            config.model_format == "mlflow" and config.method == "qlora",
            ("model_format",),
            "`qlora` leaves an adapter, which isn't merged into a model.",
            "Write `model_format: transformers`, or `method: lora`.",
        ),
        (
            config.model_format == "mlflow" and layers.add is not None,
            ("model_format",),
            "MLflow loads a model as transformers has it, without layers that were added.",
            "Write `model_format: transformers`.",
        ),
        (
            config.sharding == "fsdp" and config.method == "qlora",
            ("sharding",),
            "`fsdp` doesn't cut weights of 4 bits.",
            "Write `method: lora`, or leave `sharding` out.",
        ),
        (
            config.sharding == "fsdp" and config.optimizer.name == "adamw_8bit",
            ("sharding",),
            "`adamw_8bit` doesn't step weights that are cut.",
            "Write `optimizer: adamw`, or leave `sharding` out.",
        ),
        (
            config.early_stopping is not None and config.validation_data is None,
            ("early_stopping",),
            "there is no validation loss to watch.",
            "Add `validation_data`.",
        ),
        (
            config.optimizer.betas is not None and config.optimizer.name in ("sgd", "adafactor"),
            ("optimizer", "betas"),
            f"`{config.optimizer.name}` has no betas.",
            "Leave them out.",
        ),
    ]
    for at, reference in ((("loss", "function"), loss.function), (("layers", "add"), layers.add)):
        file, _, function = (reference or "").rpartition(":")
        if reference and not (file.endswith(".py") and function.isidentifier()):
            rules.append((True, at, f"`{reference}` is no function.", "Write FILE.py:FUNCTION."))
        elif reference and not Path(file).is_file():
            rules.append((True, at, f"there is no file {file}.", "Name one beside train.py."))
    if config.task_file and not Path(config.task_file).is_file():
        what = f"there is no file {config.task_file}."
        rules.append((True, ("task_file",), what, "Name one beside train.py."))
    return [(at, what, do) for broken, at, what, do in rules if broken]
