"""Findings for people, for scripts, and for the line of a pull request (SARIF, JUnit)."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from urllib.parse import quote

from jobs.findings import SEVERITIES, Finding
from jobs.rules import RULES
from jobs.terminal.fold import width
from jobs.terminal.github import annotation
from jobs.terminal.output import as_json, style

WIDTH = 100
FORMS = ("table", "json", "yaml", "sarif", "junit", "github")
_COLOUR = {"error": "red", "warning": "yellow", "note": "cyan"}


def as_text(findings: Iterable[Finding]) -> str:
    """One finding a line, its rule at the right edge."""
    return "\n".join(_line(finding) for finding in findings)


def summary(findings: Sequence[Finding], *, ignored: int = 0) -> str:
    """How much was found: `3 errors and 1 warning in 2 files`."""
    counts = [
        _counted(count, severity)
        for severity in SEVERITIES
        if (count := sum(finding.severity == severity for finding in findings))
    ]
    silenced = f" {ignored} silenced by ignore." if ignored else ""
    if not counts:
        return f"Nothing to complain about.{silenced}"
    files = len({finding.file for finding in findings})
    return f"{joined(counts)} in {_counted(files, 'file')}.{silenced}"


def as_records(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """The findings as JSON carries them, each with its rule's title."""
    return [{**finding.as_dict(), "title": RULES[finding.rule].title} for finding in findings]


def as_sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0, which code hosts show on the line."""
    rules = [RULES[rule] for rule in sorted({finding.rule for finding in findings})]
    index = {rule.id: position for position, rule in enumerate(rules)}
    return as_json(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "foundry-tune",
                            "rules": [
                                {
                                    "id": rule.id,
                                    "name": rule.title,
                                    "shortDescription": {"text": rule.title},
                                    "fullDescription": {"text": rule.why},
                                    "help": {"text": f"{rule.why}\nFix: {rule.fix}"},
                                    "defaultConfiguration": {"level": rule.severity},
                                }
                                for rule in rules
                            ],
                        }
                    },
                    "columnKind": "unicodeCodePoints",
                    "results": [_sarif_result(finding, index) for finding in findings],
                }
            ],
        }
    )


def as_tool(form: str, findings: Sequence[Finding], files: Sequence[str]) -> str | None:
    """The findings as another tool reads them; None for a form that is foundry-tune's own."""
    if form == "sarif":
        return as_sarif(findings)
    if form == "github":
        return as_annotations(findings)
    return as_junit(findings, files) if form == "junit" else None


def as_annotations(findings: Iterable[Finding]) -> str:
    """GitHub's workflow commands, which it shows on the lines of a pull request."""
    levels = {"error": "error", "warning": "warning", "note": "notice"}
    return "\n".join(
        annotation(
            levels[finding.severity],
            f"{finding.path}: {finding.message}" if finding.path else finding.message,
            file=PurePath(finding.file).as_posix(),
            line=finding.line,
            column=finding.column,
            title=f"{finding.rule} {RULES[finding.rule].title}",
        )
        for finding in findings
    )


def as_junit(findings: Sequence[Finding], files: Sequence[str]) -> str:
    """JUnit XML: a test suite a file, a failed case a finding, and a passed case where none is."""
    from xml.sax.saxutils import quoteattr

    names = list(dict.fromkeys([*files, *(finding.file for finding in findings)]))
    failures = sum(finding.severity == "error" for finding in findings)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="foundry-tune" tests="{_cases(findings, names)}" failures="{failures}">',
    ]
    for name in names:
        own = [finding for finding in findings if finding.file == name]
        failed = sum(finding.severity == "error" for finding in own)
        attributes = f'tests="{max(1, len(own))}" failures="{failed}"'
        lines.append(f"  <testsuite name={quoteattr(_xml(name))} {attributes}>")
        if not own:
            lines.append(f'    <testcase classname={quoteattr(_xml(name))} name="valid"/>')
        lines += [_junit_case(finding) for finding in own]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _line(finding: Finding) -> str:
    message, *below = finding.message.split("\n")
    what = f"{finding.path}: {message}" if finding.path else message
    label = "" if finding.severity == "error" else f"{finding.severity}: "
    plain = f"{finding.place}: {label}{what}"
    shown = f"{finding.place}: {style(label, _COLOUR[finding.severity])}{what}" if label else plain
    gap = " " * max(2, WIDTH - width(plain) - len(finding.rule))
    first = f"{shown}{gap}{style(finding.rule, _COLOUR[finding.severity])}"
    return "\n".join([first, *below])


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def joined(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _sarif_result(finding: Finding, index: dict[str, int]) -> dict[str, object]:
    region: dict[str, int] = {}
    if finding.line:
        region["startLine"] = finding.line
        if finding.column:
            region["startColumn"] = finding.column
    location: dict[str, object] = {"artifactLocation": {"uri": _uri(finding.file)}}
    if region:
        location["region"] = region
    text = f"{finding.path}: {finding.message}" if finding.path else finding.message
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": finding.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    }


def _uri(file: str) -> str:
    return quote(PurePath(file).as_posix())


def _cases(findings: Sequence[Finding], names: Sequence[str]) -> int:
    met = {finding.file for finding in findings}
    return len(findings) + sum(name not in met for name in names)


def _junit_case(finding: Finding) -> str:
    from xml.sax.saxutils import escape, quoteattr

    place = f"line {finding.line}" if finding.line else "file"
    name = quoteattr(_xml(f"{finding.rule} {place} {finding.path}".strip()))
    kind = "failure" if finding.severity == "error" else "system-out"
    text = escape(_xml(str(finding)))
    inner = f"<{kind} message={quoteattr(_xml(finding.message))}>{text}</{kind}>"
    if kind == "system-out":
        inner = f"<system-out>{text}</system-out>"
    return f"    <testcase classname={quoteattr(_xml(finding.file))} name={name}>{inner}</testcase>"


def _xml(text: str) -> str:
    """Only characters that XML 1.0 may hold."""
    return "".join(
        char
        if char in "\t\n"
        or " " <= char <= "\ud7ff"
        or "\ue000" <= char <= "\ufffd"
        or char > "\uffff"
        else "\ufffd"
        for char in text
    )
