"""The models of the catalogue: what can be fine-tuned and served, where, until when, for how much.

foundry-tune models
foundry-tune models phi --region eastus2
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_date, add_output

if TYPE_CHECKING:
    from datetime import date

    from jobs.catalog.catalog import Model
    from jobs.catalog.forecast import End


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("text", nargs="?", default="", help="a part of a name or a publisher")
    parser.add_argument("--region", help="what can be fine-tuned there, as eastus2")
    parser.add_argument("--task", help="what can be fine-tuned for it, as chat_completion")
    parser.add_argument(
        "--now", action="store_true", help="only what can be fine-tuned on that day"
    )
    add_output(parser)
    add_date(parser)


def run(arguments: Namespace) -> int:
    """List the rows that match, one a model."""
    from jobs.catalog.catalog import catalog, normal_region, today
    from jobs.terminal.output import emit_structured, tell, tell_table

    on = arguments.date or today()
    region = normal_region(arguments.region) if arguments.region else ""
    found = [
        model
        for model in catalog().models
        if arguments.text.casefold() in f"{model.name} {model.publisher}".casefold()
        and (not region or region in (model.finetune.regions or ()))
        and (not arguments.task or arguments.task in model.tasks)
        and (not arguments.now or _is_open(model, on))
    ]
    if arguments.output != "table":
        emit_structured(
            {"date": f"{on}", "models": [_record(m, on) for m in found]}, arguments.output
        )
        return 0
    if not found:
        tell("No model of the catalogue matches.")
        return 0
    head = ("MODEL", "FINE-TUNED", "NEW ENDPOINTS", "ANSWERS", "TRAINING", "SUCCESSOR")
    tell_table([_row(model, on) for model in found], header=head)
    tell("\nDays are the first on which it is refused; no day: none is published.")
    return 0


def _row(model: "Model", on: "date") -> tuple[str, ...]:
    from jobs.catalog.forecast import ends_of

    days = [end.on for end in ends_of(model, trains=True, serves=True)]
    words = [_until(day, on) for day in days]
    for column, end in enumerate(ends_of(model, serves=True, tuned=True), start=1):
        if end.on != days[column]:
            words[column] += f"; tuned {_until(end.on, on)}"
    return (model.name, *words, _price(model), model.successor or "")


def _until(day: "date | None", on: "date") -> str:
    return "yes" if day is None else f"until {day}" if on < day else "no"


def _record(model: "Model", on: "date") -> dict[str, object]:
    from jobs.catalog.forecast import ends_of

    return {
        "name": model.name,
        "id": model.id,
        "publisher": model.publisher,
        "tasks": list(model.tasks),
        "finetune_regions": _listed(model.finetune.regions),
        "serve_regions": _listed(model.serve.tuned_regions),
        "context_tokens": model.context_tokens.value,
        "training_usd_per_million_tokens": _usd(model),
        "refused_from": _days(ends_of(model, trains=True, serves=True)),
        "tuned_refused_from": _days(ends_of(model, serves=True, tuned=True)),
        "can_be_finetuned": _is_open(model, on),
        "successor": model.successor,
        "source": model.source,
        "as_of": f"{model.as_of}",
    }


def _days(ends: "list[End]") -> dict[str, str | None]:
    return {end.what: f"{end.on}" if end.on else None for end in ends}


def _is_open(model: "Model", on: "date") -> bool:
    from jobs.catalog.objections import first_refused

    day = first_refused(model.finetune)
    return day is None or on < day


def _price(model: "Model") -> str:
    from jobs.catalog.catalog import catalog

    price = catalog().price(model, "training")
    if price is None or price.usd is None:
        return "not published"
    return f"{'from ' if price.bound == 'at_least' else ''}{price.usd:.2f} USD/M"


def _usd(model: "Model") -> float | None:
    from jobs.catalog.catalog import catalog

    price = catalog().price(model, "training")
    return price.usd if price else None


def _listed(regions: tuple[str, ...] | None) -> list[str] | None:
    return None if regions is None else list(regions)
