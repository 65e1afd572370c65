"""A rate limit is waited for once by all, said, and not waited for without end."""

from email.utils import formatdate
from time import time

import pytest

from jobs.errors import RemoteError
from jobs.foundry.pace import Pace, ThrottledError, asked_to_wait


def throttled(seconds: float | None) -> ThrottledError:
    error = ThrottledError("slow down", next_step="wait")
    error.seconds = seconds
    return error


class Endpoint:
    """Refuses so many times, then answers."""

    def __init__(self, times: int, seconds: float | None) -> None:
        self.left, self.seconds = times, seconds

    def ask(self) -> str:
        if self.left:
            self.left -= 1
            raise throttled(self.seconds)
        return "answered"


def test_what_the_endpoint_asks_for_is_waited_and_said() -> None:
    heard, waited = list[str](), list[float]()
    assert Pace(heard.append, waited.append).keep(Endpoint(2, 30).ask) == "answered"
    assert waited == [30, 30]
    assert heard == ["The endpoint's rate limit is reached; waiting 30 s …"] * 2


def test_a_moment_isnt_worth_saying() -> None:
    heard, waited = list[str](), list[float]()
    assert Pace(heard.append, waited.append).keep(Endpoint(1, 1).ask) == "answered"
    assert (heard, waited) == ([], [1])


def test_a_limit_without_a_word_of_when_is_tried_a_few_times() -> None:
    waited = list[float]()
    with pytest.raises(ThrottledError):
        Pace(print, waited.append).keep(Endpoint(9, None).ask)
    assert waited == [0.5, 1, 2]


def test_an_endless_limit_and_an_endless_wait_are_told() -> None:
    waited = list[float]()
    with pytest.raises(ThrottledError):
        Pace(lambda _: None, waited.append).keep(Endpoint(99, 60).ask)
    assert len(waited) == 20
    with pytest.raises(RemoteError, match="asks to wait 61 s"):
        Pace(print, waited.append).keep(Endpoint(1, 61).ask)
    assert len(waited) == 20


def test_whoever_asked_before_somebody_waited_doesnt_wait_too() -> None:
    waited = list[float]()
    pace = Pace(lambda _: None, waited.append)
    inner = Endpoint(1, 30)

    class Outer(Endpoint):
        """Meanwhile somebody else is refused, waits and is answered."""

        def ask(self) -> str:
            if self.left:
                assert pace.keep(inner.ask) == "answered"
            return super().ask()

    assert pace.keep(Outer(1, 30).ask) == "answered"
    assert waited == [30]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_headers_say_how_long(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_to_wait(headers) == seconds


def test_headers_say_until_when() -> None:
    wait = asked_to_wait({"retry-after": formatdate(time() + 30, usegmt=True)})
    assert wait is not None
    assert 25 < wait <= 30
