"""What the emulator that was started was asked and answered, a line a call, newest last."""

import argparse
import os
import sys
import time
from collections import deque
from pathlib import Path

from emulator.living.place import look
from emulator.options import add_state
from emulator.words import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser)
    parser.add_argument("-n", "--lines", type=int, default=100, help="how many lines (100)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")


def run(arguments: argparse.Namespace) -> int:
    """Print the last lines, then what comes."""
    if arguments.lines < 0:
        raise UsageError("--lines is 0 or more.")
    log = look(arguments.state).log
    if not log.exists():
        raise UsageError(f"there is no {log}: nothing was started there yet.")
    for line in _last(log, arguments.lines):
        sys.stdout.write(line)
    if arguments.follow:
        _follow(log)
    return 0


def _last(log: Path, count: int) -> deque[str]:
    lines: deque[str] = deque(maxlen=count)
    for path in (log.with_name(f"{log.name}.1"), log):
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                lines.extend(file)
    return lines


def _follow(log: Path) -> None:
    file = log.open(encoding="utf-8", errors="replace")
    file.seek(0, 2)
    while True:
        for line in file:
            sys.stdout.write(line)
        sys.stdout.flush()
        time.sleep(0.2)
        # A log that is full, or of a fresh start, is another file under the same name.
        if log.exists() and log.stat().st_ino != os.fstat(file.fileno()).st_ino:
            file.close()
            file = log.open(encoding="utf-8", errors="replace")
