"""The limits of an endpoint, on a clock that the test turns."""

import pytest

from emulator.services.inference.limits import Limits
from emulator.state.errors import AzureError


def test_a_minute_takes_so_many_requests_and_the_next_one_takes_more() -> None:
    limits = Limits(requests=2)
    limits.take("a", 0.0)
    limits.take("a", 10.0)
    with pytest.raises(AzureError, match="2 requests a minute") as refused:
        limits.take("a", 20.0)
    assert refused.value.status == 429
    assert refused.value.headers["retry-after"] == "40"
    limits.take("a", 60.0)


def test_tokens_of_answers_count_too() -> None:
    limits = Limits(tokens=100)
    limits.take("a", 0.0)
    limits.used_tokens("a", 100, 1.0)
    with pytest.raises(AzureError, match="100 tokens a minute"):
        limits.take("a", 2.0)


def test_endpoints_do_not_share_a_limit() -> None:
    limits = Limits(requests=1)
    limits.take("a", 0.0)
    limits.take("b", 0.0)
