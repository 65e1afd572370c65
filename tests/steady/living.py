"""An emulator that stays, in a folder of its own: started, entered, measured, killed."""

import contextlib
import io
import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from azure.identity import ClientSecretCredential

from emulator.cli import main as foundry_emulator
from emulator.living.control import ask_at
from emulator.living.entering import environment_of
from emulator.rehearsal import session
from emulator.rehearsal.session import Session
from emulator.state.directory import holder
from tests.integration.emulator.machinelearningservices.conftest import Foundry, make_foundry

_SIGN_IN = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")


class Living:
    """One state folder, and whatever emulator has it. `temporary` is where its scratch lies."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.said = ""
        """What the last `start` told."""

    def start(self) -> bool:
        """`foundry-emulator start`, up to the moment that it is up; False where it ended before."""
        told = io.StringIO()
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(self.temporary)
        try:
            with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
                code = foundry_emulator(["start", "--state", str(self.state)])
        finally:
            os.environ.pop("TMPDIR")
            if before is not None:
                os.environ["TMPDIR"] = before
        self.said = told.getvalue()
        return code == 0

    def stop(self) -> None:
        """`foundry-emulator stop`."""
        with contextlib.redirect_stdout(io.StringIO()):
            foundry_emulator(["stop", "--state", str(self.state)])

    def kill(self) -> None:
        """SIGKILL, and wait for the folder to be nobody's."""
        process = holder(self.state)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        while holder(self.state) is not None:
            time.sleep(0.002)

    @property
    def session(self) -> Session:
        """How it is reached."""
        read = session.read(self.state)
        assert read is not None, "it has never been up"
        return read

    @property
    def process(self) -> int:
        """Its process."""
        found = holder(self.state)
        assert found is not None, "none is up"
        return found

    def foundry(self) -> Foundry:
        """A hub and a project in a subscription of its own; only where it is entered."""
        credentials = {"platform": credential("ARM"), "developer": credential("AZURE")}
        control = self.session.address.control
        subscription = ask_at(control, "POST", "/subscriptions", {"registered": None})["id"]
        return make_foundry(subscription, credentials)

    @contextmanager
    def entered(self) -> Generator[None]:
        """This process sees it as Azure."""
        before = dict(os.environ)
        try:
            _become(environment_of(self.session, before))
            yield
        finally:
            _become(before)

    def megabytes(self) -> float:
        """What its process holds of memory."""
        return int(self._status("VmRSS").split()[0]) / 1024

    def threads(self) -> int:
        """How many threads it has."""
        return int(self._status("Threads"))

    def left_behind(self) -> list[str]:
        """Processes that work in its scratch folders."""
        found: list[str] = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(self.temporary):
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(f"{process.name}: {line.decode(errors='replace')}")
        return found

    def _status(self, name: str) -> str:
        lines = Path(f"/proc/{self.process}/status").read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith(f"{name}:")).partition(":")[2]


def credential(prefix: str) -> ClientSecretCredential:
    """Who the environment says: ARM the platform team, AZURE the developer."""
    return ClientSecretCredential(*(os.environ[f"{prefix}_{name}"] for name in _SIGN_IN))


@contextmanager
def ended(living: Living) -> Generator[None]:
    """It is stopped at the end, whatever went wrong."""
    try:
        yield
    finally:
        living.stop()


def _become(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
