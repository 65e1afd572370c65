"""A job's loss curves, training and validation, in the terminal or as JSON."""

import math
import sys
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
    """Draw both losses, and say where validation was best."""
    from jobs.arguments import names_of, session_of
    from jobs.errors import RemoteError
    from jobs.foundry import history, projects
    from jobs.foundry.history import TRAIN_LOSS, VALIDATION_LOSS
    from jobs.look import inventory
    from jobs.terminal import output
    from jobs.terminal.fold import columns_of

    name = names_of(arguments.name)[0]
    session = session_of(arguments, arguments.name)
    job = inventory.find_job(session, name)
    api = projects.data_plane(session, projects.get(session))
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
