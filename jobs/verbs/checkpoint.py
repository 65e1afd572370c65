"""The files that a training left: weights, tokenizer, card; listed, or brought to this machine.

Of a spec it is the newest revision's, unless --revision names another. Every file is held against
its size and MD5; the same command goes on after an interruption, and nothing is written over.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from jobs.foundry import weights
    from jobs.foundry.models import ModelVersion
    from jobs.foundry.session import Session


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, its name, a job's name, or model (name:version)")
    parser.add_argument("--revision", metavar="REVISION", help="of this revision (the newest)")
    parser.add_argument(
        "--download", metavar="FOLDER", type=Path, help="bring the files below FOLDER/MODEL-VERSION"
    )
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """A line a file, and where they are; or where they are now."""
    from jobs.arguments import names_of, session_of
    from jobs.foundry import weights
    from jobs.terminal import output
    from jobs.terminal.progress import size

    session = session_of(arguments, arguments.name)
    model = _model(session, names_of(arguments.name)[0], arguments.revision)
    found = weights.find(session, model)
    told: dict[str, object] = {"model": model.label, "job": model.job, "uri": found.uri}
    told["files"] = [{"path": file.path, "bytes": file.size} for file in found.files]
    rows = ((file.path, size(file.size)) for file in found.files)
    last = f"{model.label} of {model.job or 'no job'}, {size(found.size)}: {found.uri}"
    if arguments.download is not None:
        folder: Path = arguments.download / f"{model.name}-{model.version}"
        came, there = _downloaded(session, model, found, folder)
        told |= {"folder": str(folder), "downloaded": came, "there": there}
        number = f"{came} file" if came == 1 else f"{came} files"
        before = f", {there} were there" if there else ""
        rows, last = (), f"{model.label}: {number} came{before}, {size(found.size)}: {folder}"
    if arguments.output != "table":
        output.emit_structured(told, arguments.output)
        return 0
    if rows:
        output.tell_table(rows, header=("FILE", "SIZE"))
    output.tell(last)
    return 0


def _model(session: "Session", name: str, revision: str | None) -> "ModelVersion":
    """The model that a name means.

    Raises:
        NotFoundError: There is none, or it is not trained yet.
    """
    from jobs.errors import NotFoundError
    from jobs.foundry import models
    from jobs.look import inventory, revisions

    of_model, _, version = name.partition(":")
    if version:
        found = [model for model in models.versions(session, of_model) if model.version == version]
        if found:
            return found[0]
        raise NotFoundError(
            f"The project has no model '{name}'.",
            next_step="foundry-tune list models shows what there is.",
        )
    there = inventory.look(session, [name])
    by_job = [model for model in there.models if model.job == name]
    trained = [one for one in revisions.of(there.of(name)) if one.model]
    if revision is not None:
        wanted = revisions.beginning({one.id: one for one in trained}, revision, name)
        trained = [wanted]
    left = [*by_job, *(one.model for one in trained if one.model)]
    if not left:
        raise NotFoundError(
            f"'{name}' has left no model yet.",
            next_step=f"foundry-tune status {name} shows where it is.",
        )
    return left[0]


def _downloaded(
    session: "Session", model: "ModelVersion", found: "weights.Weights", folder: Path
) -> tuple[int, int]:
    from jobs.foundry import weights
    from jobs.terminal.progress import Reporter, size

    report = Reporter(alone=True)

    def told(done: int) -> None:
        words = f"{size(done)} of {size(found.size)}"
        report.step("model", model.label, words, done, found.size)

    try:
        return weights.download(session, found, folder, told)
    finally:
        report.close()
