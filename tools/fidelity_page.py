"""Counts the claims of docs/fidelity.md, at its top."""

import re
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "fidelity.md"
_BEGIN, _END = "<!-- counts -->\n", "<!-- /counts -->"
_ROW = re.compile(r"^\| .+? \| (real|emulated|absent) \| .+ \|$", re.M)


def page(text: str) -> str:
    """The page with its counts as they are."""
    counts = Counter(_ROW.findall(text))
    said = ", ".join(f"{counts[how]} {how}" for how in ("real", "emulated", "absent"))
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}{counts.total()} claims: {said}.\n{_END}{rest.partition(_END)[2]}"
