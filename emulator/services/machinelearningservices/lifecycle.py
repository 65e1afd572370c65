"""The statuses of a job, in the order the service goes through them."""

QUEUED = "Queued"
PREPARING = "Preparing"
RUNNING = "Running"
FINALIZING = "Finalizing"
COMPLETED = "Completed"
FAILED = "Failed"
CANCEL_REQUESTED = "CancelRequested"
CANCELED = "Canceled"

TERMINAL = frozenset({COMPLETED, FAILED, CANCELED})

_NEXT: dict[str, frozenset[str]] = {
    QUEUED: frozenset({PREPARING, CANCEL_REQUESTED, FAILED}),
    PREPARING: frozenset({RUNNING, CANCEL_REQUESTED, FAILED, QUEUED}),
    RUNNING: frozenset({FINALIZING, CANCEL_REQUESTED, FAILED, QUEUED}),
    FINALIZING: frozenset({COMPLETED, FAILED, CANCEL_REQUESTED, QUEUED}),
    CANCEL_REQUESTED: frozenset({CANCELED}),
}


def shown(job_type: str, status: str) -> str:
    """What the service says of a status.

    A fine-tuning job is a pipeline there: it runs from the moment it is taken, whatever its steps
    wait for. As recorded (Azure/azure-sdk-assets, test_maap_finetuning_job): `Running` in the 201.
    """
    waits = job_type.lower() == "finetuning" and status in (QUEUED, PREPARING)
    return RUNNING if waits else status


def may_follow(status: str, following: str) -> bool:
    """Whether a job may go from one status to the other.

    Back to Queued happens only when the emulator restarts: the work it lost is really done again.
    A terminal status is never left, so a late event of a killed trainer can't revive a job.
    """
    return following in _NEXT.get(status, frozenset())
