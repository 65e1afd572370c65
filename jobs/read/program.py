"""The training program as it is sent: its files, the user's own beside them, and its configuration.

`training/` is no package of ours but a program, found beside this one in a checkout and in a wheel.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from jobs.files import UnreadableFileError, read_bounded
from jobs.read.functions import split
from jobs.spec.lowering import CONFIG, config_of, own_functions
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob
from jobs.terminal.output import as_yaml

PROGRAM = Path(__file__).parents[2] / "training"
LOCK = "requirements.lock"
SCORE = "score.py"
"""The scoring script for what the program leaves: all that an online endpoint of one is sent."""

MOST_BYTES = 1 << 20
"""A Python file of the user's own."""


def program_files() -> Mapping[str, bytes]:
    """The files of the program by their names in the job's code."""
    paths = [PROGRAM / "train.py", PROGRAM / LOCK, *sorted((PROGRAM / "tuning").glob("*.py"))]
    return {path.relative_to(PROGRAM).as_posix(): path.read_bytes() for path in paths}


def lock() -> str:
    """What the program needs, every package with its version."""
    return (PROGRAM / LOCK).read_text(encoding="utf-8")


def code_of(chapter: Chapter, spec: TrainingJob) -> Mapping[str, bytes]:
    """Everything that the job's code consists of: the same for the same document, wherever it lies.

    Raises:
        UnreadableFileError: A file of the user's own can't be read.
    """
    files = dict(program_files())
    for written in own_functions(spec).values():
        path = own_file(chapter, written)
        if path is None:
            raise UnreadableFileError(f"'{written}' is no function of a file")
        files[path.name] = read_bounded(path, MOST_BYTES)
    files[CONFIG] = as_yaml(config_of(spec)).encode()
    return files


def own_file(chapter: Chapter, written: str) -> Path | None:
    """The file of `losses.py:mine`; None where it is none on this machine."""
    file, _ = split(written)
    return chapter.local_path(file) if file.endswith(".py") else None


def unsent(path: Path, tree: ast.Module, sent: Collection[str]) -> Iterator[tuple[int, str]]:
    """Modules beside a file that it imports and that would not be sent: the line, and the name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            continue
        for name in names:
            top = name.lstrip(".").partition(".")[0]
            beside = (path.parent / f"{top}.py", path.parent / top / "__init__.py")
            if name.startswith(".") or (f"{top}.py" not in sent and any(map(Path.is_file, beside))):
                yield node.lineno, name
