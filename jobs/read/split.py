"""The two parts of a spec's training data, where its `validation_data` asks for a split."""

from pathlib import Path

from jobs.dataset.split import split_file
from jobs.spec.models import FineTuning, ValidationData


def write_halves(
    spec: FineTuning, split: ValidationData, source: Path, training: Path, validation: Path
) -> None:
    """Write both parts: the same for the same data and seed, wherever it is done.

    Raises:
        UnreadableFileError: The training data can't be read.
    """
    split_file(
        source,
        training,
        validation,
        share=split.split or 0.0,
        seed=split.seed,
        group_by=split.group_by,
        task="text_completion" if spec.task == "text_completion" else "chat_completion",
    )
