"""What the spec files ask for, ready to be held against Azure: hashes, names, who needs whom."""

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import msgspec

from jobs import revision
from jobs.dataset.conversations import Conversation, read_conversations
from jobs.dataset.language import languages_of
from jobs.errors import InvalidInputError, UsageError
from jobs.files import Digest, UnreadableFileError, digest_of
from jobs.money.price import Pricing, UnitPrice
from jobs.plan import hosting, running
from jobs.plan.hosting import Hosting
from jobs.plan.judging import Judging
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.plan.undertaking import DataVersion, Undertaking
from jobs.read.functions import split
from jobs.read.lowered import lowered, write_code
from jobs.read.program import own_file
from jobs.read.split import write_halves
from jobs.read.training_rows import memory_words
from jobs.spec import content_hash, ids, probes, references
from jobs.spec.canonical import hyperparameters
from jobs.spec.command import Command
from jobs.spec.document import JobDocument
from jobs.spec.grid import ALWAYS
from jobs.spec.judge import JUDGE, Judge
from jobs.spec.lowering import own_functions
from jobs.spec.measured import measured_online
from jobs.spec.models import Evaluation, FineTuning, ServerlessEndpoint, SmokeTest, Spec
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.prices import TeamPrices
from jobs.spec.probes import BUILT_IN, Probe
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob

