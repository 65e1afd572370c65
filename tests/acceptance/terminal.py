"""A terminal with a shell in it: commands are typed, questions answered, exit codes read."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

READY = re.compile(r"<ready (\d+)>")
QUESTION = re.compile(r"\[(?:yes/no/details|y/N|yes/no)\]:? ?$")


class Terminal:
    """One interactive bash. Any shell that is started in it tells as well when it is ready."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # Not the prompt itself, which a machine's own settings replace.
            env={**environment, "PROMPT_COMMAND": 'echo "<ready $?>"', "TERM": "dumb"},
            start_new_session=True,
        )
        os.close(theirs)
        self._until_ready()

    def type(self, command: str) -> tuple[int, str]:
        """Type a command and say yes to what it asks; its exit code, and what was printed."""
        os.write(self._ours, f"{command}\n".encode())
        return self._until_ready()

    def close(self) -> None:
        """Hang up, and wait until the shell and what it had started are gone."""
        os.close(self._ours)
        self._process.wait(30)

    def _until_ready(self) -> tuple[int, str]:
        text, deadline = "", time.monotonic() + 100
        while not (ready := READY.search(text)):
            assert time.monotonic() < deadline, text
            if not select.select([self._ours], [], [], 1)[0]:
                continue
            text += os.read(self._ours, 65536).decode(errors="replace")
            if QUESTION.search(text):
                os.write(self._ours, b"yes\n")
                text += "\n"
        return int(ready[1]), text[: ready.start()].replace("\r\n", "\n")
