"""Asking: before something costs or deletes, and for what no flag says."""

import sys

from jobs.errors import UsageError


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether to go on with something that costs or deletes; `yes` says so without asking.

    Raises:
        UsageError: Nobody can be asked.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{question} Nobody can be asked here.", next_step="To go on without asking: --yes"
        )
    sys.stderr.write(f"{question} Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def answered(question: str, flag: str, *, default: str = "") -> str:
    """What somebody at the terminal types; `default` where they type nothing.

    Raises:
        UsageError: Nobody can be asked; it names the flag that answers.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question}? Nobody can be asked here.", next_step=f"Say it: {flag}")
    sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() or default
