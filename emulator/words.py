"""What the command line reads and says: moments, durations, lines, refusals."""

import sys
from datetime import UTC, datetime, timedelta


class UsageError(Exception):
    """Something the user can put right: said in one line, exit code 2."""


def say(text: str) -> None:
    """Print a result."""
    print(text)  # noqa: T201 # results go to stdout


def remark(text: str) -> None:
    """Print what is no result, in the command's own name."""
    print(f"foundry-emulator: {text}", file=sys.stderr)  # noqa: T201 # the CLI's own voice


def moment(text: str | None) -> datetime:
    """A date, or a date and a time, of the years that the clock knows; in UTC unless it says so."""
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise UsageError(f"'{text}' is not a date. Write it as 2025-06-01.") from error
    if not 1970 <= read.year < 3000:
        raise UsageError(f"'{text}' is not in the years from 1970 to 2999, which the clock knows.")
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def seconds(text: str | None) -> float:
    """A duration: 90s, 30m, 2h, 14d; without a unit, seconds."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    text = text or ""
    unit, number = (units[text[-1]], text[:-1]) if text[-1:] in units else ("seconds", text)
    try:
        length = timedelta(**{unit: float(number)}).total_seconds()
    except (ValueError, OverflowError):
        length = -1.0
    if length < 0:
        raise UsageError(f"'{text}' is not a duration. Write it as 90s, 30m, 2h or 14d.")
    return length


def duration(seconds: float) -> str:
    """How long, in the largest unit that says it: 40 s, 12 min, 3 h, 5 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
