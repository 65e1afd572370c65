"""Opening what a user names: regular files only, and a refusal in words instead of an OSError."""

import errno
import os
import stat
from typing import BinaryIO

_WORDS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "you may not read it",
    errno.EPERM: "you may not read it",
    errno.ELOOP: "its symbolic links go in a circle",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EISDIR: "it is a folder",
}


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
        return open(descriptor, "rb", buffering=0)  # noqa: PTH123  (a descriptor, not a path)
    os.close(descriptor)
    raise UnreadableFileError(f"it is {_kind(kind)}, not a file")


def read_bounded(path: str | os.PathLike[str], limit: int) -> bytes:
    """The whole file, at most `limit` bytes of it.

    Raises:
        UnreadableFileError: It can't be read, or is longer than the limit.
    """
    with open_regular(path) as file:
        try:
            # Read and not fstat decides: files of /proc say that they are empty.
            content = file.read(limit + 1)
            while len(content) <= limit and (more := file.read(limit + 1 - len(content))):
                content += more
        except OSError as error:
            raise UnreadableFileError(_in_words(error)) from error
    if len(content) > limit:
        raise UnreadableFileError(f"it is longer than {limit:,} bytes")
    return content


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
