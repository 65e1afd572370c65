"""Whatever comes where Azure's JSON is expected: words and an exit code, never a traceback."""

import json
from typing import Any

import pytest

from tests.integration.jobs.conftest import Place, write_story

pytestmark = pytest.mark.rehearsal

SERIES: dict[str, Any] = {
    "data": [{"timeStamp": "soon", "total": 1}, 7],
    "metadatavalues": [{"value": []}],
}
METRIC: dict[str, Any] = {
    "name": {"value": "ModelRequests"},
    "dimensions": 7,
    "timeseries": [SERIES, None],
}
VALUES: tuple[Any, ...] = (
    *(None, 0, {}, {"value": [None]}, {"id": 7, "name": [], "properties": {"x": None}}),
    {"value": [METRIC]},
    *({"choices": []}, {"choices": [{"message": None}]}, {"choices": 7}),
)
BODIES = ("", "<html>sign in</html>", *(json.dumps(value) for value in VALUES))
CALLS = (
    ("POST", "/chat/completions$", ("chat", "NAME", "Hello")),
    ("GET", "/jobs", ("status",)),
    ("GET", "/jobs|/models|/serverlessEndpoints/", ("show", "NAME")),
    ("GET", "/serverlessEndpoints", ("list",)),
    ("GET", "/models", ("plan", "SPEC")),
    ("POST", "/metric/", ("metrics", "NAME")),
    ("GET", "/Microsoft.Insights/", ("monitor", "NAME", "--no-canaries")),
)
BEFORE_AN_UPLOAD = ("/datastores", "/data/[^/]+/versions/")
CODES = {0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 103}


def test_any_json_or_none_where_an_object_is_expected_is_no_traceback(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    rules = place.emulator.control.faults
    odd: list[str] = []
    for method, path, words in CALLS:
        command = [{"NAME": place.name, "SPEC": str(spec)}.get(word, word) for word in words]
        for body in BODIES:
            match = {"method": method, "path": path, "count": 99}
            rules.add({"match": match, "do": {"answer": {"body": body}}})
            ran = place.tune(*command)
            assert any(rule["fired"] for rule in rules.rules()), words
            rules.clear()
            if ran.code not in CODES or "Traceback" in ran.err or "Error:" in ran.err:
                odd.append(f"{' '.join(words)} with {body!r}: {ran.code} {ran.said[-300:]}")
    assert odd == []


def test_an_empty_chat_answer_is_no_answer(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    rules = place.emulator.control.faults
    for body in ("", "[]", "data: [DONE]\n\n"):
        match = {"method": "POST", "path": "/chat/completions$", "count": 9}
        rules.add({"match": match, "do": {"answer": {"body": body}}})
        ran = place.tune("chat", place.name, "Hello")
        rules.clear()
        assert ran.code == 9, ran.said
        assert "could not be used" in ran.err


def test_any_answer_before_an_upload_is_no_traceback_and_starts_no_job(place: Place) -> None:
    spec = write_story(place)
    rules = place.emulator.control.faults
    odd: list[str] = []
    for path in BEFORE_AN_UPLOAD:
        for body in BODIES[:6]:
            match = {"method": "GET", "path": path, "count": 99}
            rules.add({"match": match, "do": {"answer": {"body": body}}})
            ran = place.tune("apply", str(spec), "--yes")
            assert any(rule["fired"] for rule in rules.rules()), path
            rules.clear()
            if ran.code not in CODES - {0} or "Traceback" in ran.err or "Error:" in ran.err:
                odd.append(f"{path} with {body!r}: {ran.code} {ran.said[-300:]}")
    assert odd == []
    assert place.jobs() == []
