"""The spec files that a command line names."""

from argparse import Namespace
from pathlib import Path

from jobs.errors import UsageError


def spec_paths(arguments: Namespace) -> list[str]:
    """The spec files of a command line, each once; a folder stands for those in it.

    Raises:
        UsageError: There is none.
    """
    paths: dict[str, None] = {}
    for name in (*arguments.specs, *arguments.file):
        found = [name]
        if (folder := Path(name)).is_dir():
            inside = sorted(folder.iterdir())
            found = [str(file) for file in inside if file.suffix in (".yaml", ".yml")]
        if not found:
            raise UsageError(f"{name} holds no spec, no .yaml file.")
        paths |= dict.fromkeys(found)
    if not paths:
        raise UsageError(
            "No spec file is named.", next_step="Name one: jobs/specs/xbox-support.yaml"
        )
    return list(paths)
