"""What GitHub and Azure DevOps show of Markdown, and the annotations that GitHub puts on lines.

Text that others wrote is escaped, or stands in a fence that it can't close.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

LIMIT = 65_536
"""Characters that GitHub takes for a comment or an issue."""

CELL = 160
"""Characters of a text that a cell shows."""

_UNSOUND = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clipped(written: str, limit: int) -> str:
    """The beginning of a text, and how much more there is."""
    if len(written) <= limit:
        return written
    return f"{written[:limit]}… ({len(written) - limit:,} more characters)"


def length(text: str) -> int:
    """How long a text is as GitHub may count at worst: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def sound(written: str) -> str:
    """A text without control characters and halves of surrogate pairs, which no page may hold."""
    return _UNSOUND.sub("\ufffd", written)


def plain(written: str, limit: int = CELL) -> str:
    """A text as it is, in one line: nothing in it is Markdown, HTML, a link or a mention."""
    line = " ".join(sound(clipped(written, limit)).split())
    line = re.sub(r"[\\`*_\[\]~#$]", r"\\\g<0>", line)
    line = re.sub(r"^([-+]|\d+[.)])(?= |$)", "\u200b\\1", line)
    # By number where a backslash isn't enough: HTML, cells, and what is linked or told somebody.
    return re.sub(r"[<>&@|]|(?<=\w):(?=//)|(?<=www)\.", lambda one: f"&#{ord(one[0])};", line)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, line by line; its cells are plain text."""
    yield _row(header)
    yield _row(["---"] * len(header), is_rule=True)
    for row in rows:
        yield _row(row)


def folded(name: str, lines: Sequence[str]) -> Iterator[str]:
    """Lines that are shown when somebody asks for them."""
    yield from (f"<details><summary>{escape(name)}</summary>", "", *lines, "", "</details>", "")


def fenced(written: str) -> list[str]:
    """A text in a fence that it can't close."""
    longest = max((len(run) for run in re.findall("`+", written)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *sound(written).splitlines(), fence]


def annotation(
    level: str, message: str, *, file: str, line: int = 0, column: int = 0, title: str = ""
) -> str:
    """A workflow command that puts a message on a line: `::error file=…,line=…::…`.

    `level` is `error`, `warning` or `notice`; what commands hold is escaped as GitHub's toolkit
    does it (actions/toolkit, packages/core/src/command.ts).
    """
    given = {"file": file, "line": line, "col": column, "title": title}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in given.items() if value)
    return f"::{level} {properties}::{_data(message)}"


def _row(cells: Sequence[str], *, is_rule: bool = False) -> str:
    return f"| {' | '.join(cell if is_rule else plain(cell) for cell in cells)} |"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
