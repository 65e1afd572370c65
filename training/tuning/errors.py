"""What is told to a person instead of a traceback: where, what, and one next step."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One thing to put right: `where` is FILE:LINE:COLUMN, FILE:LINE or an option."""

    where: str
    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.do}"


class TrainingError(Exception):
    """Anything that ends the program with a message and `exit_code`."""

    exit_code = 1


class MistakesError(TrainingError):
    """Configuration or data is wrong: every mistake that was found, a line each."""

    exit_code = 3

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


class MachineError(TrainingError):
    """What is asked for needs something that this machine lacks."""

    exit_code = 4


class StoppedError(TrainingError):
    """Training can't go on: the message has the step."""

    exit_code = 5


class ToldToStopError(TrainingError):
    """SIGTERM came: what was learned is saved, and the same command goes on from there.

    The exit code is the one that a shell has for SIGTERM, 128 + 15: not a fault of the run.
    """

    exit_code = 143
