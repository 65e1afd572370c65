"""What is known of models, regions, lifecycles and prices: `catalog.yaml`, typed and asked.

Nothing is invented: what the file calls `unknown` stays None here, and every answer can name the
source it rests on.
"""

import os
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from jobs.errors import UsageError
from jobs.values import mapping, sequence

CATALOG_FILE = Path(__file__).with_name("catalog.yaml")

PriceKind = Literal["training", "hosting", "input", "output", "instance"]


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
    tuned_retired: date | None = None
    """The same day for endpoints of what was fine-tuned, where they have one of their own."""

    def of(self, *, tuned: bool) -> "ServingTerms":
        """The terms as they hold for the model itself, or for what was fine-tuned from it.

        Where what was tuned has a day of its own, it may be deployed until then, whatever becomes
        of the model.
        """
        if not tuned or self.tuned_retired is None:
            return self
        own_day = self.tuned_retired
        return msgspec.structs.replace(self, legacy=None, deprecated=None, retired=own_day)


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
    regions: dict[str, str]
    """Azure's words for the regions that rows name."""
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


@cache
def catalog() -> Catalog:
    """The catalogue that ships with foundry-tune."""
    written = yaml.load(CATALOG_FILE.read_bytes(), Loader=yaml.CSafeLoader)
    # Not strict: for YAML 1.1 a number such as 5e-6 is text.
    return msgspec.convert(_unknown_as_none(written), Catalog, strict=False)


def region_name(region: str) -> str:
    """`East US 2` for `eastus2`; a region that no row names stays as it is."""
    return catalog().regions.get(region, region)


def normal_region(region: str) -> str:
    """`East US 2` as Azure's ids write it, `eastus2`."""
    return region.replace(" ", "").lower()


def registry_id(path: str) -> str:
    """A model as Azure names it: a bare name becomes its registry id where it is known."""
    if "/" in path or ":" in path:
        return path
    model = catalog().model(path)
    return model.id if model and model.id else path


def registry_model(path: str) -> str:
    """The model's name in `azureml://registries/<registry>/models/<name>[/versions/<n>]`.

    A bare name is taken for itself; anything else has no name and gives the empty string.
    """
    parts = path.split("/")
    if path.startswith("azureml://registries/") and len(parts) >= 6 and parts[4] == "models":
        return parts[5]
    return path if path and not set(path) & {"/", ":", "$"} else ""


def today() -> date:
    """The day that lifecycle dates are held against: FOUNDRY_TUNE_DATE if set, else today."""
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


def _unknown_as_none(value: Any) -> Any:
    """`unknown` is the file's word for what nobody published; here it is None."""
    if value == "unknown":
        return None
    if (fields := mapping(value)) is not None:
        return {key: _unknown_as_none(item) for key, item in fields.items()}
    if (items := sequence(value)) is not None:
        return [_unknown_as_none(item) for item in items]
    return value
