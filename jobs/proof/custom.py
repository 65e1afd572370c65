"""A metric of one's own: a Python function beside the spec, `(answer, expected, messages) -> 0..1`.

The file is run once, before anything is asked, as it was when it was planned. What goes wrong in it
is told with its line.
"""

import math
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from jobs.errors import InvalidInputError
from jobs.files import read_unchanged
from jobs.plan.desired import Measuring, OwnMetric
from jobs.proof.metrics import Question
from jobs.proof.scoring import Exam, Scorer

_CORRECT = "Correct it and run the same command again: answers that were given are kept."


def exam_of(measuring: Measuring, questions: Sequence[Question]) -> Exam:
    """An evaluation's exam by some of its questions, its own metrics ready to score.

    Raises:
        InvalidInputError: As `scorer`.
    """
    own = {name: scorer(name, metric, questions) for name, metric in measuring.own.items()}
    return Exam(spec=measuring.spec, questions=questions, own=own)


def scorer(name: str, metric: OwnMetric, questions: Sequence[Question]) -> Scorer:
    """What gives each reply to these questions its score.

    Raises:
        InvalidInputError: The file changed since it was planned, or fails.
    """
    function = _loaded(metric)

    # Called once an answer: it is somebody else's function, and may take its time.
    @cache
    def score(index: int, reply: str) -> float:
        return _score(name, metric, function, index + 1, questions[index], reply)

    return lambda replies: [score(index, reply.text) for index, reply in enumerate(replies)]


def _loaded(metric: OwnMetric) -> Callable[..., Any]:
    content = read_unchanged(metric.path, metric.sha256)
    module = ModuleType(metric.path.stem)
    module.__file__ = str(metric.path)
    try:
        exec(compile(content, str(metric.path), "exec"), module.__dict__)
        return getattr(module, metric.function)
    except (Exception, SystemExit) as error:
        raise _failed(metric.path, error, "could not be loaded") from error


def _score(
    name: str,
    metric: OwnMetric,
    function: Callable[..., Any],
    number: int,
    question: Question,
    reply: str,
) -> float:
    messages = [dict(message) for message in question.messages]
    try:
        value = function(reply, question.expected, messages)
    except (Exception, SystemExit) as error:
        raise _failed(metric.path, error, f"'{name}' failed at question {number}") from error
    if isinstance(value, int | float) and not math.isnan(value) and 0 <= value <= 1:
        return float(value)
    raise InvalidInputError(
        f"{metric.path}: '{name}' gave {str(value)[:40]!r} at question {number}, which is no "
        "number from 0 to 1.",
        next_step=_CORRECT,
    )


def _failed(path: Path, error: BaseException, what: str) -> InvalidInputError:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if frame.filename == str(path)]
    line = own[-1] if own else getattr(error, "lineno", None)
    place = f"{path}:{line}" if line else str(path)
    words = str(error).splitlines()[:1]
    return InvalidInputError(
        f"{place}: {what}: {': '.join([type(error).__name__, *words])[:300]}",
        next_step=_CORRECT,
    )
