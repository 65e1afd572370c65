"""On which day what specs ask for stops working, and what to do by when. Asks nobody but the specs.

foundry-tune forecast jobs/specs
foundry-tune forecast jobs/specs/xbox-support.yaml --date 2025-06-01
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from jobs.options import add_date, add_output, add_specs

if TYPE_CHECKING:
    from jobs.catalog.forecast import End
    from jobs.read.examine import CheckedSpecs


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_output(parser)
    add_date(parser)


def run(arguments: Namespace) -> int:
    """Say what ends, the nearest day first."""
    from jobs.catalog.catalog import catalog, today
    from jobs.errors import InvalidInputError
    from jobs.read.examine import examine
    from jobs.read.paths import spec_paths
    from jobs.terminal.output import emit_structured, table, tell

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
    rows = sorted(_ends(specs), key=lambda row: (row[2].on or date.max, row[0], row[2].what))
    if arguments.output != "table":
        emit_structured(
            {"date": f"{on}", "ends": [_record(*row) for row in rows]}, arguments.output
        )
        return 0
    if not rows:
        tell("No spec names a model that the catalogue knows.")
        return 0
    head = ("SPEC", "MODEL", "WHAT", "REFUSED FROM", "WHAT TO DO")
    tell(table([head, *(_row(*row, on) for row in rows)]))
    tags = dict.fromkeys(end.source for _, _, end in rows)
    tell("\n" + "\n".join(f"{tag}: {catalog().sources.get(tag, tag)}" for tag in tags))
    return 0


def _ends(specs: "CheckedSpecs") -> "Iterator[tuple[str, str, End]]":
    """Document, model and what stops, for each document that trains or serves a model."""
    from jobs.catalog.catalog import catalog
    from jobs.catalog.forecast import ends_of
    from jobs.spec.models import FineTuning, ServerlessEndpoint

    for story in specs.stories:
        for chapter in story.chapters:
            spec = chapter.spec
            if not isinstance(spec, (FineTuning, ServerlessEndpoint)):
                continue
            path = spec.model_path
            if isinstance(spec, ServerlessEndpoint):
                tuned = next((story.chapter(one.target) for one in chapter.references), None)
                if tuned is not None and isinstance(tuned.spec, FineTuning):
                    path = tuned.spec.model_path
            model = catalog().model(path)
            if model is None:
                continue
            trains = isinstance(spec, FineTuning)
            for end in ends_of(model, trains=trains, serves=not trains):
                yield chapter.reference, model.name, end


def _row(document: str, model: str, end: "End", on: date) -> tuple[str, ...]:
    if end.on is None:
        when = "no day published"
    else:
        left = (end.on - on).days
        when = f"{end.on} ({left} days)" if left > 0 else f"{end.on} (refused)"
    return (document, model, end.what, when, end.todo)


def _record(document: str, model: str, end: "End") -> dict[str, object]:
    return {
        "document": document,
        "model": model,
        "what": end.what,
        "refused_from": f"{end.on}" if end.on else None,
        "source": end.source,
        "todo": end.todo,
    }
