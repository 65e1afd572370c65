"""`run.lock`: everything that is needed to make a revision again, and to see what moved since.

It is written for reading and for reviews: no time and no secret is in it, so it changes only where
what it stands for does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from os.path import relpath
from pathlib import Path

import msgspec
import yaml

from jobs.errors import InvalidInputError, UsageError
from jobs.files import UnreadableFileError, read_bounded, whole_file
from jobs.plan.facts import Fact, differences, facts
from jobs.plan.moved import Move, files_moved
from jobs.plan.plan import Plan
from jobs.plan.saved import hashes, place_of
from jobs.spec.canonical import hyperparameters
from jobs.target.target import Target
from jobs.terminal.output import SCHEMA_VERSION, as_yaml

ENDING = ".run.lock"
KIND = "foundry-tune lock"
_LIMIT = 8 << 20
_PACKAGES = ("azure-ai-ml", "azure-identity", "azure-storage-blob", "openai", "tokenizers")
_KEPT_OF_ENDPOINTS = ("spec", "model", "content_safety", "auth_mode")
_KEPT_OF_CONNECTIONS = ("spec", "endpoint")
_HEAD = """\
# What this was made with. `foundry-tune lock` writes it, `apply` keeps it up to date, and
# `foundry-tune verify` says what moved since: files, packages, the model in the catalogue, Azure.
"""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """A lock as its file has it; every path is from the lock's own folder."""

    schema_version: int
    kind: str
    specs: list[str]
    packages: dict[str, str]
    target: dict[str, str]
    files: dict[str, str]
    """The SHA-256 of every file that was read."""
    documents: dict[str, dict[str, str]]
    """By reference: what each is made with, defaults written out."""
    azure: dict[str, dict[str, str] | None]
    """What was there of it; null for what wasn't."""
    prices: list[str]
    """What the money rests on, with its source and day."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What moved since a lock was written."""

    lock: Path
    moves: tuple[Move, ...]

    @property
    def records(self) -> list[dict[str, str]]:
        """As JSON carries it."""
        return [asdict(move) for move in self.moves]


def path_of(spec: str) -> Path:
    """Where the lock of a spec is: beside it."""
    path = Path(spec)
    return path if path.name.endswith(ENDING) else path.with_name(f"{path.stem}{ENDING}")


def made(plan: Plan, target: Target, specs: list[str], folder: Path) -> Lock:
    """The lock of a plan, for a folder."""
    start = folder or Path()
    return Lock(
        schema_version=SCHEMA_VERSION,
        kind=KIND,
        specs=[relpath(spec, start) for spec in specs],
        packages=_packages(),
        target=place_of(target),
        files=hashes(plan, start),
        documents=dict(_documents(plan)),
        azure=dict(_azure(plan)),
        prices=sorted({price.words for cost in plan.specs.costs for price in cost.prices}),
    )


def write(path: Path, lock: Lock) -> bool:
    """Write a lock, whole or not at all; False where the file says the same already.

    Raises:
        UsageError: There is another file of that name, or it can't be written.
    """
    text = _HEAD + as_yaml(msgspec.to_builtins(lock))
    if path.exists() and read(path) == lock:
        return False
    with whole_file(path, overwrite=True) as output:
        output.write(text.encode())
    return True


def read(path: Path) -> Lock:
    """A lock from its file.

    Raises:
        UsageError: It isn't there, or can't be read.
        InvalidInputError: It is no lock, or one of another version.
    """
    try:
        content = read_bounded(path, _LIMIT)
    except UnreadableFileError as error:
        raise UsageError(
            f"{path} can't be read: {error}.", next_step="Write one: foundry-tune lock SPEC"
        ) from error
    try:
        lock = msgspec.convert(yaml.load(content, Loader=yaml.CSafeLoader), Lock)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise _no_lock(path) from error
    if (lock.kind, lock.schema_version) != (KIND, SCHEMA_VERSION):
        raise _no_lock(path)
    return lock


def verify(path: Path, before: Lock, now: Lock) -> Verified:
    """Everything that isn't any more what a lock says, old → new."""
    moves = [
        *_moves("package ", before.packages, now.packages),
        *_moves("target ", before.target, now.target),
        *files_moved(before.files, now.files),
        *_each("", before.documents, now.documents),
        *_each("", before.azure, now.azure),
    ]
    if before.prices != now.prices:
        moves.append(Move("prices", "; ".join(before.prices), "; ".join(now.prices)))
    return Verified(path, tuple(moves))


# ── what is in it ───────────────────────────────────────────────────────────────────────────────


def _packages() -> dict[str, str]:
    return {name: version(name) for name in ("foundry-tune", *_PACKAGES)}


def _documents(plan: Plan) -> Iterator[tuple[str, dict[str, str]]]:
    desired = plan.desired
    for training in desired.trainings:
        spec = training.spec
        yield (
            spec.reference,
            {
                "revision": training.revision,
                "base_model": spec.model_id,
                "task": str(spec.task),
                **{f"hyperparameters.{k}": v for k, v in hyperparameters(spec).items()},
            },
        )
    for running in desired.runnings:
        yield running.spec.reference, {"revision": running.revision, **running.fields}
    for hosting in desired.hostings:
        yield (
            hosting.spec.reference,
            {
                "model": hosting.model,
                "code": hosting.code.label,
                "machines": hosting.machines,
                "revision": hosting.revision(hosting.model),
            },
        )
    for serving in desired.servings:
        yield (
            serving.spec.reference,
            {
                "model": serving.model_path or "of " + str(serving.spec.model_path),
                "content_safety": "on" if serving.spec.is_filtered else "off",
                "auth_mode": serving.spec.auth_mode,
                "proof": serving.proof(""),
            },
        )
    for measuring in desired.measurings:
        yield (
            measuring.spec.reference,
            {
                "questions": measuring.sha256,
                "asked_of": measuring.endpoint,
                "held_to": measuring.mark(""),
            },
        )


def _azure(plan: Plan) -> Iterator[tuple[str, dict[str, str] | None]]:
    """What is there of the plan's own: its data, jobs, models, what serves, and the names."""
    served = {s.name: plan.actual.served(s.name) for s in plan.desired.servings}
    serving = {f"endpoint/{endpoint.name}" for endpoint in served.values() if endpoint}
    for about, fact in facts(plan).items():
        kind = about.split("/")[0]
        if kind == "endpoint" and about in serving:
            yield about, _only(fact, _KEPT_OF_ENDPOINTS)
        elif kind == "connection":
            yield about, _only(fact, _KEPT_OF_CONNECTIONS)
        elif kind in {"data", "code", "environment", "job", "model of job"}:
            yield about, dict(fact) if fact is not None else None


def _only(fact: Fact | None, fields: tuple[str, ...]) -> dict[str, str] | None:
    return None if fact is None else {field: fact[field] for field in fields}


# ── what moved ──────────────────────────────────────────────────────────────────────────────────


def _each(
    what: str,
    before: Mapping[str, dict[str, str]] | Mapping[str, dict[str, str] | None],
    now: Mapping[str, dict[str, str]] | Mapping[str, dict[str, str] | None],
) -> Iterator[Move]:
    for name in dict.fromkeys((*before, *now)):
        for field, old, new in differences(before.get(name), now.get(name)):
            yield Move(f"{what}{name} {field}".strip(), old, new)


def _moves(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Move]:
    for field, old, new in differences(before, now):
        yield Move(f"{what}{field.replace('_', ' ')}", old, new)


def _no_lock(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is no lock of this version of foundry-tune.",
        next_step="Take it away, and write it anew: foundry-tune lock SPEC",
    )