_LOOK = 200
"""Conversations to look at for what all are like: their system message, their languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Undertaking):
    """A fine-tuning document with its data's content and its revision.

    One with a `sweep:` is never trained itself: its trials are (`sweeps.py`).
    """

    spec: FineTuning
    training: DataVersion | str
    """A local file, or an address that Azure knows already."""
    validation: DataVersion | str | None
    system: str = ""
    """The system message that all its conversations begin with, if it is one and the same."""
    languages: tuple[str, ...] = ()
    """What a local file's conversations are written in, commonest first."""

    def trial(self, spec: FineTuning) -> "Training":
        """With the same data, a document that differs in its hyperparameters: its own revision."""
        hashes = _hashes(self.training, self.validation)
        return replace(self, spec=spec, revision=content_hash(spec, hashes))

    @property
    def is_sweep(self) -> bool:
        """Whether several jobs do it."""
        return self.spec.sweep is not None

    @property
    def models(self) -> tuple[str, ...]:
        """The name of the model that its job registers."""
        return (self.spec.registered_model_name,)

    @property
    def data(self) -> tuple[DataVersion, ...]:
        """The local files, each once."""
        given = (self.training, self.validation)
        return tuple({d.label: d for d in given if isinstance(d, DataVersion)}.values())

    @property
    def fields(self) -> Mapping[str, str]:
        """What a plan compares, in the guide's words."""
        values = {"model": self.spec.model_id, "training_data": _label(self.training)}
        if self.validation is not None:
            values["validation_data"] = _label(self.validation)
        for name, value in hyperparameters(self.spec).items():
            values[f"hyperparameters.{name}"] = value
        values["outputs.registered_model"] = self.spec.registered_model_name
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """An endpoint document with the training that makes its model, if one of these files does."""

    spec: ServerlessEndpoint
    training: Training | None
    model_path: str
    """The model id where no training makes it."""
    probes: tuple[Probe, ...]
    """The built-in ones and the user's own."""
    probes_digest: str
    hosting: UnitPrice | None = None
    """What an hour costs, asked or not; None for a model of the catalogue, billed by its tokens."""

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.spec.name

    @property
    def content_safety(self) -> str:
        """What Azure is to say of its filter."""
        return "Enabled" if self.spec.is_filtered else "Disabled"

    @property
    def base_model(self) -> str:
        """The model it serves, or that what it serves was fine-tuned from."""
        return self.training.spec.model_path if self.training else self.model_path

    @property
    def system(self) -> str:
        """The system message to ask the model with: the one it was trained with."""
        return self.training.system if self.training else ""

    @property
    def languages(self) -> tuple[str, ...]:
        """What its filter is tried in: English, and what is written or the data is written in."""
        named = self.spec.safety_languages
        if named is None:
            named = self.training.languages if self.training else ()
        return tuple(dict.fromkeys((ALWAYS, *named)))

    @property
    def own_probes(self) -> tuple[Probe, ...]:
        """The user's own; the built-in ones come before them."""
        return self.probes[len(probes.load()) :]

    def proof(self, model: str) -> str:
        """The mark of having been proven: with this model, this filter, these probes and tests."""
        return revision.digest(
            {
                "format": revision.FORMAT,
                "model": model,
                "filtered": self.spec.is_filtered,
                "probes": self.probes_digest,
                "smoke_tests": [_smoke_test(test) for test in self.spec.smoke_tests],
                "system": self.system,
                # Where it is written: marks without it stay as they were.
                **({"safety_gates": self.spec.safety_gates} if self.spec.safety_gates else {}),
                **(
                    {"safety_languages": sorted(self.languages)}
                    if self.spec.safety_languages is not None
                    else {}
                ),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMetric:
    """A custom metric: a function of a file, as it was when it was planned."""

    path: Path
    function: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """An evaluation document with the endpoint it asks and the conversations it asks with."""

    spec: Evaluation
    endpoint: str
    references: Mapping[str, str]
    """The endpoints that words of `compare_with` mean; `served` means whatever is in force."""
    path: Path
    sha256: str
    folder: Path
    """The spec file's folder."""
    own: Mapping[str, OwnMetric] = field(default_factory=dict[str, OwnMetric])
    """The custom metrics, by name."""
    prices: tuple[UnitPrice, UnitPrice] | None = None
    """Of the tokens that the model reads and writes, where it is known which model that is."""
    judge: Judging | None = None
    """Who grades the answers, if somebody does."""
    hosting: Hosting | None = None
    """The online endpoint that it measures, where it is one; else `endpoint` is serverless."""

    @property
    def name(self) -> str:
        """The document's name."""
        return self.spec.name

    @property
    def meant(self) -> Mapping[str, str]:
        """Every serverless endpoint that it asks, by what it is asked as."""
        measured = {} if self.hosting else {"endpoint": self.endpoint}
        judge = {JUDGE: self.judge.endpoint} if self.judge else {}
        return {**measured, **self.references, **judge}

    @property
    def asked(self) -> tuple[str, ...]:
        """Every serverless endpoint that it asks, each once."""
        return tuple(dict.fromkeys(self.meant.values()))

    def measures(self, serving: "Serving") -> bool:
        """Whether it measures what a document of a serverless endpoint serves."""
        return self.hosting is None and self.endpoint == serving.name

    def mark(self, model: str) -> str:
        """The mark of having passed: with this model, this data, these metrics and gates."""
        return revision.digest(
            {
                "format": revision.FORMAT,
                "model": model,
                "data": self.sha256,
                "metrics": [one for one in self.spec.metrics if isinstance(one, str)],
                "gates": dict(self.spec.gates),
                **_held_by(self.spec),
                **({"own": self._own_marks} if self.own else {}),
                **({JUDGE: self.judge.mark} if self.judge else {}),
                "max_tokens": self.spec.max_tokens,
                "temperature": self.spec.temperature,
            }
        )

    @property
    def _own_marks(self) -> dict[str, list[str]]:
        return {name: [metric.function, metric.sha256] for name, metric in self.own.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Everything that the spec files ask for."""

    trainings: tuple[Training, ...]
    servings: tuple[Serving, ...]
    measurings: tuple[Measuring, ...]
    runnings: tuple[Running, ...] = ()
    hostings: tuple[Hosting, ...] = ()

    @property
    def undertakings(self) -> tuple[Training | Running, ...]:
        """Everything that jobs do."""
        return (*self.trainings, *self.runnings)

    @property
    def data(self) -> tuple[DataVersion, ...]:
        """Every local file and folder that jobs read, each once."""
        return tuple({d.label: d for one in self.undertakings for d in one.data}.values())

    @property
    def codes(self) -> tuple[CodeVersion, ...]:
        """The local code of every job and online endpoint, each once."""
        own = (one.code for one in (*self.runnings, *self.hostings))
        local = (code for code in own if isinstance(code, CodeVersion))
        return tuple({one.label: one for one in local}.values())

    @property
    def environments(self) -> tuple[EnvironmentVersion, ...]:
        """Every environment that is written in place, each once."""
        own = (one.environment for one in (*self.runnings, *self.hostings))
        made = (one for one in own if isinstance(one, EnvironmentVersion))
        return tuple({one.label: one for one in made}.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the made resources are tagged with."""
        documents = (*self.undertakings, *self.servings, *self.hostings, *self.measurings)
        return tuple(dict.fromkeys(document.name for document in documents))


def read(chapters: Sequence[Chapter], team: Mapping[str, TeamPrices] | None = None) -> Desired:
    """Make a story's documents ready, local files hashed; those that others need come first.

    `team` has the price lists of documents, by their references.

    Raises:
        UsageError: Two documents have one name, or one asks for what isn't planned here.
    """
    probes_digest = _digest(BUILT_IN).sha256
    trainings: dict[str, Training] = {}
    jobs: dict[str, Running] = {}
    hostings: dict[tuple[str, str], Hosting] = {}
    servings: list[Serving] = []
    pricings: dict[str, Pricing] = {}
    evaluations: list[tuple[Chapter, Evaluation]] = []
    files: dict[str, str] = {}
    beside: dict[str, list[Spec]] = {}
    for chapter in chapters:
        spec = chapter.spec
        beside.setdefault(chapter.file, []).append(spec)
        if spec.reference in files:
            raise UsageError(
                f"Both {files[spec.reference]} and {chapter.file} have a '{spec.reference}'.",
                next_step="Names must differ: in Azure they would be the same resource.",
            )
        if isinstance(spec, JobDocument):
            _require_name_apart(spec, (*(f"finetuning.{name}" for name in trainings), *jobs))
        files[spec.reference] = chapter.file
        if isinstance(spec, FineTuning):
            trainings[spec.name] = _training(chapter, spec)
        elif isinstance(spec, ServerlessEndpoint):
            serving = _serving(chapter, spec, trainings, probes_digest)
            pricing = pricings[serving.name] = pricing_of(serving, chapters, team or {})
            hourly = pricing.unit("hosting") if pricing.is_tuned else None
            servings.append(replace(serving, hosting=hourly))
        elif isinstance(spec, OnlineEndpoint):
            hostings[chapter.file, spec.name] = hosting.read(chapter, spec, jobs)
        elif isinstance(spec, Evaluation):
            evaluations.append((chapter, spec))
        elif isinstance(spec, TrainingJob):
            jobs[spec.reference] = _own_training(chapter, spec)
        else:
            made = {**trainings, **{one.name: one for one in jobs.values()}}
            jobs[spec.reference] = running.read(chapter, spec, made)
    # What an evaluation measures may come after it, where it is named and not referred to.
    measurings = [
        _measuring(chapter, spec, pricings, _hosting(chapter, spec, hostings, beside))
        for chapter, spec in evaluations
    ]
    return Desired(
        trainings=tuple(trainings.values()),
        servings=tuple(servings),
        measurings=tuple(measurings),
        runnings=tuple(jobs.values()),
        hostings=tuple(hostings.values()),
    )


def _require_name_apart(spec: JobDocument, others: Iterable[str]) -> None:
    """What jobs made is found by the document's name: two documents of jobs can't have one."""
    same = [other for other in others if other.partition(".")[2] == spec.name]
    if same:
        raise UsageError(
            f"{same[0]} and {spec.reference} have one name.",
            next_step="Give one of them another: their jobs and models are found by it.",
        )


def _own_training(chapter: Chapter, spec: TrainingJob) -> Running:
    """A training as the command job that it is short for, its code written where it is sent from.

    What is looked at again before a saved plan is done is the user's own, and not that copy.
    """
    scratch = Path(tempfile.mkdtemp(prefix="foundry-tune-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    code = write_code(chapter, spec, scratch / "code")
    made = lowered(chapter, code)
    assert isinstance(made.spec, Command)
    own = (own_file(chapter, written) for written in own_functions(spec).values())
    return replace(
        running.read(made, made.spec, {}),
        sources=tuple(filter(None, own)),
        note=memory_words(chapter, spec),
    )


def pricing_of(
    serving: Serving, chapters: Sequence[Chapter], team: Mapping[str, TeamPrices]
) -> Pricing:
    """What an endpoint's model costs: as the budget of who pays for it says, else the team."""
    training = serving.training
    paying = (training or serving).spec
    chapter = next(one for one in chapters if one.spec is paying)
    tuned = training is not None or ids.is_of_project(serving.model_path)
    return Pricing(chapter, serving.base_model, tuned, team.get(paying.reference))


def _training(chapter: Chapter, spec: FineTuning) -> Training:
    training, validation = _data(chapter, spec)
    first = _first(training.path) if isinstance(training, DataVersion) else []
    return Training(
        spec=spec,
        revision=content_hash(spec, _hashes(training, validation)),
        training=training,
        validation=validation,
        system=_system(first),
        languages=languages_of("\n".join(one.turns) for one in first),
    )


def _hashes(training: DataVersion | str, validation: DataVersion | str | None) -> dict[str, str]:
    """The content of local files by the field that names them."""
    given = {"training_data": training, "validation_data": validation}
    return {
        field: data.digest.sha256 for field, data in given.items() if isinstance(data, DataVersion)
    }


def _data(chapter: Chapter, spec: FineTuning) -> tuple[DataVersion | str, DataVersion | str | None]:
    path = chapter.local_path(spec.training_path)
    if spec.split is None or spec.split.split is None:
        training = _file(spec, "train", path) if path else spec.training_path
        return training, _validation(chapter, spec)
    if path is None:
        raise UsageError(
            f"{spec.reference}: validation_data.split needs a local training file.",
            next_step="Name a local file, or leave validation_data out: the service splits.",
        )
    parts = Path(tempfile.mkdtemp(prefix="foundry-tune-"))
    atexit.register(shutil.rmtree, parts, ignore_errors=True)
    train, valid = parts / "train.jsonl", parts / "valid.jsonl"
    write_halves(spec, spec.split, path, train, valid)
    return _file(spec, "train", train), _file(spec, "valid", valid)


def _first(path: Path) -> list[Conversation]:
    return list(islice(read_conversations(path), _LOOK))


def _system(first: Sequence[Conversation]) -> str:
    """The system message that the first conversations share; empty where they don't share one."""
    found = {one.system or "" for one in first}
    return found.pop() if len(found) == 1 else ""


def _validation(chapter: Chapter, spec: FineTuning) -> DataVersion | str | None:
    written = spec.validation_path
    if written is None:
        return None
    path = chapter.local_path(written)
    return _file(spec, "valid", path) if path else written


def _file(spec: FineTuning, role: str, path: Path) -> DataVersion:
    digest = _digest(path)
    return DataVersion(
        name=f"{spec.name}-{role}",
        version=digest.sha256[: revision.HASH_LENGTH],
        digest=digest,
        path=path,
        owner=spec.name,
    )


def _serving(
    chapter: Chapter,
    spec: ServerlessEndpoint,
    trainings: Mapping[str, Training],
    probes_digest: str,
) -> Serving:
    own = chapter.local_path(spec.safety_probes) if spec.safety_probes else None
    reference = references.parse(spec.model_path)
    training = trainings.get(reference.name) if reference else None
    if reference and training is None:
        raise UsageError(f"{spec.reference}: model refers to '{reference.target}', not found.")
    return Serving(
        spec=spec,
        training=training,
        model_path="" if training else spec.model_path,
        probes=probes.load(*((own,) if own else ())),
        probes_digest=probes_digest + (_digest(own).sha256 if own else ""),
    )


def _measuring(
    chapter: Chapter, spec: Evaluation, pricings: Mapping[str, Pricing], hosting: Hosting | None
) -> Measuring:
    path = chapter.local_path(spec.data_path)
    if path is None:
        raise UsageError(
            f"{spec.reference}: data '{spec.data_path}' is not a local file.",
            next_step="Name a .jsonl file relative to the spec.",
        )
    return Measuring(
        spec=spec,
        endpoint=references.name_of(spec.endpoint),
        references=_references(spec),
        path=path,
        sha256=_digest(path).sha256,
        folder=Path(chapter.file).parent,
        own={name: _own(chapter, written) for name, written in spec.custom_metrics.items()},
        prices=None if hosting else _token_prices(pricings, spec.endpoint),
        judge=_judging(chapter, spec.judge, pricings) if spec.judge else None,
        hosting=hosting,
    )


def _hosting(
    chapter: Chapter,
    spec: Evaluation,
    hostings: Mapping[tuple[str, str], Hosting],
    beside: Mapping[str, Sequence[Spec]],
) -> Hosting | None:
    """The online endpoint of its own file that an evaluation measures, if it measures one."""
    online = measured_online(spec, beside[chapter.file])
    return hostings[chapter.file, online.name] if online else None


def _judging(chapter: Chapter, spec: Judge, pricings: Mapping[str, Pricing]) -> Judging:
    rubric = chapter.local_path(spec.rubric)
    if rubric is None:
        raise UsageError(f"'{spec.rubric}' is no local file.")  # FT-S052 has said so
    return Judging(
        spec=spec,
        endpoint=references.name_of(spec.endpoint),
        rubric=rubric,
        sha256=_digest(rubric).sha256,
        prices=_token_prices(pricings, spec.endpoint),
    )


def _token_prices(
    pricings: Mapping[str, Pricing], endpoint: str
) -> tuple[UnitPrice, UnitPrice] | None:
    """Of the tokens that an endpoint's model reads and writes, where it is known which that is."""
    pricing = pricings.get(references.name_of(endpoint))
    return (pricing.unit("input"), pricing.unit("output")) if pricing else None


def _own(chapter: Chapter, written: str) -> OwnMetric:
    file, function = split(written)
    path = chapter.local_path(file)
    if path is None:
        raise UsageError(f"'{written}' is no function of a file.")  # FT-S047 has said so
    return OwnMetric(path=path, function=function, sha256=_digest(path).sha256)


def _references(spec: Evaluation) -> dict[str, str]:
    meant = {"base": references.name_of(spec.base or "")}
    return {word: meant.get(word, word) for word in spec.compare_with if word != "served"}


def _label(data: DataVersion | str) -> str:
    return data.label if isinstance(data, DataVersion) else data


def _held_by(spec: Evaluation) -> dict[str, object]:
    """What else answers are held to, where it is written: marks without it stay as they were."""
    written: dict[str, object] = {}
    if spec.confident:
        written["confident"] = spec.alpha
    if spec.compare_with:
        written["compare_with"] = {word: _references(spec).get(word) for word in spec.compare_with}
        written["alpha"] = spec.alpha
    if spec.labels:
        written["labels"] = list(spec.labels)
    if spec.format:
        written["format"] = msgspec.to_builtins(spec.format)
    asked = {"request": spec.request, "at": spec.at, "expected": spec.expected}
    written |= {word: value for word, value in asked.items() if value is not None}
    return written


def _smoke_test(test: SmokeTest) -> object:
    return msgspec.to_builtins(test)


def _digest(path: Path) -> Digest:
    try:
        return digest_of(path)
    except UnreadableFileError as error:
        raise InvalidInputError(f"{path} can't be read: {error}.") from error
