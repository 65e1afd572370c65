"""References between the documents of a story, `${{ type.name.attribute }}`, and their graph."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.spec.reader import Path
from jobs.values import placed_texts, texts

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "finetuning": ("registered_model",),
    "serverless_endpoint": ("name",),
    "online_endpoint": ("name",),
    "evaluation": (),
    "command": ("registered_model",),
    "training": ("registered_model",),
}
"""What can be asked of each kind of document."""

PLACES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("finetuning", "model"): ("finetuning", "registered_model"),
    ("serverless_endpoint", "model"): ("finetuning", "registered_model"),
    ("serverless_endpoint", "model_id"): ("finetuning", "registered_model"),
    ("online_endpoint", "model"): ("command", "registered_model"),
    ("evaluation", "endpoint"): ("serverless_endpoint", ""),
    ("evaluation", "base"): ("serverless_endpoint", ""),
    ("evaluation", "metrics.judge.endpoint"): ("serverless_endpoint", ""),
}
"""Where a reference may stand (a field, or the names on the way to it), and what it has to give
there (kind, attribute)."""

ALSO: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("online_endpoint", "model"): ("training",),
    ("evaluation", "endpoint"): ("online_endpoint",),
}
"""Where another kind of document may give it as well."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${{ … }}` of a document."""

    kind: str
    name: str
    attribute: str
    """Empty where the document itself is meant."""
    path: Path
    """The field that holds it."""

    @property
    def target(self) -> str:
        """The document it names: `finetuning.xbox-support`."""
        return f"{self.kind}.{self.name}"

    def __str__(self) -> str:
        attribute = f".{self.attribute}" if self.attribute else ""
        return f"${{{{ {self.target}{attribute} }}}}"


def parse(text: str, path: Path = ()) -> Reference | None:
    """The reference that a whole field is, or None where it is none or not well-formed."""
    match = _REFERENCE.fullmatch(text.strip())
    if match is None:
        return None
    kind, rest = match["kind"], match["rest"]
    name, dot, attribute = rest.rpartition(".")
    if not dot or attribute not in ATTRIBUTES.get(kind, ()):
        # A name may hold dots; only a known attribute is taken for one, unless a dot is left over.
        known = attribute if dot and attribute.isidentifier() and not name.endswith(".") else ""
        name, attribute = (name, known) if known else (rest, "")
    return Reference(kind, name, attribute, path)


def name_of(written: str) -> str:
    """The name of the document that a field means, by a reference or plainly."""
    reference = parse(written)
    return reference.name if reference else written


def texts_with_references(value: Any) -> Iterator[tuple[Path, str]]:
    """Every text in a document's plain values that holds `${{`."""
    # Most documents have none, and paths cost more than texts.
    if any("${{" in text for text in texts(value)):
        yield from (found for found in placed_texts(value) if "${{" in found[1])


def order(edges: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """The documents with what they need first, and one circle (`[a, b, a]`) if there is any."""
    done: dict[str, None] = {}
    open_path: list[str] = []

    def visit(node: str) -> list[str]:
        if node in done:
            return []
        if node in open_path:
            return [*open_path[open_path.index(node) :], node]
        open_path.append(node)
        for need in edges.get(node, ()):
            if circle := visit(need):
                return circle
        open_path.pop()
        done[node] = None
        return []

    for node in edges:
        if circle := visit(node):
            return list(done), circle
    return list(done), []


_REFERENCE = re.compile(r"\$\{\{\s*(?P<kind>[a-z_]+)\.(?P<rest>[A-Za-z0-9][A-Za-z0-9_.-]*)\s*\}\}")
