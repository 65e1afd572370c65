"""A job's loss curve, in the terminal or as JSON."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from jobs.foundry.history import Point


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, its name, or a job's name")
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Draw the training loss, and say where validation was best."""
    from jobs.arguments import names_of, session_of
    from jobs.errors import RemoteError
    from jobs.foundry import history, projects
    from jobs.foundry.history import TRAIN_LOSS, VALIDATION_LOSS
    from jobs.look import inventory
    from jobs.terminal import output

    name = names_of(arguments.name)[0]
    session = session_of(arguments)
    job = inventory.find_job(session, name)
    api = projects.data_plane(session, projects.get(session))
    train = history.series(session, api, job.name, TRAIN_LOSS)
    validation = history.series(session, api, job.name, VALIDATION_LOSS)
    if arguments.output != "table":
        value: dict[str, object] = {
            "job": job.name,
            "status": job.status,
            "metrics": {TRAIN_LOSS: _rows(train), VALIDATION_LOSS: _rows(validation)},
        }
        output.emit_structured(value, arguments.output)
        return 0
    if not train:
        raise RemoteError(
            f"Job '{job.name}' is {job.status} and has logged no loss yet.",
            next_step=f"foundry-tune wait {job.name}",
        )
    output.emit("\n".join(text(job.name, train, validation)))
    return 0


def text(job: str, train: "list[Point]", validation: "list[Point]") -> list[str]:
    """The curve with what to know about it."""
    from jobs.terminal.chart import draw

    lines = list(draw([point.value for point in train], title="loss").lines)
    lines[-1] += "  train"
    best = min(validation, key=lambda point: point.value, default=None)
    words = f"{job}: {len(train)} points to step {train[-1].step}"
    words += f", loss {train[0].value:.2f} -> {train[-1].value:.2f}"
    if best:
        words += f", best validation {best.value:.2f} at step {best.step}"
    return [*lines, words]


def _rows(points: "list[Point]") -> list[dict[str, object]]:
    return [{"step": point.step, "value": point.value} for point in points]
