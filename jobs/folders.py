"""Folders as they are sent to Azure: their files in order, and one hash of all that is in them.

Which files those are is azure-ai-ml's rule (1.35.2, `_utils/_asset_utils.py`): all that the
folder's own `.amlignore` doesn't name, or its `.gitignore` where there is none; links are followed.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jobs.files import Digest, UnreadableFileError, digest_of, open_regular

LEFT_OUT = frozenset({"__pycache__", ".git"})
"""Never sent: what running the code leaves must not make another revision of it."""

MAX_FILES = 10_000
_IGNORE_FILES = (".amlignore", ".gitignore")


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of a folder that is sent."""

    name: str
    """Below the folder, with slashes."""
    path: Path
    digest: Digest


@dataclass(frozen=True)
class Folder:
    """A folder, or a file alone, with the content of all that is sent of it."""

    path: Path
    files: tuple[FolderFile, ...]
    """In the order of their names."""

    @cached_property
    def sha256(self) -> str:
        """The hash of every name with its content: another name or byte is another folder."""
        return hash_of({file.name: file.digest.sha256 for file in self.files})

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.digest.size for file in self.files)

    @property
    def digest(self) -> Digest:
        """Its hash as a file has one; there is no MD5 of it."""
        return Digest(self.sha256, b"", self.size)


def hash_of(files: Mapping[str, str]) -> str:
    """The hash of a folder, by the hash of each of its files."""
    named = sorted(files.items())
    return hashlib.sha256(json.dumps(named, ensure_ascii=True).encode()).hexdigest()


def folder_of(path: Path) -> Folder:
    """What would be sent of a folder, or of one file, every byte of it read.

    Raises:
        UnreadableFileError: Something of it can't be read, or there is nothing to send.
    """
    return Folder(
        path,
        tuple(FolderFile(name, file, _digest(file, name)) for name, file in sent_of(path)),
    )


def sent_of(path: Path) -> list[tuple[str, Path]]:
    """The files that would be sent, by their names below the folder; nothing of them is read.

    Raises:
        UnreadableFileError: There is no such folder or file, nothing to send, or far too much.
    """
    if not path.is_dir():
        open_regular(path).close()
        return [(path.name, path)]
    is_ignored = _ignored(path)
    found: list[tuple[str, Path]] = []
    for name, file in _walk(path, "", (os.path.realpath(path),)):
        if is_ignored(name):
            continue
        found.append((name, file))
        if len(found) > MAX_FILES:
            raise UnreadableFileError(
                f"more than {MAX_FILES:,} files would be sent; name what is none of it in "
                ".amlignore"
            )
    if not found:
        raise UnreadableFileError("nothing in it would be sent: it is empty, or all is ignored")
    return sorted(found)


def _walk(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UnreadableFileError(f"'{prefix or folder}' can't be listed") from error
    for entry in entries:
        if entry.name in LEFT_OUT:
            continue
        name, path = f"{prefix}{entry.name}", Path(entry.path)
        if not entry.is_dir():
            yield name, path
            continue
        real = os.path.realpath(path)
        if real in above:
            raise UnreadableFileError(f"its link '{name}' goes in a circle")
        yield from _walk(path, f"{name}/", (*above, real))


def _ignored(folder: Path) -> Callable[[str], bool]:
    """Whether a file's name is one that the folder's ignore file names; the last pattern wins."""
    # Tens of milliseconds, and most specs have no folder.
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    file = next((folder / name for name in _IGNORE_FILES if (folder / name).exists()), None)
    if file is None:
        return lambda _: False
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        patterns = [GitIgnoreSpecPattern(line.rstrip()) for line in lines]
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"its {file.name} can't be read") from error

    def is_ignored(name: str) -> bool:
        matched = False
        for pattern in patterns:
            if pattern.include is not None and pattern.match_file(name) is not None:
                matched = pattern.include
        return matched

    return is_ignored


def _digest(file: Path, name: str) -> Digest:
    try:
        return digest_of(file)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"'{name}': {error}") from error
