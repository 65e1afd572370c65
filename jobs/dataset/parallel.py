"""One pass over a large file by every core: each takes a part, and the parts are put together."""

import os
import pickle
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from jobs.dataset.lines import line_starts
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
    ranges = parts_of(path, processes=processes)

    def part(index: int) -> Tally:
        start, end = ranges[index]
        with open_regular(path) as file:
            return lint(file, wish, start=start, end=end)

    if len(ranges) == 1:
        return part(0)
    return _together(in_processes(part, len(ranges)), wish)


def parts_of(
    path: str | os.PathLike[str], *, processes: int | None = None
) -> list[tuple[int, int | None]]:
    """The byte ranges that a file is worth being cut into: one for each process."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        cores = processes or (_cores() if size > LARGE_BYTES else 1)
        cuts = line_starts(file, size, cores) if cores > 1 else [0]
    return list(zip(cuts, [*cuts[1:], None], strict=True))


def in_processes(work: Callable[[int], R], count: int) -> list[R]:
    """`work(0) … work(count - 1)`, each in a process of its own, the last in this one.

    Plain forks and pipes: importing multiprocessing takes as long as linting 20 MB. A process that
    dies takes nothing with it: its part is done here.
    """
    children: list[tuple[int, BinaryIO]] = []
    for index in range(count - 1):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # pragma: no cover  (the child's lines are not seen by the tracer)
            code = 1
            try:
                os.close(reader)
                with os.fdopen(writer, "wb") as pipe:
                    pickle.dump(work(index), pipe, protocol=5)
                code = 0
            finally:
                os._exit(code)
        os.close(writer)
        children.append((child, os.fdopen(reader, "rb")))
    last = work(count - 1)
    results: list[R] = []
    for index, (child, pipe) in enumerate(children):
        with pipe:
            sent = pipe.read()
        _, status = os.waitpid(child, 0)
        # Our own child wrote it, so unpickling it is safe.
        results.append(pickle.loads(sent) if status == 0 else work(index))
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
