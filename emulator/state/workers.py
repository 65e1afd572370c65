"""Background work of services: threads and child processes that end with the emulator."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from emulator.state import leash


class Workers:
    """Starts threads and children, and ends every one of them on `stop`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._children: set[subprocess.Popen[Any]] = set()
        self._groups: set[subprocess.Popen[Any]] = set()
        self.stopping = threading.Event()
        """Set when the emulator ends; a worker's loop looks at it, or waits on it."""

    def start(self, name: str, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        """Run `work(*arguments)` in a thread of its own."""

        def run() -> None:
            try:
                work(*arguments)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name=f"emulator-{name}", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()
        return thread

    def child(self, arguments: list[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a child process (`subprocess.Popen`'s options) that is ended with the emulator.

        One that starts a session of its own is ended with all processes that it made, also where
        the emulator is killed; it has no standard input. Call `forget` once it is reaped.
        """
        if options.get("start_new_session"):
            # -I -S: nothing of the environment, which is the command's.
            arguments = [sys.executable, "-I", "-S", leash.__file__, *arguments]
            options["stdin"] = subprocess.PIPE
        child: subprocess.Popen[Any] = subprocess.Popen(arguments, **options)
        with self._lock:
            self._children.add(child)
            if options.get("start_new_session"):
                self._groups.add(child)
            stopping = self.stopping.is_set()
        if stopping:
            self.end(child)
        return child

    def end(self, child: subprocess.Popen[Any], number: int = signal.SIGTERM) -> None:
        """Send a child a signal: to its whole session, where it has its own."""
        if child not in self._groups:
            if child.poll() is None:
                child.send_signal(number)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left of them
            os.killpg(child.pid, number)

    def forget(self, child: subprocess.Popen[Any]) -> None:
        """A child has ended and was waited for."""
        with self._lock:
            self._children.discard(child)
            self._groups.discard(child)
        if child.stdin is not None:
            child.stdin.close()

    def stop(self, seconds: float = 10.0) -> None:
        """End everything: ask, wait, then kill."""
        self.stopping.set()
        with self._lock:
            children, threads = list(self._children), list(self._threads)
        for child in children:
            self.end(child)
        for child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
            self.end(child, signal.SIGKILL)
            child.wait()
            self.forget(child)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(seconds)

    def restart(self) -> None:
        """End everything and be ready again (used by `reset`)."""
        self.stop()
        self.stopping = threading.Event()
