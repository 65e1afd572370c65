"""Stop the emulator that was started; its state stays."""

import argparse
import os
import signal
import time

from emulator.living.control import NoAnswerError, ask_at
from emulator.living.place import Place, look
from emulator.options import add_state
from emulator.rehearsal import session
from emulator.words import UsageError, remark, say

_PATIENCE = 20.0
"""Seconds for its work to end in order, before it is sent a signal, and again after that."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask it to end over its control port, whose token no other process has."""
    place = look(arguments.state)
    if place.started is None:
        if place.crashed:
            session.end(place.state)
            remark(f"process {place.crashed.pid} had ended already, without being stopped.")
        elif place.holder is not None:
            raise UsageError(
                f"{place.state} is a run's (process {place.holder}), which ends with its command."
            )
        say("None is up.")
        return 0
    pid = place.started.pid
    try:
        ask_at(place.started.address.control, "POST", "/stop", {}, patience=_PATIENCE)
    except NoAnswerError:
        _signal(place)
    if not _has_ended(arguments.state, pid):
        _signal(place)
        if not _has_ended(arguments.state, pid):
            raise UsageError(f"process {pid} does not end. End it: kill -9 {pid}")
    say(f"Stopped: process {pid}. Its state stays in {place.state}.")
    return 0


def _signal(place: Place) -> None:
    """Only while it holds the lock: then the number is its own, and no other process's."""
    now = look(str(place.state))
    if now.started and place.started and now.started.pid == place.started.pid:
        assert now.started.pid is not None
        os.kill(now.started.pid, signal.SIGTERM)


def _has_ended(state: str | None, pid: int | None) -> bool:
    end = time.monotonic() + _PATIENCE
    while look(state).holder == pid:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
