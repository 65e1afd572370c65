"""A team's prices: `prices.yaml`, written once and found from every spec below it.

What is wrong with it is found like what is wrong with a spec, with place and rule. A price that
nobody asks for is no mistake: the list is for a team, and not for one spec.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated

from msgspec import Meta, field

from jobs.catalog.catalog import catalog
from jobs.files import UnreadableFileError, folders_above, read_bounded
from jobs.findings import Finding, in_order
from jobs.spec.document import Part
from jobs.spec.ids import model_id, model_key
from jobs.spec.models import UnitPrices
from jobs.spec.places import finding_at, found_in, place_of
from jobs.spec.reader import MAX_BYTES, Problem, Tree, read
from jobs.spec.shape import fit
from jobs.suggestions import did_you_mean
from jobs.values import day, mapping

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
    ]


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


def is_price_list(file: str | FilePath) -> bool:
    """Whether a file's name says that it is a price list, and no spec."""
    return FilePath(file).name == PRICES_FILE


def nearest(start: FilePath) -> str | None:
    """The price list that is nearest above a spec's folder, as messages name it.

    The repository's root is the last folder looked at, and your home where there is no repository.
    A folder that everybody shares, as /tmp, ends the way too: its prices would be anybody's.
    """
    for folder in folders_above(start.resolve()):
        found = folder / PRICES_FILE
        if os.path.lexists(found):
            return str(found) if start.is_absolute() else os.path.relpath(found)
        if os.path.lexists(folder / ".git") or folder == FilePath.home():
            return None
    return None


def read_prices(file: str) -> tuple[TeamPrices | None, tuple[Finding, ...]]:
    """A price list, and everything that is wrong with it; none where something is."""
    try:
        trees, problems = read(read_bounded(file, MAX_BYTES))
    except UnreadableFileError as error:
        return None, (found_in(file, Problem("FT-S009", 0, 0, "", f"can't be read: {error}.")),)
    findings = [found_in(file, problem) for problem in problems]
    documents = [tree for tree in trees if tree.value is not None]
    findings += [
        finding_at(file, tree, "FT-S044", (), "a price list is one document, and this is another.")
        for tree in documents[1:]
    ]
    if not documents:
        if not problems:
            message = "no price is in it. Write as_of: and models:."
            findings.append(found_in(file, Problem("FT-S010", 1, 1, "", message)))
        return None, tuple(findings)
    tree = documents[0]
    if mapping(tree.value) is None:
        message = "a price list is a mapping: as_of:, models: …."
        findings.append(finding_at(file, tree, "FT-S010", (), message))
        return None, tuple(in_order(findings))
    written, misfits = fit(tree.value, PriceList)
    for one in misfits:
        findings.append(finding_at(file, tree, one.rule, one.path, one.message, at_key=one.at_key))
    if written is not None:
        findings += _strange(file, tree, written)
    if findings or written is None:
        return None, tuple(in_order(findings))
    return TeamPrices(file, tree, written), ()


def _strange(file: str, tree: Tree, written: PriceList) -> Iterator[Finding]:
    if day(written.as_of) is None:
        message = f"'{written.as_of[:40]}' is no day. Write it as 2026-10-01."
        yield finding_at(file, tree, "FT-S007", ("as_of",), message)
    first: dict[str, str] = {}
    for name in written.models:
        wrong = _wrong_model(name)
        other = first.setdefault(model_key(name), name)
        if not wrong and other != name:
            line, _ = tree.locate(("models", other), key=True)
            wrong = f"is the same model as '{other}' in line {line}. Keep one of them."
        if wrong:
            yield finding_at(file, tree, "FT-S044", ("models", name), wrong, at_key=True)


def _wrong_model(name: str) -> str:
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
