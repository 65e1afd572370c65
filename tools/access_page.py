"""docs/access.md: the table of role sets in it, from infra/role_sets.py."""

import re
from pathlib import Path

from infra import role_sets, roles

PAGE = Path(__file__).parents[1] / "docs" / "access.md"
_TABLE = re.compile(r"(?<=<!-- role sets -->\n).*?(?=<!-- /role sets -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with the table as the program has it."""
    return _TABLE.sub(lambda _: f"{_sets()}\n", text)


def _sets() -> str:
    """What each set of `access` is made of."""
    names = {guid: name for name, guid in roles.BUILT_IN.items()}
    lines = ["| | what | by |", "| --- | --- | --- |"]
    for each in role_sets.ROLE_SETS:
        custom = role_sets.CUSTOM.get(each)
        what = custom.description if custom else "Sees everything but keys; changes nothing."
        made_of = ["a custom role" if custom else names[roles.READER]]
        if data := role_sets.DATA.get(each):
            made_of.append(f"{names[data]} on the storage account")
        lines.append(f"| `{each}` | {what} | {'; '.join(made_of)} |")
    return "\n".join(lines)
