"""A command that is run for somebody: what it gets of signals, and how its end is told."""

import os
import shutil
import signal
import subprocess
import types
from collections.abc import Mapping
from typing import Any

from emulator.words import UsageError, remark


def command_of(words: list[str], verb: str) -> list[str]:
    """The command after `--`."""
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise UsageError(f"say what to run: foundry-emulator {verb} -- COMMAND …")
    return command


def run(command: list[str], environment: Mapping[str, str], signals: "Signals") -> int:
    """Run it to its end; its exit code, as a shell would tell it."""
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        remark(f"{command[0]}: command not found")
        return 127
    try:
        child = signals.start([program, *command[1:]], environment)
    except OSError as error:
        remark(f"{command[0]}: {error.strerror}")
        return 126
    status = child.wait()
    return 128 - status if status < 0 else status


class Ended(BaseException):
    """A signal before there was a command to pass it to: clean up and end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Signals:
    """Signals meant for the command reach it, and do not end the emulator under its feet.

    While the emulator starts they end it in order; while it stops it is ending anyhow.
    """

    _FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Signals":
        for number in self._FORWARDED:
            # What is ignored (SIGHUP under nohup) stays ignored, also by the command.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def start(
        self, command: list[str], environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Start the command that the signals are for; one that comes meanwhile waits for it."""
        waiting = self._waiting = []
        try:
            child = self._child = subprocess.Popen(command, env=environment)
        finally:
            self._waiting = None
        for number in waiting:
            self._handle(number, None)
        return child

    def _handle(self, number: int, _: types.FrameType | None) -> None:
        if self._waiting is not None:
            self._waiting.append(number)
            return
        if self._child is None:
            raise Ended(number)
        # Ctrl-C in a terminal is sent to the whole foreground group: the command has it already.
        if number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
            return
        if self._child.poll() is None:
            self._child.send_signal(number)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
