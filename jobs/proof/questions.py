"""The questions of an evaluation, as its file was when it was planned."""

from jobs.files import read_unchanged
from jobs.plan.desired import Measuring
from jobs.proof import metrics
from jobs.proof.metrics import Question


def questions_of(measuring: Measuring) -> list[Question]:
    """Every question that an evaluation asks, in the order of its file.

    Raises:
        InvalidInputError: The file is another by now.
    """
    content = read_unchanged(measuring.path, measuring.sha256)
    return metrics.questions(content, measuring.spec if measuring.hosting else None)
