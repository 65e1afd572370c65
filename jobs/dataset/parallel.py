"""One pass over a large file by every core: each takes a part, and the parts are put together."""

import os
import pickle
from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol, Self, TypeVar

from jobs.dataset.conversations import Conversation
from jobs.dataset.lines import WHOLE, Stretch, cut
from jobs.dataset.lint import Tally, Wish, lint
from jobs.files import open_regular

LARGE_BYTES = 64 << 20
"""From this size on, more processes cost less than they gain."""


class Reader(Protocol):
    """Who reads the usable conversations of a part of a file."""

    def look_at(self, batch: Sequence[Conversation], /) -> None:
        """Take in the next ones; the lines of each part are numbered from 1."""
        ...

    def rest(self) -> None:
        """Let go of what is of no use when the part has been read."""
        ...

    def take(self, other: Self, lines_before: int, /) -> None:
        """Take in what was read of the next part; so many lines are before it."""
        ...


P = TypeVar("P")
R = TypeVar("R")
SomeReader = TypeVar("SomeReader", bound=Reader)


def lint_file(path: str | os.PathLike[str], wish: Wish, *, processes: int | None = None) -> Tally:
    """Pass over a file with as many processes as it is worth.

    Raises:
        UnreadableFileError: It can't be opened.
    """

    def work(part: Stretch) -> Tally:
        with open_regular(path) as file:
            return lint(file, wish, part)

    tally, *others = _over_parts(path, work, processes)
    for other in others:
        tally.take(other)
    return tally


def read_file(
    path: str | os.PathLike[str], wish: Wish, reader: Callable[[], SomeReader]
) -> tuple[Tally, SomeReader]:
    """The same pass, in which a reader for each part reads the texts too; both make up one.

    Raises:
        UnreadableFileError: It can't be opened.
    """

    def work(part: Stretch) -> tuple[Tally, SomeReader]:
        own = reader()
        with open_regular(path) as file:
            tally = lint(file, wish, part, own.look_at)
        own.rest()
        return tally, own

    (tally, first), *others = _over_parts(path, work)
    for more, other in others:
        first.take(other, tally.lines)
        tally.take(more)
    return tally, first


def over_pieces(pieces: Sequence[P], work: Callable[[P], R]) -> list[R]:
    """The work done on each piece, by every core where there are several."""
    cores = _cores()
    shares = [pieces[core::cores] for core in range(min(cores, len(pieces)))]
    done = _in_processes(lambda share: [work(piece) for piece in share], shares)
    return [done[place % cores][place // cores] for place in range(len(pieces))]


def _over_parts(
    path: str | os.PathLike[str], work: Callable[[Stretch], R], processes: int | None = None
) -> list[R]:
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        parts = cut(file, size, processes or (_cores() if size > LARGE_BYTES else 1))
    return _in_processes(work, parts if len(parts) > 1 else [WHOLE])


def _in_processes(work: Callable[[P], R], parts: Sequence[P]) -> list[R]:
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
    last = [work(part) for part in parts[-1:]]
    results: list[R] = []
    for part, (child, pipe) in zip(parts, children, strict=False):
        with pipe:
            sent = pipe.read()
        _, status = os.waitpid(child, 0)
        # Our own child wrote it, so unpickling it is safe.
        results.append(pickle.loads(sent) if status == 0 else work(part))
    return [*results, *last]


def _cores() -> int:
    try:
        return max(1, min(16, len(os.sched_getaffinity(0))))
    except AttributeError:  # not on every system
        return max(1, min(16, os.cpu_count() or 1))
