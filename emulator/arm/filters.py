"""ARM's `$filter`, as its clients write it: comparisons and functions, joined by `and`."""

import re

from emulator.state.errors import bad_request, not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

TAGS = ("tagName", "tagValue")

_TERM = re.compile(
    r"\s*(?:(?P<name>[A-Za-z/]+)\s+eq\s+'(?P<value>(?:[^']|'')*)'"
    r"|(?P<function>[A-Za-z]+)\(\s*(?:'(?P<argument>(?:[^']|'')*)')?\s*\))\s*"
)
_AND = re.compile(r"and\s", re.IGNORECASE)
# What makes a filter one that ARM may know, beside what stands above.
_OTHER = re.compile(r"\b(or|not|ne|lt|gt|le|ge)\b|\(", re.IGNORECASE)


def terms(text: str, known: tuple[str, ...]) -> dict[str, str]:
    """What a filter asks for: `resourceType eq 'X'` and `assignedTo('Y')` by lower-case name.

    A function of `known` ends with `()`. Nothing is asked for twice.

    Raises:
        AzureError: it is no filter (400), or one that the emulator doesn't know (501).
    """
    found: dict[str, str] = {}
    position = 0
    names = {name.lower().removesuffix("()"): name for name in known}
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise _unknown(text, known) if _OTHER.search(text) else _malformed(text)
        name = str(match["name"] or match["function"])
        is_function = match["function"] is not None
        if names.get(name.lower(), "").endswith("()") is not is_function or name.lower() in found:
            raise _unknown(text, known)
        if name.lower() not in names:
            raise _unknown(text, known)
        found[name.lower()] = (match["value"] or match["argument"] or "").replace("''", "'")
        position = match.end()
        if position == len(text):
            break
        joint = _AND.match(text, position)
        if joint is None:
            raise _unknown(text, known) if _OTHER.search(text) else _malformed(text)
        position = joint.end()
        if not text[position:].strip():
            raise _malformed(text)
    return found


def has_tag(resource: Resource, wanted: dict[str, str]) -> bool:
    """Whether a resource has the tag of `tagName eq 'X' and tagValue eq 'Y'`, if that is asked."""
    if "tagname" not in wanted:
        return True
    tags: Json = resource.body.get("tags") or {}
    values = [text for name, text in tags.items() if name.lower() == wanted["tagname"].lower()]
    return wanted.get("tagvalue", values[0]) in values if values else False


def _unknown(text: str, known: tuple[str, ...]) -> Exception:
    written = ", ".join(name if name.endswith("()") else f"{name} eq '…'" for name in known)
    return not_emulated(f"the filter '{text}'", f"Known, joined by 'and': {written}.")


def _malformed(text: str) -> Exception:
    return bad_request(
        f"Invalid $filter '{text}' specified in the query string.", "InvalidFilterInQueryString"
    )
