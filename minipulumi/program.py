"""The engine's side of a program: its process, what it prints, how it is stopped."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from minipulumi.project import Project

_HOST = Path(__file__).parent / "program_main.py"
_GRACE = 1.0  # seconds for a program to go after it was told to


class Program:
    """A program's process; it starts loading the SDK as soon as this object exists."""

    def __init__(self, project: Project, environment: dict[str, str]):
        self._project = project
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [project.python, "-u", str(_HOST), str(theirs.fileno())],
                cwd=project.program,
                env={**os.environ, "no_grpc_proxy": "127.0.0.1", **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is the engine's to handle
                text=True,
                errors="replace",
            )
        self._threads: list[threading.Thread] = []

    def load(self, modules: list[str]) -> None:
        """Has the waiting process load modules ahead of time."""
        self._order({"load": modules})

    def run(
        self,
        run: dict[str, Any],
        printed: Callable[[str], None],
        loaded: Callable[[list[str]], None],
    ) -> None:
        """Runs the program; what it prints goes to `printed` line by line."""
        streams: list[IO[str] | None] = [self._process.stdout, self._process.stderr]
        for stream in streams:
            self._thread(_forward, stream, printed)
        self._thread(self._listen, loaded)
        project = self._project
        place = {"pwd": str(project.program), "program": project.entry_point}
        self._order({"run": {**place, "root_directory": str(project.root), **run}})

    def wait(self) -> int:
        """Waits for the end; gives the exit code."""
        code = self._process.wait()
        for thread in self._threads:
            thread.join()
        return code

    def stop(self) -> None:
        """Interrupts the program, and kills it if it doesn't go."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def close(self) -> None:
        """Ends the process, whatever it does, and gives everything back."""
        if self._process.poll() is None:
            self._process.kill()
        self.wait()
        self._socket.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _order(self, order: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(json.dumps(order).encode() + b"\n")

    def _listen(self, loaded: Callable[[list[str]], None]) -> None:
        with contextlib.suppress(OSError, ValueError), self._socket.makefile("r") as answers:
            if line := answers.readline():
                loaded(json.loads(line))

    def _thread(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)


def _forward(stream: IO[str], printed: Callable[[str], None]) -> None:
    for line in stream:
        printed(line.rstrip("\n"))
