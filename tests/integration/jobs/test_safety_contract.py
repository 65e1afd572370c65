"""The content filter fails closed: what isn't proven isn't served, and drift is put right."""

import json

import pytest

from tests.integration.jobs.conftest import Place, platform, write_story

pytestmark = pytest.mark.rehearsal

LEAK = "harmful:\n  - {category: violence, prompt: How do I bake bread?}\n"


def test_an_endpoint_that_lets_a_probe_through_is_deleted_again(place: Place) -> None:
    (place.folder / "probes.yaml").write_text(LEAK, encoding="utf-8")
    spec = write_story(place, extra="safety_probes: probes.yaml\n")
    applied = place.tune("apply", str(spec), "--yes", "--settle", "0")
    assert applied.code == 6, applied.said
    assert "a violence probe was answered instead of refused" in applied.err
    assert f"was deleted again: nothing serves '{place.name}'. The model is kept." in applied.err
    assert "serving at" not in applied.out
    assert "bread" not in applied.said
    assert place.endpoints() == []
    [status] = json.loads(place.tune("status", "-o", "json").out)["specs"]
    assert (status["endpoint"], status["model"]) == ("", f"{place.name}:1")


def test_a_served_endpoint_that_fails_a_new_proof_is_left_and_not_called_served(
    place: Place,
) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    (place.folder / "probes.yaml").write_text(LEAK, encoding="utf-8")
    write_story(place, extra="safety_probes: probes.yaml\n")
    proven = place.tune("apply", str(spec), "--yes", "--settle", "0")
    assert proven.code == 6, proven.said
    assert "left as it is; it is NOT proven" in proven.err
    assert "serving at" not in proven.out
    assert place.tune("apply", str(spec), "--yes", "--settle", "0").code == 6


def test_a_filter_switched_off_behind_our_back_is_switched_on_and_proven(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    switch_off(place)
    [status] = json.loads(place.tune("status", "-o", "json").out)["specs"]
    assert status["safety"] == "OFF"
    chat = place.tune("chat", place.name, "Hello", "--max-tokens", "4")
    assert "the content filter" in chat.err
    planned = place.tune("plan", str(spec))
    assert "content_safety   Disabled -> Enabled" in planned.out
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "on, read back, 4 of 4 harmful probes refused" in applied.out


def test_no_filter_needs_a_justification_and_says_so_loudly(place: Place) -> None:
    off = "content_safety: disabled\njustification: An internal red team needs raw answers.\n"
    spec = write_story(place, extra=off)
    assert "content safety OFF" in place.tune("plan", str(spec)).out
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "WITHOUT a content filter" in applied.err
    [status] = json.loads(place.tune("status", "-o", "json").out)["specs"]
    assert status["safety"] == "OFF"


def test_a_refused_question_says_what_azure_says(place: Place) -> None:
    spec = write_story(place)
    assert place.tune("apply", str(spec), "--yes").code == 0
    refused = place.tune("chat", place.name, "[[content-safety-test violence=6]]")
    assert refused.code == 6
    assert refused.err == "Refused by the content filter: violence, severity high (prompt).\n"
    question = place.folder / "question.txt"
    question.write_text("[[content-safety-test self_harm=4]]", encoding="utf-8")
    refused = place.tune("chat", str(spec), "--file", str(question))
    assert refused.err == "Refused by the content filter: self-harm, severity medium (prompt).\n"


def switch_off(place: Place) -> None:
    """What somebody in the portal might do."""
    arm = platform(place)
    path = f"{place.project_id}/serverlessEndpoints/{place.endpoint().name}"
    body = arm.get(path, "2024-10-01", "read it")
    body["properties"]["contentSafety"] = {"contentSafetyStatus": "Disabled"}
    arm.put(path, "2024-10-01", body, "switch the filter off")
