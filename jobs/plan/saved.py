"""A plan written to a file to be reviewed, and done later exactly as it was reviewed.

The file is no state and no authority: `apply` makes the plan anew and holds it against the file.
"""

import hashlib
import json
import shlex
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from os.path import relpath
from pathlib import Path
from typing import Any

import msgspec

from jobs.errors import InvalidInputError, MovedError, UsageError
from jobs.files import UnreadableFileError, digest_of, read_bounded, whole_file
from jobs.plan.facts import Facts, PlannedStep, deeds, facts
from jobs.plan.moved import Move, azure_moved, files_moved, steps_moved
from jobs.plan.plan import Plan
from jobs.plan.report import answer
from jobs.spec.command import Command, Environment
from jobs.spec.models import FineTuning, ServerlessEndpoint
from jobs.target.target import Target
from jobs.terminal.output import SCHEMA_VERSION, as_json
from jobs.values import mapping

KIND = "foundry-tune plan"
_LIMIT = 64 << 20
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What the command line of `plan` asked for."""

    specs: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    retrain: bool = False
    retry_refused: bool = False
    strict: bool = False
    verify_data: bool = False
    on: date | None = None
    policy: str | None = None

    def command(self, *verb: str) -> str:
        """The command line that asks a verb for the same, to be pasted into a shell."""
        options = [part for override in self.overrides for part in ("--set", override)]
        options += [
            option
            for option, is_asked in (
                ("--retrain", self.retrain),
                ("--retry-refused", self.retry_refused),
                ("--strict", self.strict),
                ("--verify-data", self.verify_data),
            )
            if is_asked
        ]
        options += ["--date", self.on.isoformat()] if self.on else []
        return shlex.join(["foundry-tune", *verb, *self.specs, *options])


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan file as it was read."""

    file: str
    tool: str
    target: Mapping[str, str]
    asked: PlanRequest
    files: Mapping[str, str]
    """The SHA-256 of every file that was read, by its name."""
    facts: Facts
    costs: list[Any]
    steps: tuple[PlannedStep, ...]


def asked_by(arguments: Namespace, specs: Sequence[str]) -> PlanRequest:
    """What a command line of `plan` or `apply` asks for."""
    return PlanRequest(
        specs=tuple(specs),
        overrides=tuple(arguments.overrides),
        retrain=arguments.retrain,
        retry_refused=arguments.retry_refused,
        strict=arguments.strict,
        verify_data=arguments.verify_data,
        on=arguments.date,
        policy=arguments.policy,
    )


def write(file: str, plan: Plan, target: Target, asked: PlanRequest) -> None:
    """Write a plan to a file, whole or not at all; an older plan there is replaced.

    Raises:
        UsageError: The name isn't one of a plan, there is another file, or it can't be written.
    """
    path = Path(file)
    if path.suffix != ".json":
        raise UsageError(
            f"'{file}' is no name of a plan.", next_step="Name it with .json at its end: plan.json"
        )
    if path.exists():
        _require_a_plan(path)
    body = as_dict(plan, target, asked)
    with whole_file(path, overwrite=True) as output:
        output.write(as_json(body).encode() + b"\n")


def as_dict(plan: Plan, target: Target, asked: PlanRequest) -> dict[str, Any]:
    """The plan as its file carries it, sealed with a digest."""
    body: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "tool": version("foundry-tune"),
        "target": place_of(target),
        "asked": asdict(asked) | {"on": asked.on.isoformat() if asked.on else None},
        "files": hashes(plan),
        "facts": dict(facts(plan)),
        "steps": [asdict(deed) for deed in deeds(plan)],
        "plan": answer.as_dict(plan, target),
    }
    body = json.loads(json.dumps(body))
    return {**body, "digest": _seal(body)}


def read(file: str) -> SavedPlan:
    """A plan file, as far as it is whole and this version's.

    Raises:
        UsageError: It can't be read, or another version of foundry-tune wrote it.
        InvalidInputError: It is no plan, or was edited.
    """
    body = _body(Path(file))
    if body is None:
        raise InvalidInputError(
            f"{file} is no plan that foundry-tune saved.",
            next_step="Save one: foundry-tune plan SPEC --out plan.json",
        )
    tool = str(body.get("tool"))
    if tool != version("foundry-tune"):
        raise UsageError(
            f"{file} was saved by foundry-tune {tool[:40]}, and this is {version('foundry-tune')}.",
            next_step="Save and review it anew with this version: foundry-tune plan … --out",
        )
    given = body.pop("digest", "")
    if given != _seal(body):
        raise _edited(file)
    try:
        return msgspec.convert(
            {
                "file": file,
                "tool": tool,
                "target": body["target"],
                "asked": body["asked"],
                "files": body["files"],
                "facts": body["facts"],
                "costs": body["plan"]["costs"],
                "steps": body["steps"],
            },
            SavedPlan,
        )
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise _edited(file) from error


