"""A spec as another tool reads it: `--az-ml` gives the YAML of `az ml job create -f`.

foundry-tune export --az-ml jobs/specs/xbox-support.yaml > job.yaml
foundry-tune export --az-ml jobs/specs/xbox-support.yaml --to exported/
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.options import add_overrides

if TYPE_CHECKING:
    from jobs.spec.story import Chapter


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("spec", metavar="SPEC", help="a spec file")
    parser.add_argument("--az-ml", action="store_true", required=True, help="for Azure's CLI v2")
    parser.add_argument(
        "--document", metavar="TYPE.NAME", help="which one, where there are several"
    )
    parser.add_argument("--to", metavar="FOLDER", help="write every document to a file in here")
    add_overrides(parser)


def run(arguments: Namespace) -> int:
    """Print one document, or write all of them."""
    from jobs.errors import InvalidInputError, UsageError
    from jobs.read.lowered import lowered, write_code
    from jobs.spec.export import az_ml
    from jobs.spec.story import load
    from jobs.spec.training import TrainingJob
    from jobs.suggestions import did_you_mean
    from jobs.terminal.output import as_yaml, emit, progress

    story = load(arguments.spec, overrides=arguments.overrides)
    if any(finding.severity == "error" for finding in story.findings):
        raise InvalidInputError("The spec can't be exported.", findings=story.findings)
    chapters = [chapter for chapter in story.chapters if chapter.spec.kind != "evaluation"]
    if arguments.document:
        names = [chapter.reference for chapter in story.chapters]
        chapters = [c for c in story.chapters if c.reference == arguments.document]
        if not chapters:
            hint = did_you_mean(arguments.document, names) or f" There is: {', '.join(names)}."
            raise UsageError(f"{story.file} has no '{arguments.document}'.{hint}")
    folder = Path(arguments.to) if arguments.to else Path()
    if arguments.to:
        folder.mkdir(parents=True, exist_ok=True)
    elif len(chapters) != 1:
        jobs = [c for c in chapters if c.spec.kind in ("finetuning", "training", "command")]
        if len(jobs) != 1:
            raise UsageError(
                f"{story.file} has {len(chapters)} documents that az ml knows, and prints one.",
                next_step="Name one with --document, or write all with --to FOLDER.",
            )
        chapters = jobs
    for chapter in chapters:
        written = _write_halves(chapter, folder) if arguments.to else []
        code = folder / f"{chapter.spec.name}.code"
        if isinstance(chapter.spec, TrainingJob) and arguments.to:
            written = [write_code(chapter, chapter.spec, code)]
        plain, notes = az_ml(lowered(chapter, code), folder=folder, with_halves=bool(written))
        if isinstance(chapter.spec, TrainingJob) and not arguments.to:
            notes.append(f"{chapter.reference}: with --to FOLDER its code is written too.")
        for note in notes:
            progress(note)
        if not arguments.to:
            emit(as_yaml(plain).rstrip("\n"))
            continue
        target = folder / f"{chapter.spec.name}.{chapter.spec.kind.replace('_', '-')}.yaml"
        target.write_text(as_yaml(plain), encoding="utf-8")
        for path in (target, *written):
            emit(str(path))
    return 0


def _write_halves(chapter: "Chapter", folder: Path) -> list[Path]:
    """Splits the training data as `apply` would, where the spec asks for it."""
    from jobs.errors import UsageError
    from jobs.files import UnreadableFileError
    from jobs.read.split import write_halves
    from jobs.spec import FineTuning
    from jobs.spec.export import halves_of

    spec = chapter.spec
    if not isinstance(spec, FineTuning) or spec.split is None:
        return []
    source = chapter.local_path(spec.training_path)
    if source is None:
        return []
    training, validation = (folder / name for name in halves_of(spec))
    try:
        write_halves(spec, spec.split, source, training, validation)
    except UnreadableFileError as error:
        raise UsageError(f"{source} can't be read: {error}.") from error
    return [training, validation]
