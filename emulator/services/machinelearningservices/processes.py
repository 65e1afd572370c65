"""The processes that jobs run in, by job: started, ended when somebody cancels, forgotten."""

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from emulator.services.machinelearningservices import progress
from emulator.state.cloud import Cloud


def surroundings(root: Path, python: Path) -> dict[str, str]:
    """The variables of a process that runs somebody's code, with folders of its own below `root`.

    It sees nothing of ours, and nobody's credentials; what it calls `python` is the given one.
    """
    tools, home, temporary = root / "bin", root / "home", root / "tmp"
    for folder in (tools, home, temporary):
        folder.mkdir()
    for name in ("python", "python3"):
        # A script and no link: a link would leave the virtual environment behind.
        (tools / name).write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', encoding="utf-8")
        (tools / name).chmod(0o755)
    path = (str(tools), str(python.parent), os.defpath, "/usr/local/bin")
    return {
        "PATH": os.pathsep.join(path),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }


class Processes:
    """At most one process a job."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._by_job: dict[str, subprocess.Popen[Any]] = {}

    def start(self, key: str, arguments: list[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a job's process (`subprocess.Popen`'s options); call `forget` once it is reaped."""
        child = self._cloud.workers.child(arguments, **options)
        with self._lock:
            self._by_job[key] = child
        if not progress.is_wanted(self._cloud, key):
            self._cloud.workers.end(child)  # canceled between the queue and the start
        return child

    def stop(self, key: str) -> None:
        """Ask a job's process to end, if there is one."""
        with self._lock:
            child = self._by_job.get(key)
        if child is not None:
            self._cloud.workers.end(child)

    def forget(self, key: str, child: subprocess.Popen[Any]) -> None:
        """A job's process has ended and was waited for."""
        with self._lock:
            self._by_job.pop(key, None)
        self._cloud.workers.forget(child)
