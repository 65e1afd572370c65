"""What a command job reads, brought into folders of its own: its code, its data, its models."""

from pathlib import Path

from emulator.services.machinelearningservices import blobs, data_paths
from emulator.services.machinelearningservices.command import DIRECT, LITERAL, READ_ONLY, Input
from emulator.services.machinelearningservices.data_paths import BlobPath
from emulator.services.machinelearningservices.references import RegistryModel, parse
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.training_input import MAX_BYTES
from emulator.state.cloud import Cloud
from emulator.state.errors import not_emulated
from emulator.state.store import Resource


def place_of(cloud: Cloud, project: Resource, given: Input) -> BlobPath | None:
    """Where an input lies; None for a value, and for what the job opens by itself.

    Raises:
        AzureError: it isn't there, or no emulated storage has it.
    """
    if given.kind == LITERAL or given.mode == DIRECT:
        return None
    uri = given.value or ""
    reference = parse(uri)
    if isinstance(reference, RegistryModel):
        raise not_emulated(
            f"the weights of '{uri}'", "The emulator has no registry's files; use a model of yours."
        )
    if reference is None and "://" in uri:
        raise not_emulated(
            f"inputs from '{uri}'", "A job reads from the emulated storage; upload the data."
        )
    place = data_paths.locate(cloud, project, uri, given.asset)
    if not has_content(cloud, place):
        raise user_error(
            f"'{uri}' can't be read: there is nothing at '{place.path}' in the container "
            f"'{place.container}' of the storage account '{place.account.name}'.",
            inner="DataNotFound",
        )
    if given.kind == "uri_file" and not is_file(cloud, place):
        raise user_error(f"'{uri}' is a folder; the input is a uri_file.", inner="DataTypeMismatch")
    if given.kind in ("uri_folder", "mltable", "mlflow_model") and not _inside(cloud, place):
        raise user_error(
            f"'{uri}' is a file; the input is a {given.kind}.", inner="DataTypeMismatch"
        )
    return place


def fetch(cloud: Cloud, project: Resource, given: Input, directory: Path) -> str | None:
    """What the command sees of an input: the value, the reference, or a path below `directory`."""
    place = place_of(cloud, project, given)
    if place is None:
        return given.value
    arrived = fetch_place(cloud, place, directory)
    if given.mode == READ_ONLY:
        for file in [arrived] if arrived.is_file() else arrived.rglob("*"):
            if file.is_file():
                file.chmod(0o444)
    return str(arrived)


def fetch_place(cloud: Cloud, place: BlobPath, directory: Path) -> Path:
    """Write a blob, or what lies below a folder, into a directory; gives its path there."""
    directory.mkdir(parents=True)
    if is_file(cloud, place):
        file = directory / place.path.rsplit("/", 1)[-1]
        _write(cloud, place, place.path, file)
        return file
    prefix = _prefix(place)
    root = directory.resolve()
    for path in _inside(cloud, place):
        file = (directory / path.removeprefix(prefix)).resolve()
        if not file.is_relative_to(root) or file == root:
            raise user_error(f"The blob '{path}' has a name that leads out of its folder.")
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(cloud, place, path, file)
    return directory


def has_content(cloud: Cloud, place: BlobPath) -> bool:
    """Whether there is a blob, or anything below a folder."""
    return is_file(cloud, place) or bool(_inside(cloud, place))


def _write(cloud: Cloud, place: BlobPath, path: str, file: Path) -> None:
    content = blobs.read(cloud, place.account, place.container, path)
    if len(content) > MAX_BYTES:
        raise not_emulated(f"a file of more than 512 MB ('{path}')", "Use a smaller one.")
    file.write_bytes(content)


def is_file(cloud: Cloud, place: BlobPath) -> bool:
    """Whether a place is one blob, and no folder."""
    return bool(place.path) and blobs.exists(cloud, place.account, place.container, place.path)


def _inside(cloud: Cloud, place: BlobPath) -> list[str]:
    prefix = _prefix(place)
    found = blobs.listing(cloud, place.account, place.container, prefix)
    # A name that ends with a slash is a folder's marker.
    return [path for path in found if path != prefix and not path.endswith("/")]


def _prefix(place: BlobPath) -> str:
    folder = place.path.strip("/")
    return f"{folder}/" if folder else ""
