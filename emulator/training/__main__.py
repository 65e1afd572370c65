"""Trains one job in a process of its own: `python -m emulator.training JOB.json`.

JOB.json: base_model, training_data, validation_data (or null), hyperparameters (strings, as on the
wire), output, seed. Each line on stdout is a JSON object, kept in OUTPUT/metrics.jsonl as well:

    started     total_steps, parameters, …
    warning     message
    step        step, epoch, train_loss, learning_rate, effective_learning_rate, grad_norm
    validation  step, epoch, validation_loss; the first one before any step
    completed   the summary                                                   exit 0
    failed      code, message                                                 exit 1
    canceled    step                          after SIGTERM, between steps    exit 143
"""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from emulator.training.errors import Stopped, TrainingError
from emulator.training.trainer import Job, train


def main(arguments: Sequence[str]) -> int:
    """Runs the job in the named file and gives the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m emulator.training JOB.json\n")
        return 2
    canceled: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: canceled.append(number))
    # Ctrl-C reaches the whole process group; in Azure it stops the client and never the job.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job = read_job(Path(arguments[0]))
    job.output.mkdir(parents=True, exist_ok=True)
    with (job.output / "metrics.jsonl").open("w", encoding="utf-8") as metrics:
        report = _Report(metrics)
        try:
            train(job, report, lambda: bool(canceled))
        except TrainingError as error:
            report({"event": "failed", "code": error.code, "message": str(error)})
            return 1
        except Stopped:
            report({"event": "canceled"})
            return 128 + signal.SIGTERM
        except BrokenPipeError:
            # The emulator is gone, and nobody is left to read what this would become.
            return 1
    return 0


def read_job(path: Path) -> Job:
    """Reads a JOB.json; its paths are relative to the working directory."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    validation = document["validation_data"]
    return Job(
        base_model=document["base_model"],
        training_data=Path(document["training_data"]),
        validation_data=Path(validation) if validation else None,
        hyperparameters=document["hyperparameters"],
        output=Path(document["output"]),
        seed=document["seed"],
    )


class _Report:
    """Writes each event at once: to the parent process, and to the file that stays."""

    def __init__(self, metrics: TextIO) -> None:
        self._outputs = (sys.stdout, metrics)

    def __call__(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=False) + "\n"
        for output in self._outputs:
            output.write(line)
            output.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
