"""A project, a backend and a stand-in provider in a temporary folder; commands run in-process."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false
import contextlib
import functools
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from minipulumi import passphrase, plugins, program
from minipulumi.checkpoint import read_latest
from minipulumi.cli import main

DATA = Path(__file__).parents[2] / "data" / "pulumi"
ZYGOTE = Path(__file__).with_name("zygote.py")


class Forked:
    """A process that the zygote forked, with the part of Popen's face that minipulumi uses."""

    def __init__(
        self, zygote: "Zygote", kind: str, cwd: Path, environment: dict[str, str], words: list[str]
    ):
        read, in_read = os.pipe()
        out, out_write = os.pipe()
        self._exit, exit_write = os.pipe()
        ends = [read, out_write, exit_write]
        self.pid = zygote.fork(kind, cwd, environment, words, ends)
        for fd in ends:
            os.close(fd)
        self.stdin: Any = os.fdopen(in_read, "w")
        if kind == "dynamic":  # its port is read as bytes
            self.stdout: Any = os.fdopen(out, "rb")
        else:
            self.stdout = os.fdopen(out, "r", errors="replace")
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def communicate(self) -> None:
        self.wait()
        for stream in (self.stdin, self.stdout):
            stream.close()

    def poll(self) -> int | None:
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # the zygote has just seen it go
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout: float | None) -> int | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            with self._lock:
                if self.returncode is None and select.select([self._exit], [], [], 0)[0]:
                    self.returncode = int(os.read(self._exit, 64))
                    os.close(self._exit)
                    break
            if deadline is not None and time.monotonic() >= deadline:
                break
            time.sleep(0.005)
        return self.returncode


class Zygote:
    """The process that forks the others."""

    def __init__(self):
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(ZYGOTE), str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )

    def fork(
        self, kind: str, cwd: Path, environment: dict[str, str], words: list[str], fds: list[int]
    ) -> int:
        order = {"kind": kind, "cwd": str(cwd), "environment": environment, "words": words}
        socket.send_fds(self._socket, [json.dumps(order).encode()], fds)
        return int(self._socket.recv(64))

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@dataclass
class Outcome:
    code: int
    out: list[str]
    err: list[str]
    calls: list[dict[str, Any]]

    @property
    def text(self) -> str:
        return "\n".join(self.out)


@dataclass
class World:
    """One project with its backend, its provider's store and its log."""

    root: Path
    run: Callable[..., Outcome]
    faults: dict[str, Any] = field(default_factory=dict[str, Any])
    release: threading.Event = field(default_factory=threading.Event)  # ends a slow call

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def store(self) -> dict[str, Any]:
        file = self.root / "store.json"
        return json.loads(file.read_text()) if file.exists() else {}

    @store.setter
    def store(self, value: dict[str, Any]) -> None:
        (self.root / "store.json").write_text(json.dumps(value))

    def state_file(self, stack: str) -> Path:
        return self.root / "state" / ".pulumi" / "stacks" / "golden" / f"{stack}.json"

    def state(self, stack: str) -> dict[str, Any]:
        return read_latest(self.state_file(stack))


def fresh_standin() -> ModuleType:
    """The recorded provider, as new as a plugin that was just started: its faults count anew."""
    spec = importlib.util.spec_from_file_location("standin", DATA / "provider" / "standin.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _failing_by_name(standin: ModuleType) -> Any:
    """The recorded provider fails the nth call; which one that is varies between runs."""

    class Failing(standin.StandIn):
        def _act(self, verb: str, request: Any, context: Any) -> Any:
            faults = super()._act(verb, request, context)
            if request.urn.split("::")[-1] in faults.get(f"fail_{verb}_of", []):
                standin.log(f"{verb} fails", standin.empty_pb2.Empty(), urn=request.urn)
                context.abort(standin.grpc.StatusCode.UNKNOWN, faults["message"])
            return faults

    return Failing()


@pytest.fixture
def world(
    tmp_path: Path,
    zygote: Zygote,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> World:
    """The golden program and provider; programs and dynamic providers are forked, not started."""
    shutil.copytree(DATA / "program", tmp_path / "project")
    project = tmp_path / "project" / "Pulumi.yaml"
    project.write_text("name: golden\nruntime: python\n")
    (tmp_path / "project" / "Pulumi.dev.yaml").unlink()
    environment = {
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "golden",
        "STANDIN_STORE": str(tmp_path / "store.json"),
        "STANDIN_LOG": str(tmp_path / "log.jsonl"),
        "STANDIN_FAULTS": str(tmp_path / "faults.json"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(passphrase, "_derive", _cached_derive)
    _fork_processes(zygote, monkeypatch)

    def run(command: str | list[str]) -> Outcome:
        words = command if isinstance(command, list) else command.split()
        (tmp_path / "faults.json").write_text(json.dumps(made.faults))
        log = tmp_path / "log.jsonl"
        log.unlink(missing_ok=True)
        capfd.readouterr()
        code = main(words)
        out, err = capfd.readouterr()
        lines = log.read_text().splitlines() if log.exists() else []
        errors = err.splitlines()[1:]  # the first line says who this is
        return Outcome(code, out.split("\n")[:-1], errors, [json.loads(line) for line in lines])

    made = World(tmp_path, run)
    _standin_in_process(monkeypatch, made.release)
    return made


_real_derive = passphrase._derive


def _cached_derive(salt: str) -> bytes:
    return _derive(
        salt,
        os.environ.get("PULUMI_CONFIG_PASSPHRASE"),
        os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"),
    )


@functools.lru_cache
def _derive(salt: str, passphrase: str | None, file: str | None) -> bytes:
    return _real_derive(salt)


def _fork_processes(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.Popen

    def popen(command: list[str], **how: Any) -> Any:
        if str(program.HOST) in command:
            return Forked(zygote, "program", how["cwd"], how["env"], command[-1:])
        if command[-2:-1] == ["pulumi.dynamic"]:
            return Forked(zygote, "dynamic", how["cwd"], how["env"], [])
        return real(command, **how)

    for module in (program, plugins):
        fake = ModuleType("subprocess")
        fake.__dict__.update(subprocess.__dict__)
        fake.__dict__["Popen"] = popen
        monkeypatch.setattr(module, "subprocess", fake)


def _standin_in_process(monkeypatch: pytest.MonkeyPatch, release: threading.Event) -> None:
    real = plugins.PluginHost.start

    def start(self: plugins.PluginHost, package: str) -> tuple[plugins.Plugin, str]:
        if package != "azure-native":
            return real(self, package)
        standin = fresh_standin()
        standin.__dict__["time"] = SimpleNamespace(sleep=release.wait)
        return plugins.served(_failing_by_name(standin)), ""

    monkeypatch.setattr(plugins.PluginHost, "start", start)
