"""Opening what a user names: regular files only, and a refusal in words instead of an OSError.

What was looked at is told from what is there now by its digest, or, cheaper, by its stamp.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from jobs.errors import InvalidInputError, UsageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_WORDS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "you may not read it",
    errno.EPERM: "you may not read it",
    errno.ELOOP: "its symbolic links go in a circle",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EISDIR: "it is a folder",
}


_PIECE = 1 << 16


class UnreadableFileError(Exception):
    """The file can't be read; the message says why, in half a sentence."""


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """The file, opened for reading bytes without a buffer of its own.

    A device, a FIFO or a socket is refused: reading one would block, or never end.

    Raises:
        UnreadableFileError: It can't be opened, or is not a regular file.
    """
    try:
        # O_NONBLOCK: opening a FIFO would otherwise wait for a writer before we can look at it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableFileError(_in_words(error)) from error
    except ValueError as error:  # a NUL in the name
        raise UnreadableFileError("the name holds a NUL character") from error
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return _Regular(descriptor, "rb")
    os.close(descriptor)
    raise UnreadableFileError(f"it is {_kind(kind)}, not a file")


class _Regular(FileIO):
    """A file whose reading fails in words too: a disk error, or a file of /proc that isn't one."""

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read into a buffer, as `FileIO` does."""
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise UnreadableFileError(_in_words(error)) from error

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes, as `FileIO` does."""
        try:
            return super().read(-1 if size is None else size)
        except OSError as error:
            raise UnreadableFileError(_in_words(error)) from error


def folders_above(start: Path) -> Iterator[Path]:
    """A folder and those above it, up to one that everybody shares, as /tmp.

    What lies there is anybody's: it must not decide where somebody else's work goes.
    """
    shared = stat.S_IWOTH | stat.S_ISVTX
    for folder in (start, *start.parents):
        try:
            if folder.stat().st_mode & shared == shared:
                return
        except OSError:
            pass  # nothing is found in it either
        yield folder


@contextmanager
def whole_file(target: Path, *, overwrite: bool = False) -> Generator[BinaryIO]:
    """A new file that is there as a whole or not at all, whatever ends the program meanwhile.

    Raises:
        UsageError: There is one already that may not be overwritten, or it can't be written.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        refuse_existing(target, overwrite=overwrite)
        with part.open("xb") as file:
            yield file
        refuse_existing(target, overwrite=overwrite)  # it may have come meanwhile
        part.replace(target)
    except OSError as error:
        raise UsageError(
            f"{target} can't be written: {error.strerror}.", next_step="Name another file."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def refuse_existing(target: Path, *, overwrite: bool) -> None:
    """Refuse to write over what is there.

    Raises:
        UsageError: There is a file, and it may not be overwritten; or it is no file at all.
    """
    if target.is_file() and overwrite:
        return
    if target.exists():
        raise UsageError(
            f"{target} is there already; nothing is overwritten.",
            next_step="Name another file, or give --force if it may go.",
        )


def read_bounded(path: str | os.PathLike[str], limit: int) -> bytes:
    """The whole file, at most `limit` bytes of it.

    Raises:
        UnreadableFileError: It can't be read, or is longer than the limit.
    """
    with open_regular(path) as file:
        # Read and not fstat decides: files of /proc say that they are empty. Piece by piece, as
        # each read begins by making room for all that it was asked for.
        content = b""
        while len(content) <= limit and (more := file.read(min(_PIECE, limit + 1 - len(content)))):
            content += more
    if len(content) > limit:
        raise UnreadableFileError(f"it is longer than {limit:,} bytes")
    return content


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file holds, as hashes of its bytes."""

    sha256: str
    """Hexadecimal."""
    md5: bytes
    """Raw, as Azure Storage keeps it with a blob. It tells accidents apart, not attacks."""
    size: int


def digest_of(path: Path) -> Digest:
    """The hashes of a file, read in one pass.

    Raises:
        UnreadableFileError: It can't be read.
    """
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open_regular(path) as file:
        while piece := file.read(1 << 20):
            sha256.update(piece)
            md5.update(piece)
            size += len(piece)
    return Digest(sha256.hexdigest(), md5.digest(), size)


class Stamp(NamedTuple):
    """What tells, without reading it, that a file was written to since: any write moves it."""

    size: int
    """Bytes."""
    modified: int
    """Nanoseconds."""
    changed: int
    """Nanoseconds; unlike `modified`, nobody can set it back."""
    inode: int


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file as it is now.

    Raises:
        UnreadableFileError: It isn't there, or may not be looked at.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise UnreadableFileError(_in_words(error)) from error
    except ValueError as error:  # a NUL in the name
        raise UnreadableFileError("the name holds a NUL character") from error
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def require_unmoved(path: Path, stamp: Stamp) -> None:
    """Refuse a file that was written to since its stamp was taken.

    Raises:
        InvalidInputError: It was, or it is gone.
    """
    try:
        now = stamp_of(path)
    except UnreadableFileError as error:
        raise changed(path) from error
    if now != stamp:
        raise changed(path)


def read_unchanged(path: Path, sha256: str) -> bytes:
    """A file's bytes, if they are still those that were looked at before.

    Raises:
        InvalidInputError: The file changed meanwhile, or can't be read any more.
    """
    try:
        with open_regular(path) as file:
            content = file.read()
    except (OSError, UnreadableFileError) as error:
        raise changed(path) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise changed(path)
    return content


def changed(path: Path) -> InvalidInputError:
    """The refusal of a file that isn't any more what was checked."""
    return InvalidInputError(
        f"{path} changed after it was checked, so it was not used.",
        next_step="Run the same command again: it checks the file as it is now.",
    )


def _in_words(error: OSError) -> str:
    return _WORDS.get(error.errno or 0) or (error.strerror or str(error)).lower()


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
