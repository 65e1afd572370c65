"""What is known of models, regions, lifecycles and prices: `jobs/catalog.yaml`, typed and asked.

Nothing is invented: what the file calls `unknown` stays None here, and every answer can name the
source it rests on.
"""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from jobs.spec.document import registry_model
from jobs.spec.values import mapping, sequence
from jobs.suggestions import nearest

CATALOG_FILE = Path(__file__).with_name("catalog.yaml")

Purpose = Literal["finetune", "serve"]
PriceKind = Literal["training", "hosting", "input", "output"]


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the catalogue: what it says, where that was read, and when."""

    source: str
    as_of: date


class Figure(Row, frozen=True, kw_only=True):
    """One number of a model."""

    value: int | None


class Range(Row, frozen=True, kw_only=True):
    """A hyperparameter's default and range for one model."""

    default: float | None
    min: float | None
    max: float | None


class FineTuningTerms(Row, frozen=True, kw_only=True):
    """Where and until when a model can be fine-tuned."""

    regions: tuple[str, ...] | None
    deprecated: date | None
    """From this day no new job is taken."""
    retired: date | None


class ServingTerms(Row, frozen=True, kw_only=True):
    """Where and until when a model can be served."""

    regions: tuple[str, ...] | None
    tuned_regions: tuple[str, ...] | None
    legacy: date | None
    deprecated: date | None
    """From this day no new endpoint is made."""
    retired: date | None
    """From this day endpoints answer 404."""


class Model(Row, frozen=True, kw_only=True):
    """A model that the service fine-tunes."""

    name: str
    id: str | None
    version: str | None
    publisher: str
    marketplace: bool
    """Whether an endpoint needs a marketplace subscription (Microsoft's own models do not)."""
    tasks: tuple[str, ...]
    system_prompt: bool
    context_tokens: Figure
    finetune: FineTuningTerms
    serve: ServingTerms
    successor: str | None
    learning_rate: Range
    batch_size: Range


class NotFineTunable(Row, frozen=True, kw_only=True):
    """A model that the service serves but does not fine-tune."""

    name: str


class Price(Row, frozen=True, kw_only=True):
    """What one unit of something costs."""

    model: str
    what: PriceKind
    usd: float | None
    per: Literal["million_tokens", "hour"]
    bound: Literal["exact", "at_least"]
    """`at_least`: the published figure is a floor, so an estimate has no upper end."""


class Catalog(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    sources: dict[str, str]
    models: tuple[Model, ...]
    not_finetunable: tuple[NotFineTunable, ...]
    prices: tuple[Price, ...]

    def model(self, path: str) -> Model | None:
        """The model with this name, registry id or registry path, in any case."""
        name = registry_model(path).casefold()
        return next((model for model in self.models if model.name.casefold() == name), None)

    def price(self, model: Model | None, what: PriceKind) -> Price | None:
        """The price row of a model, or the one that holds for all; None where there is neither."""
        rows = [row for row in self.prices if row.what == what]
        own = next((row for row in rows if model and row.model == model.name), None)
        return own or next((row for row in rows if row.model == "*" and model), None)


class Objection(NamedTuple):
    """Why the catalogue says no (an error), or that it can't say (a warning)."""

    rule: str
    message: str
    next_step: str = ""


@cache
def catalog() -> Catalog:
    """The catalogue that ships with foundry-tune."""
    from jobs.spec.reader import read

    trees, problems = read(CATALOG_FILE.read_bytes())
    assert not problems, problems
    return msgspec.convert(_unknown_as_none(trees[0].value), Catalog)


def lifecycle_objection(path: str, purpose: Purpose, on: date) -> Objection | None:
    """Why a model can't be fine-tuned (or served anew) on a day; None if nothing is against it."""
    known = catalog()
    model = known.model(path)
    if model is None:
        return _unknown_model(known, path) if purpose == "finetune" else None
    terms = model.finetune if purpose == "finetune" else model.serve
    verb = "fine-tuned" if purpose == "finetune" else "served by a new endpoint"
    successor = f"Use {model.successor}" if model.successor else "Choose another model"
    first = next((day for day in (terms.deprecated, terms.retired) if day), None)
    past = f"{first.replace(day=1) if first else on:%Y-%m-%d}"
    step = f"{successor}, or rehearse the past:  foundry-emulator run --date {past} -- …"
    if terms.retired and on >= terms.retired:
        message = f"{model.name} retired on {terms.retired} and can't be {verb} any more."
        return Objection("FT-C003", message, step)
    if terms.deprecated and on >= terms.deprecated:
        message = f"{model.name} can't be {verb} since {terms.deprecated}"
        message += f"; it retires on {terms.retired}." if terms.retired else "."
        return Objection("FT-C003", message, step)
    if first and (first - on).days <= 120:
        message = f"{model.name} can't be {verb} from {first} on, in {(first - on).days} days."
        return Objection("FT-C004", message, f"{successor} for what has to live longer.")
    return None


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


def normal_region(region: str) -> str:
    """`East US 2` as Azure's ids write it, `eastus2`."""
    return region.replace(" ", "").lower()


def registry_id(path: str) -> str:
    """A model as Azure names it: a bare name becomes its registry id where it is known."""
    if "/" in path or ":" in path:
        return path
    model = catalog().model(path)
    return model.id if model and model.id else path


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


def _unknown_as_none(value: Any) -> Any:
    """`unknown` is the file's word for what nobody published; here it is None."""
    if value == "unknown":
        return None
    if (fields := mapping(value)) is not None:
        return {key: _unknown_as_none(item) for key, item in fields.items()}
    if (items := sequence(value)) is not None:
        return [_unknown_as_none(item) for item in items]
    return value


def today() -> date:
    """The day that lifecycle dates are held against: FOUNDRY_TUNE_DATE if set, else today."""
    import os

    from jobs.errors import UsageError

    written = os.environ.get("FOUNDRY_TUNE_DATE")
    if not written:
        return date.today()
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise UsageError(
            f"FOUNDRY_TUNE_DATE is '{written}', which is no date.",
            next_step="Set it to a day like 2025-06-01, or unset it.",
        ) from None
