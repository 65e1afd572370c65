"""Whether a scoring script can be served: read as text, nothing of it is run.

Where a document names none, foundry-tune's own is sent: for what a training of the story leaves.
"""

import ast
from collections.abc import Iterator

from jobs.files import UnreadableFileError, read_bounded
from jobs.findings import Finding
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.story import Chapter, Story
from jobs.spec.training import TrainingJob
from jobs.suggestions import did_you_mean

_MAX_BYTES = 1 << 20
_MISSING_CODE = (
    "is missing. Write {code: serve, scoring_script: score.py}; only where the model is that of a "
    "training, ${{ training.<name>.registered_model }}, may it be left out."
)
_MISSING_ENVIRONMENT = (
    "is missing. Write azureml:<name>:<version>; only where the model is that of a training may it "
    "be left out."
)
_CODE, _SCRIPT = ("code_configuration", "code"), ("code_configuration", "scoring_script")


def script_findings(chapter: Chapter, spec: OnlineEndpoint, story: Story) -> Iterator[Finding]:
    """A folder that isn't there, and a script that Azure would find wanting after it was paid."""
    maker = story.chapter(spec.model)
    training = maker.spec if maker and isinstance(maker.spec, TrainingJob) else None
    if spec.environment is None and training is None:
        yield chapter.finding("FT-S005", ("environment",), _MISSING_ENVIRONMENT, at_key=True)
    written = spec.code_configuration
    if written is None:
        yield from _own(chapter, training)
        return
    folder = chapter.local_path(written.code)
    if folder is None:
        return  # FT-S040 says so
    if not folder.is_dir():
        yield chapter.finding("FT-S017", _CODE, f"'{written.code}' is no folder.")
        return
    path = folder / written.scoring_script
    if not path.resolve().is_relative_to(folder.resolve()):
        message = f"'{written.scoring_script}' leads out of '{written.code}'."
        yield chapter.finding("FT-S017", _SCRIPT, message)
        return
    try:
        tree = ast.parse(read_bounded(path, _MAX_BYTES))
    except UnreadableFileError as error:
        scripts = sorted(one.name for one in folder.glob("*.py"))
        hint = did_you_mean(written.scoring_script, scripts)
        message = f"'{written.scoring_script}' can't be read: {error}.{hint}"
        yield chapter.finding("FT-S017", _SCRIPT, message)
        return
    except SyntaxError as error:
        message = f"{written.scoring_script}:{error.lineno} is not Python: {error.msg}."
        yield chapter.finding("FT-S054", _SCRIPT, message)
        return
    except (ValueError, RecursionError, MemoryError):
        message = f"{written.scoring_script} is not Python."
        yield chapter.finding("FT-S054", _SCRIPT, message)
        return
    yield from _functions(chapter, written.scoring_script, tree)


def _own(chapter: Chapter, training: TrainingJob | None) -> Iterator[Finding]:
    """What foundry-tune's own script can't serve."""
    if training is None:
        yield chapter.finding("FT-S005", ("code_configuration",), _MISSING_CODE, at_key=True)
    elif training.layers.add:
        message = (
            f"foundry-tune's own script doesn't know the layers that '{training.layers.add}' adds. "
            "Write code_configuration: {code: serve, scoring_script: score.py}, whose init() calls "
            "it."
        )
        yield chapter.finding("FT-S040", ("model",), message)
    elif training.method == "qlora":
        message = (
            "qlora leaves an adapter over weights of 4 bits, and foundry-tune's own script serves "
            "whole models. Write method: lora in the training, or a code_configuration that loads "
            "the base and the adapter."
        )
        yield chapter.finding("FT-S040", ("model",), message)


def _functions(chapter: Chapter, script: str, tree: ast.Module) -> Iterator[Finding]:
    named = _defined(tree)
    if named is None:
        return  # `from … import *`: what it defines isn't known here
    for name in ("init", "run"):
        if name not in named:
            message = (
                f"{script} has no function {name}(): Azure calls init() once and run(raw_data)"
            )
            yield chapter.finding("FT-S054", _SCRIPT, f"{message} for each call.")


def _defined(tree: ast.Module) -> set[str] | None:
    """The names that a module has; None where it takes them all from another."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return None if "*" in found else found
