"""What a pass over a file has to say: the first of each rule in full, the rest counted."""

from dataclasses import dataclass, field
from typing import NamedTuple

from jobs.findings import Finding
from jobs.rules import RULES


class Remark(NamedTuple):
    """A finding about a line, before it is known which file and which line of it."""

    rule: str
    line: int
    path: str
    message: str


@dataclass(slots=True)
class Remarks:
    """Remarks of one pass, at most `limit` of a rule."""

    limit: int = 200
    kept: list[Remark] = field(default_factory=list[Remark])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, remark: Remark) -> None:
        """Take one in; count it only, if its rule has said enough."""
        count = self.counts.get(remark.rule, 0)
        self.counts[remark.rule] = count + 1
        if count < self.limit:
            self.kept.append(remark)

    def take(self, other: "Remarks", lines_before: int) -> None:
        """Take in what the pass over the next part of the same file said."""
        for remark in other.kept:
            self.add(remark._replace(line=remark.line + lines_before))
        for rule, count in other.counts.items():
            kept = sum(remark.rule == rule for remark in other.kept)
            self.counts[rule] = self.counts.get(rule, 0) + count - kept

    def leave_out(self, *rules: str) -> None:
        """Take back what these rules said."""
        self.kept = [remark for remark in self.kept if remark.rule not in rules]
        self.counts = {rule: n for rule, n in self.counts.items() if rule not in rules}

    def findings(self, file: str) -> list[Finding]:
        """The remarks as findings about `file`, with a line for those that were only counted."""
        found = [
            Finding(file, r.line, 0, r.path, r.message, r.rule, RULES[r.rule].severity)
            for r in self.kept
        ]
        kept: dict[str, int] = {}
        for remark in self.kept:
            kept[remark.rule] = kept.get(remark.rule, 0) + 1
        for rule, count in self.counts.items():
            if count > kept.get(rule, 0):
                more = f"and {count - kept.get(rule, 0):,} more like this ({RULES[rule].title})."
                found.append(Finding(file, 0, 0, "", more, rule, RULES[rule].severity))
        return found
