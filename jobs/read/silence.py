"""`ignore:`: findings that a document's author has looked at and silences, with a reason."""

from collections.abc import Iterable, Mapping
from datetime import date

from jobs.findings import Finding
from jobs.rules import RULES
from jobs.spec.document import Ignore
from jobs.spec.story import Chapter, Story
from jobs.suggestions import did_you_mean
from jobs.values import day


def silence(
    story: Story,
    findings: Iterable[Finding],
    of_data: Mapping[str, Iterable[Finding]],
    *,
    on: date,
) -> tuple[list[Finding], int]:
    """The findings that are left, with those about the excuses themselves, and how many went.

    `of_data` gives the findings about each document's data. An excuse holds for its own document
    and its data, not for the rest of the file.
    """
    kept: list[Finding] = list(findings)
    ignored = 0
    for reference, found in of_data.items():
        chapter = story.chapter(reference)
        rules = _silenced(chapter, on) if chapter else set[str]()
        left = [finding for finding in found if finding.rule not in rules]
        met = {finding.rule for finding in found} & rules
        ignored += len(list(found)) - len(left)
        kept += left
        if chapter:
            kept += _useless(chapter, rules - met - _met_in_spec(chapter, story, findings))
    for chapter in story.chapters:
        rules = _silenced(chapter, on)
        before = len(kept)
        kept = [f for f in kept if not (f.rule in rules and _is_in(f, chapter, story))]
        ignored += before - len(kept)
        kept += _wrong(chapter, on)
        if chapter.reference not in of_data and rules:
            kept += _useless(chapter, rules - _met_in_spec(chapter, story, findings))
    return kept, ignored


def _silenced(chapter: Chapter, on: date) -> set[str]:
    return {
        entry.rule
        for entry in chapter.spec.ignore
        if entry.rule in RULES and RULES[entry.rule].silenceable and not _is_over(entry, on)
    }


def _wrong(chapter: Chapter, on: date) -> list[Finding]:
    found: list[Finding] = []
    for index, entry in enumerate(chapter.spec.ignore):
        path = ("ignore", index, "rule")
        if entry.rule not in RULES:
            hint = did_you_mean(entry.rule, RULES)
            found.append(chapter.finding("FT-S026", path, f"'{entry.rule}' is no rule.{hint}"))
        elif not RULES[entry.rule].silenceable:
            title = RULES[entry.rule].title.lower()
            message = f"{entry.rule} ({title}) can't be silenced."
            found.append(chapter.finding("FT-S026", path, message))
        elif entry.until is not None and day(entry.until) is None:
            message = f"'{entry.until[:40]}' is no day. Write it as 2026-12-31."
            found.append(chapter.finding("FT-S007", ("ignore", index, "until"), message))
        elif _is_over(entry, on):
            message = f"silenced {entry.rule} until {entry.until}, which has passed."
            found.append(chapter.finding("FT-S027", ("ignore", index, "until"), message))
    return found


def _useless(chapter: Chapter, rules: set[str]) -> list[Finding]:
    return [
        chapter.finding("FT-S028", ("ignore", index), f"{entry.rule} finds nothing here.")
        for index, entry in enumerate(chapter.spec.ignore)
        if entry.rule in rules
    ]


def _met_in_spec(chapter: Chapter, story: Story, findings: Iterable[Finding]) -> set[str]:
    return {finding.rule for finding in findings if _is_in(finding, chapter, story)}


def _is_in(finding: Finding, chapter: Chapter, story: Story) -> bool:
    """Whether a finding about the spec file lies in this document."""
    if finding.file != story.file:
        return False
    begins = sorted(other.tree.locate(())[0] for other in story.chapters)
    begin = chapter.tree.locate(())[0]
    end = next((line for line in begins if line > begin), None)
    return begin <= finding.line and (end is None or finding.line < end)


def _is_over(entry: Ignore, on: date) -> bool:
    until = day(entry.until) if entry.until else None
    return until is not None and on > until
