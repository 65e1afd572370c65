"""Functions in a Python file of the user's, and JSON written whole or not at all."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tuning.errors import Mistake, MistakesError


def function_of(reference: str) -> Callable[..., Any]:
    """The function that `FILE.py:FUNCTION` names.

    Raises:
        MistakesError: the file doesn't import, or has no such function.
    """
    file, _, name = reference.rpartition(":")
    module = module_of(file)
    function = getattr(module, name, None)
    if not callable(function):
        there = ", ".join(n for n, v in vars(module).items() if callable(v) and n[0] != "_")
        raise MistakesError([Mistake(file, f"no function {name}.", f"There are: {there}.")])
    return function


def module_of(file: str) -> ModuleType:
    """What is in a Python file.

    Raises:
        MistakesError: it doesn't import, with the line.
    """
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None:
        raise MistakesError([Mistake(file, "no Python file.", "Name one.")])
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = _line_in(file, error)
        what = f"doesn't import: {type(error).__name__}: {error}."
        raise MistakesError([Mistake(f"{file}:{line}", what, "Put it right.")]) from error
    return module


def write_json(file: Path, values: object) -> None:
    """Writes a JSON file that is there whole, or as it was."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)


def _line_in(file: str, error: Exception) -> int:
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    line, trace = 1, error.__traceback__
    while trace:
        if Path(trace.tb_frame.f_code.co_filename) == Path(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
