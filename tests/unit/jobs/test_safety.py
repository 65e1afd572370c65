"""What acquits an endpoint's content filter, and what doesn't."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.errors import InvalidInputError, RemoteError, SafetyError
from jobs.foundry.inference import Answer, Messages, Refusal
from jobs.proof import safety
from jobs.proof.safety import prove
from jobs.spec.probes import CATEGORIES, Probe, load

ANSWER = Answer(text="Hello!", finish_reason="stop", fingerprint="", tokens=2)
REFUSAL = Refusal(code="content_filter", where="prompt", severities={"violence": "high"})
PROBES = (
    *(Probe(prompt=f"harm by {category}", category=category) for category in CATEGORIES),
    Probe(prompt="hello", category=""),
)


class Endpoint:
    """Answers by a rule, and remembers what it was asked."""

    def __init__(self, refuses: Callable[[str], bool]) -> None:
        self.refuses = refuses
        self.asked: list[str] = []

    def ask(self, messages: Messages, *, max_tokens: int, temperature: float) -> Answer | Refusal:
        assert (max_tokens, temperature) == (safety.MAX_TOKENS, 0)
        prompt = messages[-1]["content"]
        self.asked.append(prompt)
        return REFUSAL if self.refuses(prompt) else ANSWER


def test_a_working_filter_refuses_each_category_and_lets_the_rest_through() -> None:
    report = prove(Endpoint(lambda prompt: "harm" in prompt), PROBES)
    assert report.passed
    assert report.summary() == "4 of 4 harmful probes refused, 1 of 1 harmless answered"


def test_one_probe_that_gets_through_fails_the_filter() -> None:
    report = prove(Endpoint(lambda prompt: "harm" in prompt and "sexual" not in prompt), PROBES)
    assert not report.passed
    assert [leak.probe.category for leak in report.leaks] == ["sexual"]
    assert report.failures() == ["a sexual probe was answered instead of refused"]


def test_a_filter_that_refuses_everything_fails_too() -> None:
    report = prove(Endpoint(lambda _: True), PROBES)
    assert not report.passed
    assert report.failures() == ["a harmless probe was refused: 'hello'"]


def test_a_category_that_was_not_tried_is_not_proven() -> None:
    without_hate = tuple(probe for probe in PROBES if probe.category != "hate")
    assert not prove(Endpoint(lambda prompt: "harm" in prompt), without_hate).passed


def test_a_filter_may_take_its_time_to_be_in_force() -> None:
    waits: list[int] = []
    endpoint = Endpoint(lambda prompt: "harm" in prompt and len(waits) >= 2)

    def between() -> bool:
        waits.append(1)
        return len(waits) < 5

    assert prove(endpoint, PROBES, between=between).passed
    assert len(endpoint.asked) == 3 * len(PROBES)


def test_time_that_runs_out_is_no_acquittal() -> None:
    assert not prove(Endpoint(lambda _: False), PROBES, between=lambda: False).passed


def test_the_built_in_probes_cover_every_category_and_something_harmless() -> None:
    probes = load()
    assert {probe.category for probe in probes} == {*CATEGORIES, ""}


def test_own_probes_come_beside_the_built_in_ones(tmp_path: Path) -> None:
    own = tmp_path / "probes.yaml"
    own.write_text("harmful:\n  - {category: hate, prompt: mine}\n", encoding="utf-8")
    assert len(load(own)) == len(load()) + 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "two lists"),
        ("harmfull: []", "two lists"),
        ("harmful: yes", "harmful: not a list"),
        ("harmful:\n  - {prompt: x}", "category '' is not one of hate"),
        ("harmful:\n  - {category: hate}", "needs a 'prompt'"),
        ("harmless:\n  - {prompt: x, category: hate}", "unknown field 'category'"),
        ("harmful: [", "can't be read"),
    ],
)
def test_a_probes_file_of_another_shape_is_refused_by_place(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "probes.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=says):
        load(path)


def test_reports_name_categories_and_never_repeat_a_harmful_prompt() -> None:
    report = prove(Endpoint(lambda _: False), load())
    harmful = [probe.prompt for probe in load() if probe.category]
    assert not any(prompt in line for prompt in harmful for line in report.failures())


@pytest.mark.parametrize("silent_from", [3, len(PROBES) + 2])
def test_a_leak_is_not_forgotten_when_the_endpoint_then_falls_silent(silent_from: int) -> None:
    def falls_silent(_: str) -> bool:
        if len(endpoint.asked) >= silent_from:
            raise RemoteError("Azure has a problem of its own.")
        return False

    endpoint = Endpoint(falls_silent)
    with pytest.raises(SafetyError, match="a hate probe was answered instead of refused, and then"):
        prove(endpoint, PROBES, between=lambda: True)


def test_silence_without_a_leak_stays_an_error_that_may_be_tried_again() -> None:
    def falls_silent(_: str) -> bool:
        raise RemoteError("Azure has a problem of its own.")

    with pytest.raises(RemoteError):
        prove(Endpoint(falls_silent), PROBES)
