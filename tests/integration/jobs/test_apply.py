"""`plan`, `apply`, `status` and `down`, as a user runs them, against the emulator over HTTPS."""

import json
import re

from tests.integration.jobs.conftest import Place, write_story


def test_a_story_from_nothing_to_served_and_back(place: Place) -> None:
    spec = write_story(place)
    planned = place.tune("plan", str(spec))
    assert planned.code == 0, planned.said
    assert "6 to create, 0 to change, 0 to delete." in planned.out
    assert place.tune("plan", str(spec), "--detailed-exitcode").code == 2

    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert re.search(r"completed in \d+ s; loss \d\.\d\d -> \d\.\d\d, validation", applied.out)
    assert "on, read back, 4 of 4 harmful probes refused, 1 of 1 harmless answered" in applied.out
    assert "1 of 1 passed on /chat/completions" in applied.out
    assert f"Done. Try it:  foundry-tune chat {place.name}" in applied.out
    [job] = place.jobs()

    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert again.code == 0, again.said
    assert "Nothing to do: Azure is as the spec says." in again.out
    assert place.writes(mark) == []
    assert place.tune("plan", str(spec), "--detailed-exitcode").code == 0

    changed = place.tune(
        "plan", str(spec), "--set", f"finetuning.{place.name}.hyperparameters.epochs=2"
    )
    assert changed.code == 0, changed.said
    replaced = rf"-/\+ +finetuning +{job} -> {place.name}-\w{{10}}\n"
    assert re.search(rf"{replaced} +hyperparameters.epochs +1 -> 2\n", changed.out)
    assert re.search(rf"\+ +endpoint +{place.name}-\w{{10}} +content safety on", changed.out)
    assert re.search(rf"endpoint +{job} -> {place.name}-\w{{10}}\n", changed.out)
    assert re.search(rf"= +endpoint +{job} +kept 1h after that, and billed\n", changed.out)

    [spec_status] = json.loads(place.tune("status", "-o", "json").out)["specs"]
    assert spec_status["model"] == f"{place.name}:1"
    assert spec_status["safety"] == "on"

    down = place.tune("down", str(spec), "--yes")
    assert down.code == 0, down.said
    kinds = [line.split()[1] for line in down.out.splitlines() if line.startswith("  -")]
    assert kinds == ["connection", "endpoint", "model", "data"]
    assert down.out.endswith(f"Nothing that costs money is left of {place.name}.\n")
    again = place.tune("down", str(spec), "--yes")
    assert (again.code, again.out) == (0, f"Nothing is left of {place.name}.\n")
