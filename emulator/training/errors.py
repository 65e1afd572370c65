"""What can go wrong in a training job through its input.

TrainingError        code, message: the job's error on the wire
└── UserError        the data or a hyperparameter is at fault
Stopped              somebody canceled the job; not an error
"""


class TrainingError(Exception):
    """A job that can't be finished; its text is what Azure would show as the job's error."""

    code = "SystemError"


class UserError(TrainingError):
    """The data or a hyperparameter is at fault: run again with other input."""

    code = "UserError"


class Stopped(Exception):  # noqa: N818 - being canceled is not an error
    """The job was canceled between two steps."""
