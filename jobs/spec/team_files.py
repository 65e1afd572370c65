"""Files that a team writes once, found from every spec below them, each one typed document."""

import os
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import TypeVar

import msgspec

from jobs.files import UnreadableFileError, folders_above, read_bounded
from jobs.findings import Finding
from jobs.spec.places import finding_at, found_in
from jobs.spec.reader import MAX_BYTES, Problem, Tree, read
from jobs.spec.shape import fit, fit_rest
from jobs.values import mapping

S = TypeVar("S", bound=msgspec.Struct)


def above(start: FilePath, name: str) -> Iterator[str]:
    """The files of a name above a spec's folder as messages name them, the nearest first.

    The repository's root is the last folder looked at, and your home where there is no repository.
    A folder that everybody shares, as /tmp, ends the way too: what is there would be anybody's.
    """
    for folder in folders_above(start.resolve()):
        found = folder / name
        if os.path.lexists(found):
            yield str(found) if start.is_absolute() else os.path.relpath(found)
        if os.path.lexists(folder / ".git") or folder == FilePath.home():
            return


def read_team_file(
    file: str, model: type[S], what: str, fields: str, another: str
) -> tuple[Tree | None, S | None, list[Finding]]:
    """The file's document, and everything that keeps it from being one.

    Where something does, what fits is given all the same, so that the rest is looked at too.

    `what` and `fields` are for messages: "a price list", "as_of: and models:"; `another` is the
    rule against a second document.
    """
    try:
        trees, problems = read(read_bounded(file, MAX_BYTES))
    except UnreadableFileError as error:
        problem = Problem("FT-S009", 0, 0, "", f"can't be read: {error}.")
        return None, None, [found_in(file, problem)]
    findings = [found_in(file, problem) for problem in problems]
    documents = [tree for tree in trees if tree.value is not None]
    findings += [
        finding_at(file, tree, another, (), f"{what} is one document, and this is another.")
        for tree in documents[1:]
    ]
    if not documents:
        if not problems:
            message = f"nothing is in it. Write {fields}."
            findings.append(found_in(file, Problem("FT-S010", 1, 1, "", message)))
        return None, None, findings
    tree = documents[0]
    if mapping(tree.value) is None:
        message = f"{what} is a mapping: {fields}."
        return None, None, [*findings, finding_at(file, tree, "FT-S010", (), message)]
    written, misfits = fit(tree.value, model)
    findings += [
        finding_at(file, tree, one.rule, one.path, one.message, at_key=one.at_key)
        for one in misfits
    ]
    return tree, written or fit_rest(tree.value, model, misfits), findings
