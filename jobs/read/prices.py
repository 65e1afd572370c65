"""Which price list counts for each document of a story, and what is wrong with it."""

from pathlib import Path

from jobs.files import UnreadableFileError, open_regular
from jobs.findings import Finding
from jobs.spec.models import Evaluation
from jobs.spec.prices import PRICES_FILE, TeamPrices, read_prices
from jobs.spec.story import Chapter, Story
from jobs.spec.team_files import above


class PriceLists:
    """The price lists of many specs, each looked for once a folder and read once."""

    def __init__(self) -> None:
        self._above: dict[Path, str | None] = {}
        self._read: dict[str, TeamPrices | None] = {}

    def above(self, spec: str) -> str | None:
        """The one that is nearest above a spec file."""
        folder = Path(spec).parent
        if folder not in self._above:
            self._above[folder] = next(above(folder, PRICES_FILE), None)
        return self._above[folder]

    def read(self, file: str) -> tuple[TeamPrices | None, tuple[Finding, ...]]:
        """One of them; what is wrong with it is told once."""
        wrong: tuple[Finding, ...] = ()
        if file not in self._read:
            self._read[file], wrong = read_prices(file)
        return self._read[file], wrong


def team_prices(story: Story, known: PriceLists) -> tuple[dict[str, TeamPrices], list[Finding]]:
    """The price list of each document that costs, by its reference, and all that is wrong.

    A document names its own with `budget.prices: FILE`; else the one nearest above the spec counts.
    """
    lists: dict[str, TeamPrices] = {}
    findings: list[Finding] = []
    above = known.above(story.file) if story.chapters else None
    for chapter in story.chapters:
        spec = chapter.spec
        if isinstance(spec, Evaluation):
            continue
        named = spec.budget.prices if spec.budget else None
        file = above
        if isinstance(named, str):
            file, wrong = _named(chapter, named)
            findings += wrong
        if file is None:
            continue
        found, wrong = known.read(file)
        findings += wrong
        if found:
            lists[chapter.reference] = found
    return lists, findings


def _named(chapter: Chapter, written: str) -> tuple[str | None, list[Finding]]:
    path = chapter.local_path(written)
    try:
        if path is not None:
            open_regular(path).close()
            return str(path), []
        problem = "it is no file on this machine"
    except UnreadableFileError as error:
        problem = f"{error}"
    message = f"'{written[:80]}' can't be read: {problem}."
    return None, [chapter.finding("FT-S017", ("budget", "prices"), message)]
