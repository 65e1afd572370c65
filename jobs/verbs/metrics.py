"""A job's curves in the terminal or as JSON: both losses, or whatever a command job logs."""

import math
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.foundry.history import Point
    from jobs.foundry.jobs import Job


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, its name, or a job's name")
    parser.add_argument(
        "--only", action="append", metavar="METRIC", help="of a command job or a training: this one"
    )
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Draw both losses, and say where validation was best; or every metric of a command job."""
    from jobs.arguments import names_of, session_of
    from jobs.errors import RemoteError, UsageError
    from jobs.foundry import history, projects
    from jobs.foundry.history import TRAIN_LOSS, VALIDATION_LOSS
    from jobs.foundry.jobs import COMMAND
    from jobs.look import inventory
    from jobs.terminal import output
    from jobs.terminal.fold import columns_of

    name = names_of(arguments.name)[0]
    session = session_of(arguments, arguments.name)
    job = inventory.find_job(session, name)
    api = projects.data_plane(session, projects.get(session))
    if job.type == COMMAND:
        names = _wanted(job, sorted(history.last_values(session, api, job.name)), arguments.only)
        found = {name: history.series(session, api, job.name, name) for name in names}
        return _of_command(job, found, arguments.output)
    if arguments.only:
        raise UsageError(
            f"'{job.name}' is a fine-tuning job: its two losses are drawn together.",
            next_step=f"foundry-tune metrics {arguments.name}",
        )
    train = history.series(session, api, job.name, TRAIN_LOSS)
    validation = history.series(session, api, job.name, VALIDATION_LOSS)
    if arguments.output != "table":
        value: dict[str, object] = {
            "job": job.name,
            "status": job.status,
            "metrics": {TRAIN_LOSS: _rows(train), VALIDATION_LOSS: _rows(validation)},
            "best_validation": _best(validation),
        }
        output.emit_structured(value, arguments.output)
        return 0
    if not train:
        raise RemoteError(
            f"Job '{job.name}' is {job.status} and has logged no loss yet.",
            next_step=f"foundry-tune wait {job.name}",
        )
    lines = text(job.name, train, validation, columns_of(sys.stdout))
    output.tell("\n".join(lines))
    return 0


def _wanted(job: "Job", logged: list[str], only: list[str] | None) -> list[str]:
    """The metrics that are asked for; all that the job has logged where none is named."""
    from jobs.errors import UsageError
    from jobs.suggestions import did_you_mean

    for name in only or ():
        if name not in logged:
            raise UsageError(
                f"Job '{job.name}' has logged no '{name}'.{did_you_mean(name, logged)}",
                next_step=f"It has logged: {', '.join(logged) or 'nothing yet'}.",
            )
    return only or logged


def _of_command(job: "Job", found: "dict[str, list[Point]]", form: str) -> int:
    from jobs.errors import RemoteError
    from jobs.terminal import output
    from jobs.terminal.fold import columns_of

    if form != "table":
        metrics = {name: _rows(points) for name, points in found.items()}
        answer: dict[str, object] = {"job": job.name, "status": job.status, "metrics": metrics}
        output.emit_structured(answer, form)
        return 0
    if not found:
        raise RemoteError(
            f"Job '{job.name}' is {job.status} and has logged no metric yet.",
            next_step=f"foundry-tune wait {job.name}",
        )
    output.tell("\n".join(curves(job.name, found, columns_of(sys.stdout))))
    return 0


def curves(
    job: str, found: "dict[str, list[Point]]", columns: int | None = None
) -> "Iterator[str]":
    """A curve of every metric that has more than one value, then a line for each."""
    from jobs.terminal.chart import draw
    from jobs.terminal.output import printable

    for name, points in found.items():
        if len(points) > 1:
            title = printable(name, 20)
            width = min(60, columns - len(title) - _GUTTER) if columns else 60
            steps = [(float(point.step), point.value) for point in points]
            yield from draw(steps, title=title, width=max(10, width))
    yield f"{job}:"
    for name, points in found.items():
        first, last = points[0], points[-1]
        words = f"{first.value:.4g} -> {last.value:.4g}" if len(points) > 1 else f"{last.value:.4g}"
        count = f"{len(points)} points to" if len(points) > 1 else "at"
        yield f"  {printable(name)} {words}  ({count} step {last.step})"


def text(
    job: str, train: "list[Point]", validation: "list[Point]", columns: int | None = None
) -> list[str]:
    """The curves with what to know about them; `columns` is the terminal's width, if it has one."""
    from jobs.foundry.history import perplexity
    from jobs.terminal.chart import draw

    width = min(60, columns - _GUTTER) if columns else 60
    curves = ([(p.step, p.value) for p in points] for points in (train, validation))
    lines = list(draw(*curves, title="loss", width=width))
    lines.append(" " * _GUTTER + "─ train" + ("  ● validation" if validation else ""))
    best = min(validation, key=lambda point: point.value, default=None)
    words = f"{job}: {len(train)} points to step {train[-1].step}"
    words += f", loss {train[0].value:.2f} -> {train[-1].value:.2f}"
    if best:
        words += f", best validation {best.value:.2f} at step {best.step}"
        words += f" (perplexity {perplexity(best.value):.2f})"
    return [*lines, words]


_GUTTER = 13
"""Cells left of a curve, for its title and its numbers."""


def _best(validation: "list[Point]") -> dict[str, object] | None:
    from jobs.foundry.history import perplexity

    best = min(validation, key=lambda point: point.value, default=None)
    if best is None:
        return None
    told = perplexity(best.value)
    return {
        "step": best.step,
        "loss": best.value,
        "perplexity": told if math.isfinite(told) else None,
    }


def _rows(points: "list[Point]") -> list[dict[str, object]]:
    return [{"step": point.step, "value": point.value} for point in points]
