"""On which day specs, or what the project serves, stop working, and what to do by when.

With spec files it asks nobody but them. Without any it lists the project's endpoints, whoever made
them, by the day from which each answers 404.

foundry-tune forecast
foundry-tune forecast jobs/specs
foundry-tune forecast jobs/specs/xbox-support.yaml --date 2025-06-01
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.options import add_date, add_output, add_specs, add_target

if TYPE_CHECKING:
    from jobs.catalog.forecast import End
    from jobs.read.examine import CheckedSpecs


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_output(parser)
    add_date(parser)


def run(arguments: Namespace) -> int:
    """Say what ends, the nearest day first."""
    from jobs.catalog.catalog import catalog
    from jobs.terminal.output import emit_structured, tell, tell_table

    of_specs = bool(arguments.specs or arguments.file)
    on, ends = _of_specs(arguments) if of_specs else _of_project(arguments)
    ends.sort(key=lambda one: (one.end.on or date.max, one.name, one.end.what))
    kind = "document" if of_specs else "endpoint"
    if arguments.output != "table":
        rows = [{kind: one.name, "model": one.model, **_record(one.end)} for one in ends]
        emit_structured({"date": f"{on}", "ends": rows}, arguments.output)
        return 0
    if not ends:
        nothing = "No spec names a model that the catalogue knows."
        tell(nothing if of_specs else "The project has no endpoint.")
        return 0
    head = ("SPEC" if of_specs else "ENDPOINT", "MODEL", "WHAT", "REFUSED FROM", "WHAT TO DO")
    tell_table([_row(one, on) for one in ends], header=head)
    tags = dict.fromkeys(one.end.source for one in ends if one.end.source)
    if tags:
        tell("\n" + "\n".join(f"{tag}: {catalog().sources.get(tag, tag)}" for tag in tags))
    return 0


@dataclass(frozen=True, slots=True)
class _Ending:
    """What ends, of which document or endpoint and with which model."""

    name: str
    model: str
    end: "End"


# ── spec files ──────────────────────────────────────────────────────────────────────────────────


def _of_specs(arguments: Namespace) -> tuple[date, list[_Ending]]:
    from jobs.catalog.catalog import today
    from jobs.errors import InvalidInputError, UsageError
    from jobs.read.examine import examine
    from jobs.read.paths import spec_paths

    target = ("resource_group", "project", "subscription", "stack")
    if any(getattr(arguments, option) for option in target):
        raise UsageError(
            "What specs ask for ends on the same day in every project.",
            next_step="Name a project, or spec files, not both.",
        )
    on = arguments.date or today()
    specs = examine(
        spec_paths(arguments),
        on=on,
        overrides=arguments.overrides,
        with_data=False,
        with_prices=False,
    )
    broken = [f for f in specs.findings if f.severity == "error" and f.rule[3] == "S"]
    if broken:
        raise InvalidInputError("The spec can't be read, so it has no future.", findings=broken)
    return on, list(_endings(specs))


def _endings(specs: "CheckedSpecs") -> Iterator[_Ending]:
    """What stops, for each document that trains or serves a model."""
    from jobs.catalog.catalog import catalog
    from jobs.catalog.forecast import ends_of
    from jobs.spec.models import FineTuning, ServerlessEndpoint

    for story in specs.stories:
        for chapter in story.chapters:
            spec = chapter.spec
            if not isinstance(spec, (FineTuning, ServerlessEndpoint)):
                continue
            path, is_tuned = spec.model_path, False
            if isinstance(spec, ServerlessEndpoint):
                tuned = next((story.chapter(one.target) for one in chapter.references), None)
                if tuned is not None and isinstance(tuned.spec, FineTuning):
                    path, is_tuned = tuned.spec.model_path, True
            model = catalog().model(path)
            if model is None:
                continue
            trains = isinstance(spec, FineTuning)
            for end in ends_of(model, trains=trains, serves=not trains, tuned=is_tuned):
                yield _Ending(chapter.reference, model.name, end)


# ── what is served ──────────────────────────────────────────────────────────────────────────────


def _of_project(arguments: Namespace) -> tuple[date, list[_Ending]]:
    from jobs.arguments import session_of
    from jobs.catalog.forecast import end_of_answers
    from jobs.errors import UsageError
    from jobs.foundry import projects
    from jobs.foundry.endpoints import serves
    from jobs.look import inventory
    from jobs.look.served import served

    if arguments.overrides:
        raise UsageError(
            "--set changes a field of a spec, and no spec file is named.",
            next_step="Name one: foundry-tune forecast jobs/specs/xbox-support.yaml --set …",
        )
    session = session_of(arguments)
    project = projects.get(session)
    found = inventory.look(session)
    ends = [
        _Ending(
            one.endpoint.name,
            one.base_model.partition("/models/")[2].partition("/")[0] or serves(one.endpoint),
            end_of_answers(one.base_model, tuned=one.is_tuned),
        )
        for one in served(found, project)
    ]
    # Azure's own date, as plan has it.
    return arguments.date or session.arm.now.date(), ends


# ── the answer ──────────────────────────────────────────────────────────────────────────────────


def _row(ending: _Ending, on: date) -> tuple[str, ...]:
    end = ending.end
    if end.on is None:
        when = "no day published" if end.source else "not known"
    else:
        left = (end.on - on).days
        when = f"{end.on} ({left} days)" if left > 0 else f"{end.on} (refused)"
    return (ending.name, ending.model, end.what, when, end.todo)


def _record(end: "End") -> dict[str, object]:
    return {
        "what": end.what,
        "refused_from": f"{end.on}" if end.on else None,
        "source": end.source,
        "todo": end.todo,
    }
