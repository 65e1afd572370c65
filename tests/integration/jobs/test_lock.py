"""`run.lock`: what a revision was made with, and what moved since."""

import json

import yaml

from jobs.foundry import endpoints
from tests.integration.jobs.conftest import Place, write_story


def test_a_lock_says_what_moved_in_files_and_in_azure_and_apply_keeps_it(place: Place) -> None:
    spec = write_story(place)
    lock = spec.with_name(f"{spec.stem}.run.lock")
    written = place.tune("lock", str(spec))
    assert written.code == 0, written.said
    assert place.tune("verify", str(spec)).code == 0, "nothing was there, and nothing is"
    assert place.tune("apply", str(spec), "--yes").code == 0
    text = lock.read_text(encoding="utf-8")
    body = yaml.safe_load(text)
    served = place.endpoint()
    assert body["azure"][f"connection/{place.name}"] == {
        "spec": place.name,
        "endpoint": served.name,
    }
    assert body["azure"][f"endpoint/{served.name}"]["content_safety"] == "Enabled"
    assert body["documents"][f"finetuning.{place.name}"]["hyperparameters.epochs"] == "1"
    assert endpoints.key(place.session(), served.name) not in text
    assert place.tune("verify", str(spec)).code == 0
    assert "says so already" in place.tune("lock", str(spec)).out
    assert lock.read_text(encoding="utf-8") == text

    endpoints.put(
        place.session(),
        served.name,
        location="eastus2",
        model_id=served.model_id,
        content_safety=False,
        auth_mode="Key",
        tags=served.tags,
    )
    spec.write_text(spec.read_text(encoding="utf-8").replace("epochs: 1", "epochs: 2"))
    moved = place.tune("verify", str(spec), "-o", "json")
    assert moved.code == 11, moved.said
    moves = {one["what"]: (one["before"], one["after"]) for one in json.loads(moved.out)["moved"]}
    assert moves[f"endpoint/{served.name} content_safety"] == ("Enabled", "Disabled")
    assert moves[f"finetuning.{place.name} hyperparameters.epochs"] == ("1", "2")
    assert spec.name in moves


def test_what_is_no_lock_is_refused_and_left_as_it_is(place: Place) -> None:
    spec = write_story(place)
    lock = spec.with_name(f"{spec.stem}.run.lock")
    assert place.tune("verify", str(spec)).code == 2
    lock.write_text("kind: something else\n", encoding="utf-8")
    for verb in ("verify", "lock"):
        refused = place.tune(verb, str(spec))
        assert refused.code == 3, refused.said
        assert "is no lock of this version" in refused.err
    assert lock.read_text(encoding="utf-8") == "kind: something else\n"
