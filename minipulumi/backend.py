"""The `file://` backend: where a stack's checkpoint, history, backups and lock files lie."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import os
import shutil
import socket
import sys
import time
import uuid
from argparse import Namespace
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from minipulumi.errors import NO_STACK, PulumiError, Refused
from minipulumi.project import Project, load_project, pulumi_home, read_json, selected_stack
from minipulumi.resources import now
from minipulumi.values import Props


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of one project, in its backend."""

    project: Project
    url: str
    name: str

    @property
    def file(self) -> Path:
        """The checkpoint: its current state."""
        return self._place("stacks").parent / f"{self.name}.json"

    @property
    def settings_file(self) -> Path:
        """Pulumi.<stack>.yaml."""
        return self.project.file.with_name(f"Pulumi.{self.name}.yaml")

    @property
    def locks(self) -> Path:
        """The folder of its lock files."""
        return self.folder / "locks" / "organization" / self.project.name / self.name

    @property
    def folder(self) -> Path:
        """The backend's folder."""
        path = Path(unquote(self.url.removeprefix("file://").split("?")[0])).expanduser()
        return self.project.root / path / ".pulumi"

    def siblings(self) -> list[str]:
        """The names of all of the project's stacks."""
        return sorted(file.stem for file in self.file.parent.glob("*.json"))

    def record(self, entry: Props) -> None:
        """Writes the history entry of a finished operation, and its backups of the state."""
        stamp = time.time_ns()
        history, backups = self._place("history"), self._place("backups")
        for folder in (history, backups):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.file, history / f"{self.name}-{stamp}.checkpoint.json")
        shutil.copyfile(self.file, backups / f"{self.name}.{stamp}.json")
        text = json.dumps(entry, indent=4)
        (history / f"{self.name}-{stamp}.history.json").write_text(text, encoding="utf-8")

    def last_update(self) -> float | None:
        """When the last operation ended."""
        entries = sorted(self._place("history").glob("*.history.json"))
        return read_json(entries[-1]).get("endTime") if entries else None

    def remove(self) -> None:
        """Deletes its state and history; backups stay, as with the real CLI."""
        for file in self.file.parent.glob(f"{self.name}.json*"):
            file.unlink()
        shutil.rmtree(self._place("history"), ignore_errors=True)

    @contextmanager
    def lock(self) -> Generator[None]:
        """Holds the stack's lock; refuses with the holder's name if somebody else has it."""
        self.locks.mkdir(parents=True, exist_ok=True)
        mine = self.locks / f"{uuid.uuid4()}.json"
        user = os.environ.get("USER") or str(os.getuid())  # a container's may have no name
        owner = {"pid": os.getpid(), "username": user, "hostname": socket.gethostname()}
        mine.write_text(json.dumps({**owner, "timestamp": now()}), encoding="utf-8")
        try:
            # Written first and looked for afterwards: of two at once, at least one sees the other.
            if others := [file for file in sorted(self.locks.glob("*.json")) if file != mine]:
                raise PulumiError(self._locked_by(others))
            yield
        finally:
            try:
                mine.unlink()
            except FileNotFoundError:
                sys.stderr.write(
                    f"error: there was a problem deleting the lock at {mine}: it is gone. Somebody"
                    " ran `pulumi cancel` meanwhile, so another update may have run beside this"
                    " one\n"
                )

    def _locked_by(self, others: list[Path]) -> str:
        lines = [
            f"the stack is currently locked by {len(others)} lock(s). Either wait for the other"
            " process(es) to end or delete the lock file with `pulumi cancel`."
        ]
        for file in others:
            holder = read_json(file)
            who = f"{holder.get('username')}@{holder.get('hostname')} (pid {holder.get('pid')})"
            when = f"{str(holder.get('timestamp'))[:19]}Z"
            lines.append(f"  file://{file}: created by {who} at {when}")
        return "\n".join(lines)

    def _place(self, kind: str) -> Path:
        return self.folder / kind / self.project.name / self.name


def open_stack(arguments: Namespace, name: str | None = None, *, exists: bool = True) -> Stack:
    """Finds the stack that a command names, or else the one that is selected."""
    project = load_project(Path(arguments.cwd))
    named = name or arguments.stack or selected_stack(project) or ""
    short = named.removeprefix("organization/").removeprefix(f"{project.name}/")
    stack = Stack(project, _backend(), short)
    if "/" in stack.name:
        raise Refused(f"a stack of another owner or project ('{named}')")
    meta = stack.folder / "meta.yaml"
    if not meta.exists():
        stack.folder.mkdir(parents=True, exist_ok=True)
        meta.write_text("version: 1\n", encoding="utf-8")
    elif "version: 1" not in meta.read_text(encoding="utf-8"):
        raise Refused(f"the version of the backend in {meta}")
    if exists and not stack.name:
        raise PulumiError(
            "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose"
            " one"
        )
    if stack.name and stack.file.with_suffix(".json.gz").exists():
        raise Refused(f"compressed state ({stack.name}.json.gz)")
    if exists and not stack.file.exists():
        make = f"make it with `pulumi stack select --create {stack.name}`"
        raise PulumiError(f"no stack named '{stack.name}' found; {make}", NO_STACK)
    return stack


def _backend() -> str:
    """The backend that the environment or `pulumi login` names."""
    url = os.environ.get("PULUMI_BACKEND_URL") or read_json(_credentials()).get("current")
    if not url:
        raise PulumiError(
            "no backend: set PULUMI_BACKEND_URL=file://<folder>, or run `pulumi login --local`"
        )
    if not url.startswith("file://"):
        raise Refused(f"the backend '{url}'")
    return url


def login(arguments: Namespace) -> int:
    """`pulumi login --local`: remembered in the file where the real CLI keeps it."""
    if not arguments.local:
        raise Refused(
            "the Pulumi Cloud; use `pulumi login --local`, or PULUMI_BACKEND_URL=file://…"
        )
    file = _credentials()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**read_json(file), "current": "file://~"}), encoding="utf-8")
    sys.stdout.write("Logged in to file://~\n")
    return 0


def _credentials() -> Path:
    return pulumi_home() / "credentials.json"