def require_target(saved: SavedPlan, target: Target) -> None:
    """Refuse a plan that was made for another project.

    Raises:
        UsageError: It was.
    """
    here = place_of(target)
    other = [key for key in here if here[key] != saved.target.get(key)]
    if other:
        of = ", ".join(f"{key.replace('_', ' ')} '{saved.target.get(key, '')}'" for key in other)
        raise UsageError(
            f"{saved.file} is a plan for {of}, and this is {target}.",
            next_step="Sign in to where it was planned for, or save it anew here.",
        )


def require_files(saved: SavedPlan) -> None:
    """Refuse a plan whose files changed, before Azure is reached for.

    Raises:
        MovedError: They did; it says which.
    """
    _refuse(saved, list(files_moved(saved.files, _now(saved.files))))


def require_unmoved(saved: SavedPlan, plan: Plan, target: Target) -> None:
    """Refuse where the plan, made anew, isn't the saved one or what is left of it.

    Raises:
        MovedError: Files or Azure moved; it says what, old → new.
    """
    fresh = as_dict(plan, target, saved.asked)
    moves = list(files_moved(saved.files, hashes(plan)))
    if fresh["plan"]["costs"] != saved.costs:
        moves.append(Move("cost", _total(saved.costs), _total(fresh["plan"]["costs"])))
    moves += azure_moved(saved.facts, facts(plan), saved.steps)
    moves += steps_moved(saved.steps, deeds(plan))
    _refuse(saved, moves)


def _refuse(saved: SavedPlan, moves: list[Move]) -> None:
    if not moves:
        return
    shown = [f"  {move}" for move in dict.fromkeys(moves)]
    rest = len(shown) - _SHOWN
    if rest > 0:
        shown = [*shown[:_SHOWN], f"  … and {rest} more"]
    lines = "\n".join(shown)
    raise MovedError(
        f"Files or Azure moved since {saved.file} was saved, so nothing was done:\n{lines}",
        next_step=f"Save and review it anew: foundry-tune plan {' '.join(saved.asked.specs)} "
        f"--out {saved.file}",
    )


def _edited(file: str) -> InvalidInputError:
    return InvalidInputError(
        f"{file} isn't any more what foundry-tune saved: somebody edited it.",
        next_step="Change the specs, and save the plan anew: foundry-tune plan … --out",
    )


def _body(path: Path) -> dict[str, Any] | None:
    """What is in a plan file; None where it is no plan."""
    try:
        content: object = json.loads(read_bounded(path, _LIMIT))
    except UnreadableFileError as error:
        raise UsageError(
            f"{path} can't be read: {error}.", next_step="Name a saved plan."
        ) from error
    except (ValueError, RecursionError):
        return None
    body = mapping(content)
    return body if body and body.get("kind") == KIND else None


def _require_a_plan(path: Path) -> None:
    if _body(path) is None:
        raise UsageError(
            f"{path} is there already, and no plan; nothing is overwritten.",
            next_step="Name another file.",
        )


def _seal(body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def place_of(target: Target) -> dict[str, str]:
    """A target as a file carries it."""
    subscription, group, project = target.key
    return {"subscription_id": subscription, "resource_group": group, "project": project}


def _now(names: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name in names if (digest := _hash(Path(name)))}


def _hash(path: Path) -> str:
    try:
        return digest_of(path).sha256
    except UnreadableFileError:
        return ""


def hashes(plan: Plan, start: str | Path = ".") -> dict[str, str]:
    """The SHA-256 of every file that the plan was made from, by its name from a folder."""
    return {
        name: _hash(path)
        for name, path in sorted((relpath(path, start), path) for path in _paths(plan))
    }


def _paths(plan: Plan) -> Iterator[Path]:
    specs = plan.specs
    yield from map(Path, specs.files)
    for checked in specs.data.values():
        yield from (looked.file.path for looked in checked.files)
    for running in plan.desired.runnings:
        yield from running.files
    for hosting in plan.desired.hostings:
        yield from hosting.files
    for team in specs.team_prices.values():
        yield Path(team.file)
    for policy in specs.policies:
        yield Path(policy.file)
    for chapter in specs.chapters:
        spec = chapter.spec
        written = (
            spec.tokenizer
            if isinstance(spec, FineTuning)
            else spec.safety_probes
            if isinstance(spec, ServerlessEndpoint)
            else spec.environment.conda_file
            if isinstance(spec, Command)
            and isinstance(spec.environment, Environment)
            and isinstance(spec.environment.conda_file, str)
            else None
        )
        path = chapter.local_path(written) if written else None
        if path:
            yield path
    for measuring in plan.desired.measurings:
        yield measuring.path
        yield from (own.path for own in measuring.own.values())
        if measuring.judge:
            yield measuring.judge.rubric


def _total(costs: list[Any]) -> str:
    low = sum(cost["low"] for cost in costs)
    high = None if any(c["high"] is None for c in costs) else sum(c["high"] for c in costs)
    return f"{low:.2f} – {'unknown' if high is None else f'{high:.2f}'} USD"
