"""Whether a metric of one's own is there: read as text, nothing of it is run."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from jobs.files import UnreadableFileError, read_bounded
from jobs.findings import Finding
from jobs.spec.gates import METRICS
from jobs.spec.judge import JUDGE
from jobs.spec.models import Evaluation
from jobs.spec.story import Chapter
from jobs.suggestions import did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_MAX_BYTES = 1 << 20


def function_findings(chapter: Chapter, spec: Evaluation) -> Iterator[Finding]:
    """Custom metrics that can't be called as they are written."""
    for name, written in spec.custom_metrics.items():
        path = ("custom_metrics", name)
        if name in (*METRICS, JUDGE):
            message = f"'{name}' is a metric already. Give yours another name."
            yield chapter.finding("FT-S047", path, message, at_key=True)
        elif not _NAME.fullmatch(name):
            message = f"'{name[:40]}' is no name of a metric: small letters, digits and _."
            yield chapter.finding("FT-S047", path, message, at_key=True)
        elif wrong := _wrong(chapter, written):
            yield chapter.finding("FT-S047", path, wrong)


def _wrong(chapter: Chapter, written: str) -> str:
    """Why it can't be called, or nothing."""
    file, function = split(written)
    path = chapter.local_path(file) if file.endswith(".py") else None
    if path is None or not function.isidentifier():
        return f"'{written[:60]}' is no function. Write metrics.py:politeness."
    tree = parsed(path, file)
    if isinstance(tree, str):
        return tree
    return uncallable(tree, file, function, ("answer", "expected", "messages"))


def parsed(path: Path, file: str) -> ast.Module | str:
    """A Python file, read and not run; or what keeps it from being one."""
    try:
        return ast.parse(read_bounded(path, _MAX_BYTES))
    except UnreadableFileError as error:
        return f"'{file}' can't be read: {error}."
    except SyntaxError as error:
        return f"{file}:{error.lineno} is not Python: {error.msg}."
    except (ValueError, RecursionError, MemoryError):
        return f"'{file}' is not Python."


def uncallable(tree: ast.Module, file: str, function: str, takes: Sequence[str]) -> str:
    """Why a function of a file can't be called with so many arguments, or nothing."""
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if function not in found:
        return f"{file} has no function '{function}'.{did_you_mean(function, found)}"
    if not _takes(found[function].args, len(takes)):
        place = f"{file}:{found[function].lineno}"
        words = {1: "one", 2: "two", 3: "three"}[len(takes)]
        return f"{place} doesn't take {words}. Write def {function}({', '.join(takes)})."
    return ""


def split(written: str) -> tuple[str, str]:
    """The file and the function of `metrics.py:politeness`."""
    file, _, function = written.rpartition(":")
    return file, function


def _takes(arguments: ast.arguments, count: int) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    named = [one for one in arguments.kw_defaults if one is None]
    return needed <= count and (positional >= count or bool(arguments.vararg)) and not named
