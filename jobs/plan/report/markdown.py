"""A plan as the comment of a pull request: the headline first, long parts folded.

Whatever comes from files or Azure is escaped. A comment that would be longer than GitHub takes
says what was left out.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jobs.errors import FoundryTuneError, UsageError
from jobs.files import UnreadableFileError, read_bounded
from jobs.findings import Finding
from jobs.plan.plan import Plan
from jobs.plan.report.cost import cost_words
from jobs.plan.report.refusals import refusals
from jobs.plan.steps import SYMBOLS, Action
from jobs.target.target import Target
from jobs.terminal import output
from jobs.terminal.github import LIMIT, fenced, folded, length, plain, table
from jobs.values import mapping, sequence

_ROOM = 2_000
"""Left for what is said of what was left out."""

_LARGEST_PREVIEW = 16 << 20

_ECHO = "an unhandled error occurred: program exited"
"""What Pulumi says once more of a program that has said why by itself."""

_SHOWN_FAILURES = 20


def comment(plan: Plan, target: Target, *, preview: str = "") -> str:
    """The comment, at most `LIMIT` characters; its first line is hidden and finds it again.

    `preview` is what `pulumi preview` said: its text, or the JSON of `--json`.
    """
    failures = _failures(preview)
    headline = "❌ foundry-tune: blocked" if failures else _headline(plan)
    head = [marker(target), f"## {headline}", "", *_summary(plan, target, preview)]
    sections = [
        ("What happens", list(_actions(plan)), True),
        ("What stands in the way", [*failures, *_blocked(plan)], False),
        ("Cost", list(_costs(plan)), True),
        ("Findings", list(_findings(plan)), True),
        ("Infrastructure: pulumi preview", _preview(preview) if preview else [], True),
    ]
    # What stands in the way is never behind a fold, and comes first.
    sections.sort(key=lambda section: section[2])
    return _fitted(head, [one for one in sections if one[1]])


def refusal(error: FoundryTuneError, *, preview: str = "") -> str:
    """The comment where nothing could be planned: why, and what to do."""
    findings: Sequence[Finding] = getattr(error, "findings", ())
    why = _failures(preview)
    why += [f"- ❌ {plain(error.message, 400)} {plain(error.next_step, 400)}".rstrip()]
    if findings:
        why += ["", *_found(findings)]
    sections = [
        ("What stands in the way", why, False),
        ("Infrastructure: pulumi preview", _preview(preview) if preview else [], True),
    ]
    head = ["## ❌ foundry-tune: nothing can be planned", ""]
    return _fitted(head, [one for one in sections if one[1]])


def marker(target: Target) -> str:
    """The hidden line by which a workflow finds its comment, one for each project."""
    return f"<!-- foundry-tune:plan {target.resource_group}/{target.project} -->"


def read_preview(file: str) -> str:
    """What `pulumi preview` said, from a file.

    Raises:
        UsageError: It can't be read.
    """
    try:
        return read_bounded(file, _LARGEST_PREVIEW).decode("utf-8", "replace")
    except UnreadableFileError as error:
        raise UsageError(
            f"{file} can't be read: {error}.", next_step="pulumi preview > preview.txt"
        ) from error


def _headline(plan: Plan) -> str:
    if refusals(plan):
        return "❌ foundry-tune: blocked"
    if plan.is_empty:
        return "✅ foundry-tune: nothing to do"
    counts = [
        (plan.count("create"), "to create"),
        (plan.count("update", "replace"), "to change"),
        (plan.count("delete"), "to delete"),
        (plan.evaluations, "to evaluate"),
    ]
    return f"foundry-tune: {', '.join(f'{count} {word}' for count, word in counts if count)}"


def _summary(plan: Plan, target: Target, preview: str) -> Iterator[str]:
    where = f"{target.resource_group} / project {target.project}, {plan.project.location}"
    yield f"**Target** {plain(where)}"
    if counts := _environment(preview):
        yield f"**Environment** {plain(counts)}"
    if not plan.is_empty:
        for cost in plan.specs.costs:
            yield f"**Cost** {plain(cost.reference)}: {plain(cost_words(cost.total))}" + (
                f", budget {cost.budget.max_usd:g} USD: {plain(cost.verdict or '')}"
                if cost.budget
                else ""
            )
    yield ""


def _actions(plan: Plan) -> Iterator[str]:
    moving = [action for action in plan.actions if action.kind != "unchanged"]
    if not moving:
        return
    rows = [(SYMBOLS[a.kind], a.type, a.name, "; ".join(_said(a))) for a in moving]
    yield from table(("", "type", "name", "what"), rows)
    stays = len(plan.actions) - len(moving)
    if stays:
        yield from ("", f"{stays} unchanged.")


def _said(action: Action) -> Iterator[str]:
    if action.note:
        yield action.note
    for one in action.changes:
        yield f"{one.field}: {one.before or '(none)'} -> {one.after or '(none)'}"


def _blocked(plan: Plan) -> Iterator[str]:
    for one in refusals(plan):
        rule = f" ({one.rule})" if one.rule else ""
        yield f"- ❌ {plain(f'{one.message} {one.next_step}'.strip(), 400)}{rule}"


def _costs(plan: Plan) -> Iterator[str]:
    rows = [
        (cost.reference, line.what, line.quantity, cost_words(line.money))
        for cost in plan.specs.costs
        for line in cost.lines
    ]
    if rows and not plan.is_empty:
        yield from table(("document", "what", "quantity", "USD"), rows)


def _findings(plan: Plan) -> Iterator[str]:
    yield from _found(plan.specs.findings)


def _found(findings: Sequence[Finding]) -> Iterator[str]:
    rows = [(f.place, f.severity, f"{f.path}: {f.message}", f.rule) for f in findings]
    if rows:
        yield from table(("place", "", "finding", "rule"), rows)


# ── pulumi's preview ────────────────────────────────────────────────────────────────────────────


def _failures(said: str) -> list[str]:
    """What `pulumi preview` ended with, where it failed: its text says `error:`, and more below."""
    found: dict[str, list[str]] = {}
    deep, more = 0, None
    for line in output.plain(said).splitlines():
        indent = len(line) - len(line.lstrip())
        error = re.match(r" *error: (.*)", line)
        if error and not error[1].startswith(_ECHO):
            deep, more = indent, found.setdefault(error[1], [])
        elif more is not None and line.strip() and indent > deep:
            more.append(line.strip())
        else:
            more = None
    lines: list[str] = []
    for message, below in [*found.items()][:_SHOWN_FAILURES]:
        lines.append(f"- ❌ pulumi preview: {plain(message, 400)}")
        lines += [f"  - {plain(text, 400)}" for text in below[:_SHOWN_FAILURES]]
    return lines


def _environment(said: str) -> str:
    """What `pulumi preview` counts at its end: `2 to update, 62 unchanged`."""
    steps = _steps(said)
    if steps is None:
        block = re.search(r"^Resources:\n((?: .*\n?)+)", output.plain(said), re.MULTILINE)
        return (
            ", ".join(re.sub(r"^\W+", "", line) for line in block[1].splitlines()) if block else ""
        )
    operations = Counter(str((mapping(step) or {}).get("op", "")) for step in steps)
    same = operations.pop("same", 0)
    counts = [f"{count} to {operation}" for operation, count in operations.items()]
    return ", ".join([*counts, f"{same} unchanged"])


def _steps(said: str) -> Sequence[Any] | None:
    """The steps of `pulumi preview --json`; None where it is text."""
    try:
        return sequence((mapping(json.loads(said)) or {}).get("steps"))
    except (ValueError, RecursionError):
        return None


def _preview(said: str) -> list[str]:
    steps = _steps(said)
    if steps is None:
        return fenced(output.plain(said).strip())
    return list(_preview_steps(steps))


def _preview_steps(steps: Sequence[Any]) -> Iterator[str]:
    """Operations and names only: the states beside them may hold what isn't for everybody."""
    rows: list[tuple[str, str, str, str]] = []
    for step in steps:
        known = mapping(step) or {}
        parts = str(known.get("urn", "")).split("::")
        kind = parts[2].rpartition("$")[2] if len(parts) > 3 else ""
        reasons = ", ".join(map(str, sequence(known.get("diffReasons")) or ()))
        rows.append((str(known.get("op", "")), kind, parts[-1], reasons))
    moving = [row for row in rows if row[0] != "same"]
    if moving:
        yield from table(("", "type", "name", "what differs"), moving)
    yield from ("", f"{len(rows) - len(moving)} unchanged.")


# ── the limit ───────────────────────────────────────────────────────────────────────────────────


def _fitted(head: Iterable[str], sections: Sequence[tuple[str, list[str], bool]]) -> str:
    text = "\n".join(head) + "\n"
    left_out: list[str] = []
    for title, lines, folds in sections:
        room = LIMIT - _ROOM - length(text) - length(title) - 100
        kept = _beginning(lines, room)
        if len(kept) < len(lines):
            left_out.append(f"{len(lines) - len(kept):,} lines of “{title}”")
            # A fence that was opened is closed before anything else is said.
            if kept and kept[0].startswith("```"):
                kept.append(kept[0].removesuffix("text"))
        if kept:
            shown = folded(title, kept) if folds else [f"**{title}**", "", *kept, ""]
            text += "\n".join(shown) + "\n"
    if left_out:
        said = ", ".join(left_out)
        text += f"\nLeft out, as GitHub takes no longer comment: {said}. The log has the rest.\n"
    return text


def _beginning(lines: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        room -= length(line) + 1
        if room < 0:
            return kept
        kept.append(line)
    return kept
