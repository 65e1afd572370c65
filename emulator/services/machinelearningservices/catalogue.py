"""The emulator's base models: which exist, where they train and serve, and until when."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("models.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """One model of the registry and the service's rules about it."""

    name: str
    registry: str
    publisher: str
    latest: int
    context: int
    finetune_regions: tuple[str, ...]
    serve_regions: tuple[str, ...]
    """Where it is served as it is."""
    tuned_regions: tuple[str, ...]
    """Where what was fine-tuned from it is served."""
    defaults: dict[str, float]
    learning_rate: tuple[float, float] | None
    legacy: date | None
    deprecated: date | None
    retired: date | None
    tuned_retired: date | None
    """The last of these for what was fine-tuned from it, where that has a day of its own."""
    successor: str | None

    @property
    def is_microsofts(self) -> bool:
        """Whether it is sold by Azure itself; others are sold through the marketplace."""
        return self.registry == "azureml"

    @property
    def uri(self) -> str:
        """Its registry id without a version, as endpoints and registered models name it."""
        return f"azureml://registries/{self.registry}/models/{self.name}"

    def served(self, *, tuned: bool) -> "BaseModel":
        """The model with the dates that hold for its endpoints, or for those of what was tuned."""
        if not tuned or self.tuned_retired is None:
            return self
        return replace(self, legacy=None, deprecated=None, retired=self.tuned_retired)

    def stage(self, today: date) -> str:
        """GA, Legacy, Deprecated or Retired, as the lifecycle page defines them."""
        for name, begins in (
            ("Retired", self.retired),
            ("Deprecated", self.deprecated),
            ("Legacy", self.legacy),
        ):
            if begins is not None and today >= begins:
                return name
        return "GA"

    def refusal_of_new_use(self, today: date) -> str | None:
        """Why nothing new may be made of this model on that day; None where it may."""
        stage = self.stage(today)
        if stage not in ("Deprecated", "Retired"):
            return None
        began = self.retired if stage == "Retired" else self.deprecated
        sentence = f"The model {self.name} was {stage.lower()} on {began}"
        if stage == "Deprecated":
            sentence += f" and retires on {self.retired}"
        return f"{sentence}. Use {self.successor} instead." if self.successor else f"{sentence}."


def find(name: str) -> BaseModel | None:
    """The base model of that name, whatever its case."""
    return _by_name().get(name.casefold())


def all_models() -> tuple[BaseModel, ...]:
    """Every base model, in the file's order."""
    return tuple(_by_name().values())


@cache
def _by_name() -> dict[str, BaseModel]:
    import yaml

    document: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    models = [_model(row, document) for row in document["models"]]
    return {model.name.casefold(): model for model in models}


def _model(row: dict[str, Any], document: dict[str, Any]) -> BaseModel:
    lifecycle: dict[str, date] = row.get("lifecycle", {})
    bounds: list[float] | None = row.get("learning_rate")
    return BaseModel(
        name=row["name"],
        registry=row.get("registry", document["registry"]),
        publisher=row.get("publisher", document["publisher"]),
        latest=row["latest"],
        context=row["context"],
        finetune_regions=tuple(row["finetune_regions"]),
        serve_regions=tuple(row["serve_regions"]),
        # assumed where no source says: what is fine-tuned in a region is served there
        tuned_regions=tuple(row.get("tuned_regions", row["finetune_regions"])),
        defaults=row.get("defaults", {}),
        learning_rate=(bounds[0], bounds[1]) if bounds else None,
        legacy=lifecycle.get("legacy"),
        deprecated=lifecycle.get("deprecated"),
        retired=lifecycle.get("retired"),
        tuned_retired=lifecycle.get("tuned_retired"),
        successor=row.get("successor"),
    )
