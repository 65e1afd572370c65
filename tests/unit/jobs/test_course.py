"""What an online endpoint's tags remember of its traffic."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.foundry import course
from jobs.foundry.course import Course
from jobs.revision import LONGEST_TAG_VALUE, TAG_WITHDRAWN

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_one_before_is_kept_for_as_long_as_is_said() -> None:
    led = Course().led_to("r-1", "", NOW, HOUR)
    assert (led.previous, led.kept_until, led.since("r-1")) == ("", "", NOW.isoformat())
    led = led.led_to("r-2", "r-1", NOW, HOUR)
    assert led.keeps("r-1", NOW)
    assert not led.keeps("r-1", NOW + HOUR)
    assert not led.keeps("r-2", NOW)
    assert not led.led_to("r-3", "r-2", NOW, timedelta()).keeps("r-2", NOW)


def test_what_was_rolled_back_from_is_remembered_until_it_is_led_to_again() -> None:
    led = Course().led_to("r-1", "r-2", NOW, HOUR, back=True)
    assert led.withdrawn == "r-2"
    assert led.led_to("r-3", "r-1", NOW, HOUR).withdrawn == "r-2"
    assert led.led_to("r-2", "r-1", NOW, HOUR).withdrawn == ""
    assert led.led_to("r-2", "r-1", NOW, HOUR).tags[TAG_WITHDRAWN] == ""


def test_tags_hold_what_azure_takes_and_read_back_the_same() -> None:
    led = Course()
    for number in range(40):
        led = led.led_to(f"r-{number:010x}", f"r-{number - 1:010x}", NOW, HOUR)
    assert all(len(value) <= LONGEST_TAG_VALUE for value in led.tags.values())
    read = course.of(led.tags)
    assert (read.previous, read.kept_until) == (led.previous, led.kept_until)
    assert read.served == led.served[: len(read.served)]
    assert len(read.served) >= 6


@pytest.mark.parametrize("typed", ["", "tomorrow", "2026-11-29T12:00:00", "2026-11-29 r-1, x"])
def test_what_somebody_typed_over_a_tag_keeps_and_tells_nothing(typed: str) -> None:
    tags = {**Course(previous="r-1").tags, **dict.fromkeys(list(Course().tags)[1:], typed)}
    read = course.of(tags)
    assert not read.keeps("r-1", NOW)
    assert [one for one in read.served if not one.since] == []
