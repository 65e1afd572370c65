"""A task of the user's own: four functions of a Python file, held to what they promise."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tuning.config import Config
from tuning.errors import Mistake, MistakesError, StoppedError
from tuning.files import module_of


@dataclass(frozen=True)
class Task:
    """What the file has.

    `check(row)` says what is wrong with a row, or None; it is called where no torch may be.
    `example(row, tokenizer)` gives `{"input_ids": […], "target": a number or a list of them}`.
    `measure(outputs, targets)`, of a batch's logits (n, outputs) and targets, gives sums by name.
    `metrics(sums)` gives figures by name, from the sums over all rows; `rows` is their number.
    """

    file: str
    check: Callable[[Any], str | None]
    example: Callable[[Any, Any], dict[str, Any]]
    measure: Callable[[Any, Any], dict[str, Any]]
    metrics: Callable[[dict[str, float]], dict[str, float]]


FUNCTIONS = ("check", "example", "measure", "metrics")


def task_of(config: Config) -> Task:
    """The task that a configuration names by its file.

    Raises:
        MistakesError: the file doesn't import, or lacks a function.
    """
    file = config.task_file or ""
    module = module_of(file)
    lacking = [name for name in FUNCTIONS if not callable(getattr(module, name, None))]
    if lacking:
        do = f"A task's file has {', '.join(FUNCTIONS)}."
        raise MistakesError([Mistake(file, f"no function {name}.", do) for name in lacking])
    return Task(file, *(getattr(module, name) for name in FUNCTIONS))


def problem(task: Task, row: object) -> str | None:
    """What the file says is wrong with a row; that it broke on it, too."""
    try:
        said = task.check(row)
    except Exception as error:
        return f"`check` of {task.file} raised {type(error).__name__}: {error}."
    return str(said) if said else None


@contextmanager
def broken_in(task: Task, function: str) -> Iterator[None]:
    """Tells which function of the file broke.

    Raises:
        StoppedError: it raised something, or gave what isn't numbers by name.
    """
    try:
        yield
    except Exception as error:
        said = f"`{function}` of {task.file} raised {type(error).__name__}: {error}."
        raise StoppedError(f"{said} It gives numbers by name.") from error


def tokens_and_target(task: Task, row: Any, tokenizer: Any, where: str) -> tuple[list[int], Any]:
    """What the file makes of a row.

    Raises:
        MistakesError: it broke on it, or gave something else.
    """
    do = 'It gives {"input_ids": […], "target": a number or a list of them}.'
    try:
        made = task.example(row, tokenizer)
        ids, target = list(made["input_ids"]), made["target"]
    except Exception as error:
        what = f"`example` of {task.file} raised {type(error).__name__}: {error}."
        raise MistakesError([Mistake(where, what, do)]) from error
    numbers = target if isinstance(target, list) else [target]
    right = ids and all(type(i) is int for i in ids) and numbers
    if not right or not all(isinstance(n, int | float) for n in numbers):
        what = f"`example` of {task.file} gave {str(made)[:80]}."
        raise MistakesError([Mistake(where, what, do)])
    return ids, target
