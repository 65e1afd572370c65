"""The process that `foundry-emulator start` leaves behind: an emulator until it is told to stop.

`python -m emulator.living.background JSON`; what the JSON says is `Order`. Its stderr is read until
it ends: `UP`, or why there will be none. All that it says later goes to its log, which is kept
small.
"""

import json
import logging
import logging.handlers
import os
import signal
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from emulator.http.messages import Request, Response
from emulator.living.recording import recording
from emulator.rehearsal.fault_file import read
from emulator.server import Emulator
from emulator.state.directory import StateDirectory, UnusableStateError
from emulator.state.json_text import Json
from emulator.words import UsageError

_LOG_BYTES = 8 * 1024 * 1024
UP = b"up"
CALLS = logging.getLogger("emulator.calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What `start` asks for."""

    state: str
    fresh: bool
    date: str | None
    command_jobs: bool
    job_python: str | None
    faults: str | None
    record: str | None


def main(arguments: list[str]) -> int:
    """Run until a signal, or until the control port is asked to stop."""
    order = Order(**json.loads(arguments[0]))
    os.umask(0o077)  # the state is nobody else's to read, and the log tells of it
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    starter = os.dup(2)  # which the emulator's own children don't hold open
    state = Path(order.state)
    try:
        with StateDirectory(state) as directory:
            if order.fresh:
                directory.wipe()
            _write_log(state / "log")
            _serve(order, state, starter)
    except (UnusableStateError, UsageError) as error:
        os.write(starter, str(error).encode())
        return 2
    except Exception as error:
        logging.exception("the emulator failed")
        os.write(starter, f"{error} See {state / 'log'}".encode())
        return 1
    return 0


def _serve(order: Order, state: Path, starter: int) -> None:
    with (
        recording(order.record) as listeners,
        Emulator(
            state,
            start=datetime.fromisoformat(order.date) if order.date else None,
            command_jobs=order.command_jobs,
            job_python=Path(order.job_python) if order.job_python else None,
            stays=True,
            faults=read(order.faults) if order.faults else (),
            listeners=[_log_call, *listeners],
        ) as emulator,
    ):
        stop = emulator.control.asked_to_stop
        assert stop is not None

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        logging.info("up: process %d, state %s", os.getpid(), state)
        os.write(starter, UP)
        os.close(starter)
        stop.wait()
        logging.info("stopping")


def _write_log(path: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), 2)


def _log_call(request: Request, response: Response, call: Json) -> None:
    """A line a call, without its query: what signs an address is a secret."""
    del response
    fault: Any = call.get("fault")
    CALLS.info(
        "%d %s https://%s%s %.0f ms%s",
        call["status"],
        request.method,
        request.host,
        request.raw_path,
        call["milliseconds"],
        f" fault {', '.join(fault)}" if fault else "",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
