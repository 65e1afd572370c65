"""The spec files that a command line names."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import UsageError
from jobs.spec.policies import is_policy
from jobs.spec.prices import is_price_list


def spec_paths(arguments: Namespace) -> list[str]:
    """The spec files of a command line, each once; a folder stands for those in and below it.

    Raises:
        UsageError: There is none.
    """
    paths: dict[str, None] = {}
    for name in (*arguments.specs, *arguments.file):
        found = [name]
        if (folder := Path(name)).is_dir():
            found = sorted(_inside(folder))
        if not found:
            raise UsageError(f"{name} holds no spec, no .yaml file.")
        paths |= dict.fromkeys(found)
    if not paths:
        raise UsageError(
            "No spec file is named.", next_step="Name one: jobs/specs/xbox-support.yaml"
        )
    return list(paths)


def _inside(folder: Path) -> Iterator[str]:
    """The spec files in a folder and those below it; hidden folders are nobody's specs.

    A price list or a policy isn't one: it is read with the specs that it counts for.
    """
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.startswith(".") and not entry.is_symlink():
            yield from _inside(entry)
        elif entry.suffix in (".yaml", ".yml") and entry.is_file() and not _is_read_with(entry):
            yield str(entry)


def _is_read_with(file: Path) -> bool:
    """Whether a file is a team's, read with the specs that it counts for."""
    return is_price_list(file) or is_policy(file)
