"""Every file of a new repository, and writing them where none of them is."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from jobs.errors import UsageError
from jobs.files import whole_file
from jobs.repository.stack import stack_file
from jobs.repository.wanted import Wanted

_HERE = Path(__file__).parent
_OWN = _HERE / "files"
# This project's own, which its tests rehearse: beside the files in a wheel, else in the checkout.
_GITHUB = _HERE / "github" if (_HERE / "github").is_dir() else _HERE.parents[1] / ".github"
_WORKFLOWS = (
    "actions/foundry-tune/action.yml",
    "workflows/foundry-tune-merge.yml",
    "workflows/foundry-tune-nightly.yml",
    "workflows/foundry-tune-plan.yml",
)
# What git and Python must not take for this project's own is called otherwise here.
_CALLED = {
    "gitignore": ".gitignore",
    "environment/__main__": "environment/__main__.py",
    "policy-pack/__main__": "policy-pack/__main__.py",
}


def files(wanted: Wanted) -> dict[str, bytes]:
    """What the repository holds, by path."""
    found = {
        _CALLED.get(name := path.relative_to(_OWN).as_posix(), name): path.read_bytes()
        for path in sorted(_OWN.rglob("*"))
        if path.is_file()
    }
    found |= {f".github/{name}": (_GITHUB / name).read_bytes() for name in _WORKFLOWS}
    found[f"Pulumi.{wanted.stack}.yaml"] = stack_file(wanted).encode()
    words = {
        "repository": wanted.called,
        "name": wanted.name,
        "stack": wanted.stack,
        "location": wanted.location,
        "version": version("foundry-tune"),
        "rehearsal": "".join(_rehearsal(wanted)),
    }
    for word, value in words.items():
        token = f"@{word}@".encode()
        found = {path: text.replace(token, value.encode()) for path, text in found.items()}
    return dict(sorted(found.items()))


def _rehearsal(wanted: Wanted) -> Iterator[str]:
    """What is typed in the emulator's shell; its developer fine-tunes as one of the group."""
    yield f"    pulumi stack select --create {wanted.stack} && pulumi up --yes\n"
    if wanted.group:
        yield f"    foundry-emulator group add {wanted.group}\n"
        yield "    foundry-tune apply specs\n"


def write(folder: Path, wanted: Wanted) -> list[str]:
    """Write the repository into a folder, which is made if need be; the paths written.

    Raises:
        UsageError: A file of it is there already (nothing was written then), or one can't be.
    """
    content = files(wanted)
    taken = [path for path in content if (folder / path).is_symlink() or (folder / path).exists()]
    if taken:
        raise UsageError(
            f"{folder} has {', '.join(taken)} already, and nothing is overwritten; nothing was "
            "written.",
            next_step="Name a new folder, or move these away: foundry-tune init NEW-FOLDER …",
        )
    written: list[Path] = []
    try:
        for path, text in content.items():
            _write(folder / path, text)
            written.append(folder / path)
    except UsageError:
        for path in written:  # a repository is there as a whole or not at all
            path.unlink(missing_ok=True)
        raise
    return list(content)


def _write(target: Path, text: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{target.parent} can't be made: {error.strerror}.", next_step="Name another folder."
        ) from error
    with whole_file(target) as output:
        output.write(text)
