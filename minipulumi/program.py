"""The engine's side of a program: its process, what it prints, how it is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
        self.code: int | None = None  # of the last run

    def run(self, order: dict[str, Any]) -> Iterator[str]:
        """Runs the program to its end; gives what it prints line by line."""
        assert self._process.stdin
        assert self._process.stdout
        self.code = None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it was stopped before it began
        for line in self._process.stdout:
            if line.startswith(END):
                self.code = int(line.removeprefix(END))
                return
            yield line.rstrip("\n")
        self.code = self._process.wait()

    def stop(self) -> None:
        """Interrupts the program, and kills it if it doesn't go."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            timer = threading.Timer(_GRACE, self._process.kill)
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        """Ends the process, whatever it does."""
        self._process.kill()
        self._process.communicate()
