"""`validate` of a thousand specs against parsing them, and against azure-ai-ml's `load_job`."""

import logging
import warnings
from datetime import date
from pathlib import Path

from benchmarks.measure import Result, ratio
from jobs.read.examine import examine

COUNT = 1000
SPEC = """\
# Teach a model to answer as a support agent.
type: finetuning
name: support-{number}
display_name: Support {number}
experiment_name: support
description: {number} उत्तर दिने सहायक, नेपालीमा र अङ्ग्रेजीमा
task: chat_completion
model_provider: custom
model:
  path: azureml://registries/azureml/models/Phi-4-mini-instruct
  type: mlflow_model
training_data:
  path: azureml:support-train:{number}
  type: uri_file
validation_data: {{path: "azureml:support-valid:{number}", type: uri_file}}
hyperparameters:
  num_train_epochs: "3"
  per_device_train_batch_size: "1"
  learning_rate: "0.00002"
tags:
  team: support
  ticket: "{number}"
  stage: dev
  owner: someone
  reason: measured in the benchmark of foundry-tune, which reads a thousand of these
outputs:
  registered_model: {{name: support-{number}, type: mlflow_model}}
"""


def run(folder: Path) -> list[Result]:
    """Both figures, files read from disk each time."""
    paths = [folder / f"spec-{number}.yaml" for number in range(COUNT)]
    for number, path in enumerate(paths):
        path.write_text(SPEC.format(number=number), encoding="utf-8")
    on = date(2026, 11, 23)

    def validate(these: list[Path]) -> None:
        # A note says that data in Azure is not looked at.
        assert {finding.severity for finding in examine(these, on=on).findings} <= {"note"}

    import yaml

    def parse(these: list[Path]) -> None:
        for path in these:
            yaml.load(path.read_bytes(), yaml.CSafeLoader)

    bare = ratio(lambda: validate(paths), lambda: parse(paths))
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml import load_job

        few = paths[:20]
        theirs = ratio(lambda: [load_job(path) for path in few], lambda: validate(few), rounds=3)
    logging.disable(logging.NOTSET)
    return [
        Result("validate 1,000 specs / bare CSafeLoader", bare, 1.5, "x"),
        Result("azure-ai-ml load_job / validate", theirs, 20, "x", True),
    ]
