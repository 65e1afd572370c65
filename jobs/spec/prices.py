"""A team's prices: `prices.yaml`, written once and found from every spec below it.

What is wrong with it is found like what is wrong with a spec, with place and rule. A price that
nobody asks for is no mistake: the list is for a team, and not for one spec.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated

from msgspec import Meta, field

from jobs.catalog.catalog import catalog
from jobs.findings import Finding, in_order
from jobs.spec.budget import UnitPrices
from jobs.spec.document import Part
from jobs.spec.ids import model_id, model_key
from jobs.spec.places import finding_at, place_of
from jobs.spec.reader import Tree
from jobs.spec.team_files import read_team_file
from jobs.suggestions import did_you_mean
from jobs.values import day

PRICES_FILE = "prices.yaml"


class PriceList(Part, frozen=True, kw_only=True):
    """What models cost, for every spec in the file's folder and below it."""

    schema: Annotated[str | None, Meta(description="The editor's schema line.")] = field(
        default=None, name="$schema"
    )
    as_of: Annotated[str, Meta(description="The day you read them, as 2026-10-01.")]
    source: Annotated[
        str | None, Meta(description="Where you read them: an agreement, the portal.")
    ] = None
    models: Annotated[
        dict[str, UnitPrices],
        Meta(description="For each model, by its name or its id, what its units cost."),
    ] = field(default_factory=dict[str, UnitPrices])
    instances: Annotated[
        dict[str, Annotated[float, Meta(ge=0, le=1e6)]],
        Meta(
            description="For each machine type (Standard_DS3_v2), or compute by its name, USD for "
            "an hour of one machine."
        ),
    ] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class WrittenPrice:
    """A price that somebody wrote down, and where."""

    usd: float
    place: str
    """`prices.yaml:3`, or the --set argument."""
    as_of: str
    source: str


@dataclass(frozen=True, slots=True)
class TeamPrices:
    """A price list, read."""

    file: str
    """The file as messages name it."""
    tree: Tree
    written: PriceList

    def price(self, model: str, unit: str) -> WrittenPrice | None:
        """What a unit of a model costs here; None where the list doesn't say."""
        wanted = model_key(model)
        for name, prices in self.written.models.items():
            usd: float | None = getattr(prices, unit)
            if usd is not None and model_key(name) == wanted:
                where = place_of(self.file, self.tree, ("models", name, unit))
                return WrittenPrice(usd, where, self.written.as_of, self.written.source or "")
        return None

    def instance_price(self, machine: str) -> WrittenPrice | None:
        """What an hour of a machine type, or of a compute's machine, costs; None for neither."""
        for name, usd in self.written.instances.items():
            if name.casefold() == machine.casefold():
                where = place_of(self.file, self.tree, ("instances", name))
                return WrittenPrice(usd, where, self.written.as_of, self.written.source or "")
        return None


def is_price_list(file: str | FilePath) -> bool:
    """Whether a file's name says that it is a price list, and no spec."""
    return FilePath(file).name == PRICES_FILE


def read_prices(file: str) -> tuple[TeamPrices | None, tuple[Finding, ...]]:
    """A price list, and everything that is wrong with it; none where something is."""
    tree, written, findings = read_team_file(
        file, PriceList, "a price list", "as_of: and models: or instances:", "FT-S044"
    )
    if tree is not None and written is not None:
        findings += _strange(file, tree, written)
    if findings or tree is None or written is None:
        return None, tuple(in_order(findings))
    return TeamPrices(file, tree, written), ()


def _strange(file: str, tree: Tree, written: PriceList) -> Iterator[Finding]:
    if day(written.as_of) is None:
        message = f"'{written.as_of[:40]}' is no day. Write it as 2026-10-01."
        yield finding_at(file, tree, "FT-S007", ("as_of",), message)
    first: dict[str, str] = {}
    for name in written.models:
        wrong = wrong_model(name)
        other = first.setdefault(model_key(name), name)
        if not wrong and other != name:
            line, _ = tree.locate(("models", other), key=True)
            wrong = f"is the same model as '{other}' in line {line}. Keep one of them."
        if wrong:
            yield finding_at(file, tree, "FT-S044", ("models", name), wrong, at_key=True)


def wrong_model(name: str) -> str:
    """What is wrong with the name of a model; empty for a right one."""
    understood = model_id(name)
    known = catalog()
    names = [row.name for row in (*known.models, *known.not_finetunable)]
    if understood is not None and understood.form != "name":
        return ""
    if name.casefold() in {known_name.casefold() for known_name in names}:
        return ""
    close = did_you_mean(name, names)
    return (
        f"'{name[:80]}' is no model of the catalogue.{close} A model that the catalogue lacks is "
        "named as specs name it: azureml://registries/<registry>/models/<name>."
    )
