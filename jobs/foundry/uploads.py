# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# azure-storage-blob's lists are untyped.
"""Folders in a project's store: all files that belong there, and no other.

A folder's name is the hash of all that is in it, and what a job finds there it runs or learns from.
So a file that nobody sent is as wrong as one with other content.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jobs.errors import RemoteError
from jobs.folders import Folder, FolderFile, hash_of
from jobs.foundry import blobs
from jobs.foundry.blobs import Outcome
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session
from jobs.side_by_side import Pool

_AT_ONCE = 4


def path_of(folder: Folder) -> str:
    """Where a folder lies in the store."""
    return f"{blobs.FOLDER}/{folder.sha256}"


def upload(
    session: Session,
    datastore: Datastore,
    folder: Folder,
    told: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    by_content: bool = False,
) -> Outcome:
    """Bring a folder to the datastore, as far as it isn't there.

    What is there is held against each file's digest; `by_content` downloads it for that. `told`
    hears of the bytes done and all of them.

    Raises:
        InvalidInputError: A file isn't any more what was hashed; it was not sent.
        RemoteError: A file lies there that nobody sent, or what was sent reads back otherwise.
    """
    doing = f"upload to storage account '{datastore.account}'"
    with blobs.opened_container(session, datastore, doing) as container:
        there = _there(container, folder)
        left = [file for file in folder.files if not _holds(container, there, file, by_content)]
        if not left:
            return "there"
        healed = any(file.name in there for file in left)
        done = [0]

        def send(file: FolderFile) -> None:
            blob = container.get_blob_client(f"{path_of(folder)}/{file.name}")
            blobs.send(blob, file.path, file.digest, lambda _done, _total: None)
            done[0] += file.digest.size
            told(done[0], sum(one.digest.size for one in left))

        with Pool(_AT_ONCE) as pool:
            pool.map(send, left)
        there = _there(container, folder)
        for file in left:
            if not _holds(container, there, file, by_content):
                raise RemoteError(
                    f"The upload of {file.path} reads back as something else.",
                    next_step="Run the same command again.",
                )
    return "healed" if healed else "uploaded"


def uploaded(session: Session, datastore: Datastore, folder: Folder) -> str:
    """The hash of what lies where a folder belongs, every byte of it downloaded; empty for nothing.

    It is the folder's own where all that was sent is there, and nothing else.
    """
    doing = f"read storage account '{datastore.account}'"
    start = f"{path_of(folder)}/"
    with blobs.opened_container(session, datastore, doing) as container:
        there = {
            str(one.name).removeprefix(start): blobs.sha256_of(container.get_blob_client(one.name))
            for one in container.list_blobs(start)
        }
    return hash_of(there) if there else ""


def _there(container: Any, folder: Folder) -> Mapping[str, Any]:
    """The files that lie there, by their names in the folder."""
    start = f"{path_of(folder)}/"
    found = {one.name.removeprefix(start): one for one in container.list_blobs(start)}
    own = {file.name for file in folder.files}
    if strange := sorted(found.keys() - own):
        raise RemoteError(
            f"'{container.container_name}/{start}{strange[0]}' lies among the files of "
            f"{folder.path}, and foundry-tune didn't put it there.",
            next_step="A job would find it there. Delete it, and ask who may write there.",
        )
    return found


def _holds(container: Any, there: Mapping[str, Any], file: FolderFile, by_content: bool) -> bool:
    found = there.get(file.name)
    if found is None or found.size != file.digest.size:
        return False
    md5 = found.content_settings.content_md5
    if md5 and not by_content:
        return bytes(md5) == file.digest.md5
    blob = container.get_blob_client(found.name)
    return blobs.sha256_of(blob) == file.digest.sha256
