"""The virtual clock."""

from datetime import UTC, datetime

import pytest

from emulator.state.clock import Clock, http_date, isoformat

START = datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_it_starts_where_it_is_told_and_stands_still_when_frozen() -> None:
    clock = Clock(START)
    clock.run(0)
    frozen = clock.timestamp()
    assert abs(frozen - START.timestamp()) < 5
    assert clock.timestamp() == frozen
    clock.advance(3600)
    assert clock.timestamp() == frozen + 3600
    clock.set(START)
    assert clock.now() == START


def test_it_runs_faster_than_real_time_when_told() -> None:
    clock = Clock(START)
    clock.run(1_000_000)
    before = clock.timestamp()
    while clock.timestamp() == before:
        pass
    assert clock.timestamp() - before < 1_000_000


@pytest.mark.parametrize("seconds", [1e300, -1e11, float("nan"), float("inf")])
def test_it_stays_in_the_years_that_can_be_written(seconds: float) -> None:
    clock = Clock(START)
    clock.run(0)
    frozen = clock.now()
    with pytest.raises(ValueError, match="from 1970 to 2999"):
        clock.advance(seconds)
    assert clock.now() == frozen


@pytest.mark.parametrize("scale", [-1, float("nan"), 1e9])
def test_it_never_runs_backwards_or_out_of_hand(scale: float) -> None:
    with pytest.raises(ValueError, match="time runs from 0"):
        Clock(START).run(scale)


def test_times_are_written_as_azure_writes_them() -> None:
    assert isoformat(START.timestamp() + 0.25) == "2025-06-01T12:00:00.2500000Z"
    assert http_date(START.timestamp()) == "Sun, 01 Jun 2025 12:00:00 GMT"
