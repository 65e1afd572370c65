"""What the catalogue says against a model on a day and in a region."""

from datetime import date
from typing import Literal, NamedTuple

from jobs.catalog.catalog import (
    Catalog,
    FineTuningTerms,
    ServingTerms,
    catalog,
    normal_region,
    registry_model,
)
from jobs.suggestions import nearest

Purpose = Literal["finetune", "serve"]

SOON_DAYS = 120
"""How many days ahead an end is warned of."""


class Objection(NamedTuple):
    """Why the catalogue says no (an error), or that it can't say (a warning)."""

    rule: str
    message: str
    next_step: str = ""


def lifecycle_objection(
    path: str, purpose: Purpose, on: date, *, tuned: bool = False
) -> Objection | None:
    """Why a model can't be fine-tuned (or served anew) on a day; None if nothing is against it.

    `tuned` asks for serving what was fine-tuned from it.
    """
    known = catalog()
    model = known.model(path)
    if model is None:
        return _unknown_model(known, path) if purpose == "finetune" else None
    terms = model.finetune if purpose == "finetune" else model.serve.of(tuned=tuned)
    verb = "fine-tuned" if purpose == "finetune" else "served by a new endpoint"
    successor = f"Use {model.successor}" if model.successor else "Choose another model"
    first = first_refused(terms)
    past = f"{first.replace(day=1) if first else on:%Y-%m-%d}"
    step = f"{successor}, or rehearse the past:  foundry-emulator run --date {past} -- …"
    if terms.retired and on >= terms.retired:
        message = f"{model.name} retired on {terms.retired} and can't be {verb} any more."
        return Objection("FT-C003", message, step)
    if terms.deprecated and on >= terms.deprecated:
        message = f"{model.name} can't be {verb} since {terms.deprecated}"
        message += f"; it retires on {terms.retired}." if terms.retired else "."
        return Objection("FT-C003", message, step)
    if first and (first - on).days <= SOON_DAYS:
        message = f"{model.name} can't be {verb} from {first} on, in {(first - on).days} days."
        return Objection("FT-C004", message, f"{successor} for what has to live longer.")
    return None


def ending_objection(path: str, on: date, *, tuned: bool) -> Objection | None:
    """That what is served stops answering soon, or has stopped; None where no end is near."""
    model = catalog().model(path)
    day = model.serve.of(tuned=tuned).retired if model else None
    if model is None or day is None or (day - on).days > SOON_DAYS:
        return None
    what = f"endpoints of {'tuned ' if tuned else ''}{model.name}"
    successor = model.successor or "another model"
    if on >= day:
        return Objection("FT-C004", f"{what} answer 404 since {day}.", f"Serve {successor}.")
    message = f"{what} answer 404 from {day} on, in {(day - on).days} days."
    return Objection("FT-C004", message, f"Have {successor} proven and serving before that day.")


def first_refused(terms: FineTuningTerms | ServingTerms) -> date | None:
    """The first day on which nothing new is made; None where no such day is published."""
    return min((day for day in (terms.deprecated, terms.retired) if day), default=None)


def region_objection(
    path: str, region: str, purpose: Purpose, *, tuned: bool = False
) -> Objection | None:
    """Why a region does not do; None where it does, or where the catalogue does not know the model.

    `tuned` asks for serving a fine-tuned model, which fewer regions do.
    """
    model = catalog().model(path)
    if model is None:
        return None
    terms: FineTuningTerms | ServingTerms = model.finetune
    regions = model.finetune.regions
    if purpose == "serve":
        terms = model.serve
        regions = model.serve.tuned_regions if tuned else model.serve.regions
    verb = (
        "fine-tuned" if purpose == "finetune" else "served once fine-tuned" if tuned else "served"
    )
    if regions is None:
        message = f"no source says where {model.name} can be {verb}; '{region}' is unverified."
        return Objection("FT-C006", message)
    if normal_region(region) in regions:
        return None
    message = f"{model.name} can't be {verb} in '{region}' (source {terms.source}, {terms.as_of})."
    return Objection("FT-C005", message, f"Regions that do: {', '.join(regions)}.")


def range_objection(path: str, hyperparameter: str, value: float) -> Objection | None:
    """Why a value, by the guide's word for it, is one that the model or the portal doesn't take."""
    model = catalog().model(path)
    if model is None:
        return None
    known = model.learning_rate
    if hyperparameter == "epochs" and value > 10:
        return Objection("FT-C008", f"{value:g} epochs; the portal takes 1 to 10.")
    if hyperparameter == "batch_size_multiplier" and value > 32:
        return Objection("FT-C008", f"a batch of {value:g}; the portal takes 1 to 32.")
    if hyperparameter != "learning_rate" or not (known.min and known.max):
        return None
    if known.min <= value <= known.max:
        return None
    span = f"{known.min:g} to {known.max:g}"
    message = f"{value:g} is outside the {span} that {model.name} was tried with."
    return Objection("FT-C007", message)


def _unknown_model(known: Catalog, path: str) -> Objection | None:
    name = registry_model(path)
    if not name:
        return None  # a path, a job's output, a custom model: not the catalogue's business
    if any(row.name.casefold() == name.casefold() for row in known.not_finetunable):
        message = f"{name} can't be fine-tuned without your own compute; it is served as it is."
        return Objection("FT-C002", message, _finetunable(known))
    close = nearest(name, [model.name for model in known.models])
    hint = f" Did you mean '{close}'?" if close else ""
    message = f"'{name}' is not in the catalogue, so region, dates and price are unverified.{hint}"
    return Objection("FT-C001", message)


def _finetunable(known: Catalog) -> str:
    open_ones = [
        m.name for m in known.models if not m.finetune.retired and not m.finetune.deprecated
    ]
    return f"Models that can: {', '.join(open_ones)}."
