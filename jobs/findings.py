"""A finding: one thing a rule has to say about one place in one file."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Finding(NamedTuple):
    """What a rule has to say about one place. A named tuple, as a file may give thousands."""

    file: str
    """The file as the user named it, relative to where the command runs."""
    line: int
    """Counted from 1; 0 speaks of the whole file."""
    column: int
    """Counted from 1; 0 where only the line is known (a JSONL line)."""
    path: str
    """The field: `hyperparameters.epochs`, `messages[2].role`; empty for the whole line."""
    message: str
    """One sentence, values in quotes, a suggestion at the end where there is one."""
    rule: str
    """The stable id, explained by `foundry-tune explain`."""
    severity: Severity
    """An error refuses; a warning refuses under --strict; a note only informs."""

    @property
    def place(self) -> str:
        """The clickable `file:line:column`, as far as it is known."""
        if not self.line:
            return self.file
        return (
            f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        )

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{self.place}: {text}"

    def as_dict(self) -> dict[str, str | int]:
        """The finding as JSON carries it."""
        return self._asdict()


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The most severe severity among the findings, or None when there is none."""
    present = {finding.severity for finding in findings}
    return next((severity for severity in SEVERITIES if severity in present), None)


def refuses(findings: Iterable[Finding], *, strict: bool) -> bool:
    """Whether the findings stop the command: an error does, under `strict` a warning too."""
    stopping = {"error", "warning"} if strict else {"error"}
    return any(finding.severity in stopping for finding in findings)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The findings as a reader meets them: by file as first met, then line, then column."""
    found = list(findings)
    files = {file: index for index, file in enumerate(dict.fromkeys(f.file for f in found))}
    return sorted(found, key=lambda f: (files[f.file], f.line, f.column, f.path, f.rule))
