"""Where in a YAML file something is written, and the finding about it."""

from jobs.findings import Finding
from jobs.rules import RULES
from jobs.spec.reader import Path, Problem, Tree, path_text


def finding_at(
    file: str, tree: Tree, rule: str, path: Path, message: str, *, at_key: bool = False
) -> Finding:
    """A finding about a field, where the file or the command line has it."""
    severity = RULES[rule].severity
    if argument := _set_by(tree, path):
        return Finding(argument, 0, 0, path_text(path), message, rule, severity)
    line, column = tree.locate(path, key=at_key)
    return Finding(file, line, column, path_text(path), message, rule, severity)


def found_in(file: str, problem: Problem) -> Finding:
    """What the reader has to say, as a finding."""
    severity = RULES[problem.rule].severity
    return Finding(
        file, problem.line, problem.column, problem.path, problem.message, problem.rule, severity
    )


def place_of(file: str, tree: Tree, path: Path) -> str:
    """Where a value is written: `spec.yaml:12`, or the --set argument."""
    return _set_by(tree, path) or f"{file}:{tree.locate(path)[0]}"


def _set_by(tree: Tree, path: Path) -> str:
    lengths = range(len(path), 0, -1)
    return next((tree.set_paths[path[:n]] for n in lengths if path[:n] in tree.set_paths), "")
