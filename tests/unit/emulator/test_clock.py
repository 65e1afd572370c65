"""The virtual clock."""

from datetime import UTC, datetime

from emulator.clock import Clock, http_date, isoformat

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


def test_times_are_written_as_azure_writes_them() -> None:
    assert isoformat(START.timestamp() + 0.25) == "2025-06-01T12:00:00.2500000Z"
    assert http_date(START.timestamp()) == "Sun, 01 Jun 2025 12:00:00 GMT"
