"""A job's statuses only ever go the service's way."""

from itertools import pairwise

import pytest

from emulator.services.machinelearningservices.lifecycle import TERMINAL, may_follow


def test_the_way_of_a_job_that_works() -> None:
    way = ["Queued", "Preparing", "Running", "Finalizing", "Completed"]
    assert all(may_follow(a, b) for a, b in pairwise(way))


@pytest.mark.parametrize("status", sorted(TERMINAL))
@pytest.mark.parametrize("following", ["Queued", "Running", "Completed", "Failed", "Canceled"])
def test_nothing_revives_a_finished_job(status: str, following: str) -> None:
    assert not may_follow(status, following)


def test_a_canceled_job_is_not_completed_by_a_late_event() -> None:
    assert may_follow("Running", "CancelRequested")
    assert not may_follow("CancelRequested", "Completed")
    assert may_follow("CancelRequested", "Canceled")
