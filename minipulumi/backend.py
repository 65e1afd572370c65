"""The `file://` backend: where a stack's checkpoint, history, backups and lock files lie."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import getpass
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from minipulumi.errors import NO_STACK, PulumiError, Refused
from minipulumi.project import Project, pulumi_home
from minipulumi.values import Props


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend folder, seen from one project."""

    url: str
    folder: Path  # the .pulumi folder
    project: str

    def checkpoint(self, stack: str) -> Path:
        """The stack's current state."""
        return self.folder / "stacks" / self.project / f"{stack}.json"

    def require(self, stack: str) -> Path:
        """The checkpoint of a stack that exists."""
        if not self.checkpoint(stack).exists():
            if self.checkpoint(stack).with_suffix(".json.gz").exists():
                raise Refused(f"compressed state ({stack}.json.gz)")
            raise PulumiError(f"no stack named '{stack}' found", NO_STACK)
        return self.checkpoint(stack)

    def stacks(self) -> list[str]:
        """Names of the project's stacks."""
        folder = self.folder / "stacks" / self.project
        return sorted(p.stem for p in folder.glob("*.json")) if folder.is_dir() else []

    def prepare(self) -> None:
        """Makes the folder a backend: its version file."""
        meta = self.folder / "meta.yaml"
        if meta.exists():
            if "version: 1" not in meta.read_text(encoding="utf-8"):
                raise Refused(f"the version of the backend in {meta}")
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        meta.write_text("version: 1\n", encoding="utf-8")

    def record(self, stack: str, entry: Props) -> None:
        """Writes the history entry of a finished operation, and its backups of the state."""
        state, stamp = self.checkpoint(stack), time.time_ns()
        history = self.folder / "history" / self.project / stack
        backups = self.folder / "backups" / self.project / stack
        for folder in (history, backups):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(state, history / f"{stack}-{stamp}.checkpoint.json")
        shutil.copyfile(state, backups / f"{stack}.{stamp}.json")
        text = json.dumps(entry, indent=4)
        (history / f"{stack}-{stamp}.history.json").write_text(text, encoding="utf-8")

    def history(self, stack: str) -> list[Props]:
        """Past operations, newest first."""
        folder = self.folder / "history" / self.project / stack
        files = sorted(folder.glob("*.history.json"), reverse=True)
        return [json.loads(file.read_bytes()) for file in files]

    def remove(self, stack: str) -> None:
        """Deletes a stack's state and history; backups stay, as with the real CLI."""
        state = self.checkpoint(stack)
        for file in state.parent.glob(f"{stack}.json*"):
            file.unlink()
        shutil.rmtree(self.folder / "history" / self.project / stack, ignore_errors=True)

    def _locks(self, stack: str) -> Path:
        return self.folder / "locks" / "organization" / self.project / stack

    @contextmanager
    def lock(self, stack: str) -> Generator[None]:
        """Holds the stack's lock; refuses with the holder's name if somebody else has it."""
        folder = self._locks(stack)
        folder.mkdir(parents=True, exist_ok=True)
        mine = folder / f"{uuid.uuid4()}.json"
        stamp = f"{datetime.now(UTC).isoformat()[:-6]}Z"
        owner = {
            "pid": os.getpid(),
            "username": _user(),
            "hostname": socket.gethostname(),
        }
        mine.write_text(json.dumps({**owner, "timestamp": stamp}), encoding="utf-8")
        try:
            # Written first and looked for afterwards: of two at once, at least one sees the other.
            if others := [file for file in sorted(folder.glob("*.json")) if file != mine]:
                raise PulumiError(_locked(self.url, self.folder, others))
            yield
        finally:
            try:
                mine.unlink()
            except FileNotFoundError:
                _warn_lost_lock(mine)

    def cancel(self, stack: str) -> None:
        """Deletes every lock of the stack, whoever holds it."""
        for file in self._locks(stack).glob("*.json*"):
            with suppress(FileNotFoundError):
                file.unlink()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def open_backend(project: Project) -> Backend:
    """Opens the backend that the environment, Pulumi.yaml or `pulumi login` names."""
    url = os.environ.get("PULUMI_BACKEND_URL") or project.backend or _logged_in()
    if not url:
        raise PulumiError(
            "no backend: set PULUMI_BACKEND_URL=file://<folder>, or run `pulumi login --local`"
        )
    if not url.startswith("file://"):
        raise Refused(f"the backend '{url}'")
    path = Path(unquote(url.removeprefix("file://").split("?")[0])).expanduser()
    if not path.is_absolute():
        path = project.root / path
    backend = Backend(url, path / ".pulumi", project.name)
    backend.prepare()
    return backend


def login(url: str) -> None:
    """Remembers the backend in the file where the real CLI keeps it."""
    if not url.startswith("file://"):
        raise Refused(f"the backend '{url}'")
    file = pulumi_home() / "credentials.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(file.read_bytes()) if file.exists() else {}
    file.write_text(json.dumps({**known, "current": url}), encoding="utf-8")


def _logged_in() -> str:
    try:
        return str(
            json.loads((pulumi_home() / "credentials.json").read_bytes()).get("current") or ""
        )
    except (OSError, ValueError):
        return ""


def _locked(url: str, folder: Path, others: list[Path]) -> str:
    lines = [
        f"the stack is currently locked by {len(others)} lock(s). Either wait for the other"
        " process(es) to end or delete the lock file with `pulumi cancel`."
    ]
    for file in others:
        try:
            holder = json.loads(file.read_bytes())
        except (OSError, ValueError):
            holder = {}
        who = f"{holder.get('username')}@{holder.get('hostname')} (pid {holder.get('pid')})"
        place = f"{url.split('?')[0].rstrip('/')}/.pulumi/{file.relative_to(folder)}"
        lines.append(f"  {place}: created by {who} at {str(holder.get('timestamp'))[:19]}Z")
    return "\n".join(lines)


def _warn_lost_lock(file: Path) -> None:
    import sys

    sys.stderr.write(
        f"error: there was a problem deleting the lock at {file}: it is gone. Somebody ran"
        " `pulumi cancel` meanwhile, so another update may have run beside this one\n"
    )
