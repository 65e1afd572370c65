"""How many of docs/fidelity.md's claims are real, emulated and absent: the line at its top."""

import re
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "fidelity.md"
ROW = re.compile(r"^\| (?P<claim>.+?) \| (?P<how>real|emulated|absent) \| (?P<note>.+?) \|$", re.M)
_BEGIN, _END = "<!-- counts -->", "<!-- /counts -->"


def page(text: str) -> str:
    """The page with its rows counted, under each heading and in all."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{_table(after)}\n{_END}{after}"


def _table(rows: str) -> str:
    lines = ["| Claims about | Real | Emulated | Absent |", "| --- | --- | --- | --- |"]
    for chapter in re.split(r"^## ", rows, flags=re.M)[1:]:
        title, _, body = chapter.partition("\n")
        if not ROW.search(body):
            continue
        anchor = re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        lines.append(_line(f"[{title}](#{anchor})", body))
    return "\n".join([*lines, _line("**all**", rows)])


def _line(title: str, rows: str) -> str:
    counted = Counter(row["how"] for row in ROW.finditer(rows))
    return f"| {title} | {counted['real']} | {counted['emulated']} | {counted['absent']} |"
