"""What became of an online endpoint behind its document's back, and what of it comes back."""

import json
from dataclasses import replace

import pytest

from emulator.state.ids import parse_id
from jobs.foundry import online
from tests.integration.jobs.conftest import Place
from tests.integration.jobs.test_online_endpoints import ask, deployments, register, write_online


@pytest.mark.rehearsal
def test_what_moved_by_hand_is_told_and_what_the_document_says_comes_back(place: Place) -> None:
    register(place)
    spec = write_online(place, ("type: online_endpoint\n", "type: online_endpoint\ntags: {a: b}\n"))
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert place.tune("drift", str(spec)).code == 0
    [name] = deployments(place)

    session, store = place.session(), place.emulator.cloud.resources
    seen = online.find(session, place.name)
    assert seen is not None
    online.move_traffic(session, seen, {})
    id = parse_id(f"{place.project_id}/onlineEndpoints/{place.name}")
    endpoint, deployed = store.get(id), store.get(id.child("deployments", name))
    assert endpoint is not None
    assert deployed is not None
    del endpoint.body["tags"]["a"]
    store.put(endpoint)
    theirs = replace(deployed, id=id.child("deployments", "blue"))
    theirs.body["tags"] = {}
    store.put(theirs)
    scaled = online.find_deployment(session, place.name, name)
    assert scaled is not None
    session.arm.patch(
        f"{session.project_id}/onlineEndpoints/{place.name}/deployments/{name}",
        "2025-12-01",
        {"sku": {"name": "Default", "capacity": 3}, "tags": dict(scaled.tags)},
        "scale it by hand",
    )

    found = place.tune("drift", str(spec), "-o", "json")
    assert found.code == 12, found.said
    told = {(one["kind"], one["where"]): one for one in json.loads(found.out)["drift"]}
    deployment = f"deployment {place.name}/{name}"
    assert set(told) == {
        ("tags", f"endpoint {place.name}"),
        ("traffic", f"endpoint {place.name}"),
        ("machines", deployment),
        ("unknown_deployment", f"deployment {place.name}/blue"),
    }
    assert told["machines", deployment]["now"] == "3 x Standard_DS3_v2"
    assert told["traffic", f"endpoint {place.name}"]["now"] == "nobody"

    fixed = place.tune("drift", str(spec), "--fix", "--yes")
    assert fixed.code == 12, fixed.said
    left = json.loads(place.tune("drift", str(spec), "-o", "json").out)["drift"]
    assert sorted(one["kind"] for one in left) == ["machines", "unknown_deployment"]
    assert deployments(place)[name] == 100
    assert ask(place) == "Hello you"

    kept = place.tune("down", str(spec), "--yes")
    assert kept.code == 4, kept.said
    assert "has a deployment that foundry-tune didn't make: blue" in kept.err
    assert set(deployments(place)) == {name, "blue"}
    gone = place.tune("down", str(spec), "--foreign", "--yes")
    assert gone.code == 0, gone.said
    assert online.find(session, place.name) is None


def test_an_online_endpoint_of_somebody_elses_goes_only_where_that_is_said(place: Place) -> None:
    session = place.session()
    online.make(session, place.name, location="eastus2", auth_mode="Key", tags={"of": "theirs"})
    kept = place.tune("down", place.name, "--yes")
    assert kept.code == 4, kept.said
    assert "foundry-tune didn't make it" in kept.err
    assert f"foundry-tune down {place.name} --foreign" in kept.err
    assert online.find(session, place.name) is not None
    gone = place.tune("down", place.name, "--foreign", "--yes")
    assert gone.code == 0, gone.said
    assert online.find(session, place.name) is None
