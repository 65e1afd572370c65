"""A training as the command job that is planned, exported and run for it, with its code on disk."""

from dataclasses import replace
from pathlib import Path

from jobs.errors import UsageError
from jobs.files import UnreadableFileError
from jobs.read.program import code_of, lock
from jobs.spec.lowering import command_of
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob


def lowered(chapter: Chapter, code: Path) -> Chapter:
    """The chapter with the command job in the training's place; any other as it is.

    `code` is where `write_code` puts what the job runs.
    """
    if not isinstance(chapter.spec, TrainingJob):
        return chapter
    command = command_of(chapter.spec, code=str(code.absolute()), lock=lock())
    return replace(chapter, spec=command)


def write_code(chapter: Chapter, spec: TrainingJob, folder: Path) -> Path:
    """Writes what the job runs into a folder, which it gives back.

    Raises:
        UsageError: A file of the user's own can't be read.
    """
    try:
        files = code_of(chapter, spec)
    except UnreadableFileError as error:
        raise UsageError(f"{chapter.reference}: {error}.") from error
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder
