"""One pass over a large file by every core: each takes a part, and the parts are put together."""

import os
import pickle
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeVar

from jobs.dataset.lines import WHOLE, Stretch, cut, numbered
from jobs.dataset.lint import Tally, Wish, lint
from jobs.dataset.remarks import Remarks
from jobs.files import open_regular

LARGE_BYTES = 64 << 20
"""From this size on, more processes cost less than they gain."""

R = TypeVar("R")


def lint_file(path: str | os.PathLike[str], wish: Wish, *, processes: int | None = None) -> Tally:
    """Pass over a file with as many processes as it is worth.

    Raises:
        UnreadableFileError: It can't be opened.
    """

    def work(part: Stretch) -> Tally:
        with open_regular(path) as file:
            return lint(file, wish, part)

    parts = _parts_of(path, processes)
    return work(WHOLE) if len(parts) == 1 else _together(_in_processes(work, parts), wish)


def over_parts(path: str | os.PathLike[str], work: Callable[[Stretch], R]) -> list[R]:
    """The work done on each part of a file, with as many processes as it is worth.

    Raises:
        UnreadableFileError: It can't be opened.
    """
    parts = _parts_of(path)
    if len(parts) == 1:
        return [work(WHOLE)]
    with open_regular(path) as file:
        return _in_processes(work, numbered(file, parts))


def _parts_of(path: str | os.PathLike[str], processes: int | None = None) -> list[Stretch]:
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        return cut(file, size, processes or (_cores() if size > LARGE_BYTES else 1))


def _in_processes(work: Callable[[Stretch], R], parts: Sequence[Stretch]) -> list[R]:
    """The work on each part in a process of its own, on the last in this one.

    Plain forks and pipes: importing multiprocessing takes as long as linting 20 MB. A process that
    dies takes nothing with it: its part is done here.
    """
    children: list[tuple[int, BinaryIO]] = []
    for part in parts[:-1]:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # pragma: no cover  (the child's lines are not seen by the tracer)
            code = 1
            try:
                os.close(reader)
                with os.fdopen(writer, "wb") as pipe:
                    pickle.dump(work(part), pipe, protocol=5)
                code = 0
            finally:
                os._exit(code)
        os.close(writer)
        children.append((child, os.fdopen(reader, "rb")))
    last = work(parts[-1])
    results: list[R] = []
    for part, (child, pipe) in zip(parts, children, strict=False):
        with pipe:
            sent = pipe.read()
        _, status = os.waitpid(child, 0)
        # Our own child wrote it, so unpickling it is safe.
        results.append(pickle.loads(sent) if status == 0 else work(part))
    return [*results, last]


def _together(parts: list[Tally], wish: Wish) -> Tally:
    whole = Tally(Remarks(wish.limit))
    for part in parts:
        whole.remarks.take(part.remarks, whole.lines)
        before = whole.lines
        whole.hashes.extend(part.hashes)
        whole.hashed_lines.extend(
            [line + before for line in part.hashed_lines] if before else part.hashed_lines
        )
        whole.lines += part.lines
    return whole


def _cores() -> int:
    try:
        return max(1, min(16, len(os.sched_getaffinity(0))))
    except AttributeError:  # not on every system
        return max(1, min(16, os.cpu_count() or 1))
