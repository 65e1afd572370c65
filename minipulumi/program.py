"""The engine's side of a program: its process, what it prints, how it is stopped."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from minipulumi.plugins import guarded
from minipulumi.project import Project

HOST = Path(__file__).parent / "program_main.py"
END = "\0over "  # the host prints this and an exit code behind a run
_GRACE = 1.0  # seconds for a program to go after it was told to


class Program:
    """A program's process: it loads the SDK at once, and runs the program as often as asked."""

    def __init__(self, project: Project):
        self._process = subprocess.Popen(
            guarded([sys.executable, "-u", str(HOST), str(project.root)]),
            cwd=project.program,
            env={**os.environ, "no_grpc_proxy": "127.0.0.1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is the engine's to handle
            text=True,
            errors="replace",
        )

    def run(self, engine: str, say: Callable[[str], None]) -> int:
        """Runs the program against an engine to its end; returns its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):  # it may have been stopped before it began
            self._process.stdin.write(f"{engine}\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END))
            say(line.rstrip("\n"))
        return self._process.wait()

    def stop(self) -> None:
        """Interrupts the program, and kills it if it doesn't go."""
        self._signal(signal.SIGINT)
        timer = threading.Timer(_GRACE, self._signal, [signal.SIGKILL])
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Ends the process and what it has started, whatever it does."""
        self._signal(signal.SIGKILL)
        self._process.communicate()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:  # it has gone, or isn't a group's leader yet
            self._process.send_signal(number)
