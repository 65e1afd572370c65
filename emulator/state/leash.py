"""Runs a command that must not outlive the emulator, not even one that is killed.

    python -I -S leash.py COMMAND …

It is started with a session of its own and the emulator's end of a pipe as standard input. When
that pipe breaks, the whole session is killed, whatever the command has started by then; until then
it waits for the command, and ends as that does. It imports nothing that has to be looked for.
"""

import _thread
import os
import signal
import sys
from types import FrameType

_NO_SUCH_COMMAND = 127


def main(command: list[str]) -> None:
    """Run it to its end, or to the emulator's."""
    lifeline = os.dup(0)  # which the command doesn't get
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    # The session is asked to end by a signal to all of it: that is for the command to follow.
    signal.signal(signal.SIGTERM, _leave_it)
    child = os.fork()
    if child == 0:
        try:
            os.execv(command[0], command)
        except OSError as error:
            sys.stderr.write(f"{command[0]}: {error.strerror}\n")
            sys.stderr.flush()
            os._exit(_NO_SUCH_COMMAND)
    # Who listens to the command hears the end of what it says, not of this.
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    _thread.start_new_thread(_kill_all_at_the_end_of, (lifeline,))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _end_by(-code)
    os._exit(code)


def _leave_it(_number: int, _frame: FrameType | None) -> None:
    """Unlike one that is ignored, a signal with a handler is the command's own again."""


def _kill_all_at_the_end_of(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def _end_by(number: int) -> None:
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    main(sys.argv[1:])
