"""Asking before something costs or deletes."""

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
