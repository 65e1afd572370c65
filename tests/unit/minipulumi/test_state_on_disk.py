"""The checkpoint, its journal, its secrets, the settings file: what is on disk after any moment."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from minipulumi import planning, settings
from minipulumi.checkpoint import Checkpoint, read_latest, render, replace_file
from minipulumi.errors import PulumiError, Refused
from minipulumi.passphrase import Passphrase
from minipulumi.resources import Resource
from minipulumi.values import mark, plain

SALT = "v1:pmo25UACHUU=:v1:BDLzHRzut+nQO/sl:bBVCSAv8+M3sq8Af/dNxA17bnJFe3g=="


@pytest.fixture(scope="module")
def cipher() -> Passphrase:
    made = Passphrase(SALT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_CONFIG_PASSPHRASE", "golden")
        made.unlock()
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "golden" / "dev.json"
    file.parent.mkdir()
    secrets = {"type": "passphrase", "state": {"salt": SALT}}
    file.write_text(render(file, "2026-01-01T00:00:00Z", secrets, [], []))
    return file


def thing(name: str, **more: Any) -> Resource:
    return Resource(urn=f"urn:pulumi:dev::golden::a:b:C::{name}", type="a:b:C", custom=True, **more)


def test_what_the_real_cli_encrypted_is_read_and_what_is_written_is_its_form(
    cipher: Passphrase,
) -> None:
    assert cipher.decrypt("v1:kRx3IfqaHDPlRxrz:mO+EeEPH9FohjuEwjmsQfiFnu8lQ4A==") == "s3cr3t"
    sealed = cipher.seal({"a": mark({"b": 1})})
    assert "ciphertext" in sealed["a"]
    assert cipher.decrypt(sealed["a"]["ciphertext"]) == '{"b":1}'
    assert plain(cipher.open(sealed)) == {"a": {"b": 1}}


def test_a_wrong_passphrase_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "other")
    with pytest.raises(PulumiError, match="incorrect passphrase"):
        Passphrase(SALT).unlock()


def test_at_every_moment_the_file_and_its_journal_hold_all_that_was_saved(
    path: Path, cipher: Passphrase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minipulumi.checkpoint._SHARE", 10**9)  # journal everything
    checkpoint = Checkpoint(path, read_latest(path), cipher)
    first = thing("first", id="1", outputs={"key": mark("hush")})
    checkpoint.save(add=first)
    ticket = checkpoint.begin("creating", thing("second"))
    latest = read_latest(path)
    assert [entry["id"] for entry in latest["resources"]] == ["1"]
    assert [op["type"] for op in latest["pending_operations"]] == ["creating"]
    second = thing("second", id="2")
    checkpoint.save(add=second, drop=first, ended=ticket)
    latest = read_latest(path)
    assert [entry["id"] for entry in latest["resources"]] == ["2"]
    assert not latest["pending_operations"]
    assert "hush" not in path.read_text() + path.with_suffix(".journal").read_text()
    checkpoint.finish([])
    assert not path.with_suffix(".journal").exists()
    assert [entry["id"] for entry in read_latest(path)["resources"]] == ["2"]


def test_a_line_cut_by_a_kill_and_a_journal_of_another_save_are_left_out(
    path: Path, cipher: Passphrase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minipulumi.checkpoint._SHARE", 10**9)
    checkpoint = Checkpoint(path, read_latest(path), cipher)
    checkpoint.save(add=thing("first", id="1"))
    checkpoint.save(add=thing("second", id="2"))
    journal = path.with_suffix(".journal")
    whole = journal.read_text()
    journal.write_text(whole[:-10])
    assert [entry["id"] for entry in read_latest(path)["resources"]] == ["1"]
    state = json.loads(path.read_text())
    state["checkpoint"]["latest"]["manifest"]["time"] = "2026-02-02T00:00:00Z"
    path.write_text(json.dumps(state))  # as a real CLI would have saved it since
    journal.write_text(whole)
    assert [entry["id"] for entry in read_latest(path)["resources"]] == ["1"]
    checkpoint.finish([])


def test_saves_stay_linear(path: Path, cipher: Passphrase, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []

    def counting(path: Path, text: str, *, sync: bool = False) -> None:
        written.append(len(text))
        replace_file(path, text, sync=sync)

    monkeypatch.setattr("minipulumi.checkpoint.replace_file", counting)
    checkpoint = Checkpoint(path, read_latest(path), cipher)
    inputs = {"text": "x" * 500}
    for number in range(400):
        ticket = checkpoint.begin("creating", thing(f"t{number}", inputs=inputs))
        checkpoint.save(add=thing(f"t{number}", id="i", inputs=inputs), ended=ticket)
    checkpoint.finish([])
    assert len(read_latest(path)["resources"]) == 400
    assert sum(written) < 100 * path.stat().st_size  # a rewrite at every save would be 400 times


def test_a_state_with_parts_that_would_be_lost_is_refused(path: Path, cipher: Passphrase) -> None:
    entry = {**thing("a").to_json(None), "retainOnDelete": True}
    with pytest.raises(Refused, match="'retainOnDelete' of urn:pulumi:dev::golden::a:b:C::a"):
        Resource.from_json(entry, cipher)
    state = json.loads(path.read_text())
    state["checkpoint"]["latest"]["secrets_providers"]["type"] = "cloud"
    path.write_text(json.dumps(state))
    with pytest.raises(Refused, match="the secrets provider 'cloud'"):
        read_latest(path)


BROKEN = {
    "cut": '{"version": 3, "checkpoint": {"lat',
    "empty": "",
    "list": "[]",
    "nothing in it": '{"version": 3}',
    "resources of another kind": '{"version": 3, "checkpoint": {"latest": {"resources": [1]}}}',
    "a key twice": '{"version": 3, "checkpoint": {"latest": {}, "latest": {"resources": []}}}',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_state_names_the_whole_one_beside_it(path: Path, text: str) -> None:
    replace_file(path, path.read_text())
    backup = path.with_suffix(".json.bak")
    path.write_text(text)
    with pytest.raises(PulumiError) as told:
        read_latest(path)
    message = str(told.value)
    assert message.startswith(f"{path}: not a checkpoint: ")
    assert message.endswith(f"Take it back: cp {backup} {path}")
    backup.write_text("{")
    with pytest.raises(PulumiError) as told:
        read_latest(path)
    assert ".bak" not in str(told.value), "one that is broken too is no help"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "urn:pulumi:a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_in_any_place_of_a_state_is_read_or_refused_in_words(
    path: Path, cipher: Passphrase, data: st.DataObject
) -> None:
    whole = thing("a", id="1", inputs={"p": "q"}, dependencies=["urn"]).to_json(cipher)
    whole["propertyDependencies"] = {"p": ["urn"]}
    secrets = {"type": "passphrase", "state": {"salt": SALT}}
    pending = [json.dumps({"resource": whole, "type": "creating"})]
    state: Any = json.loads(render(path, "2026", secrets, [json.dumps(whole)], pending))
    *way, last = data.draw(st.sampled_from(list(places(state))))
    node = state
    for step in way:
        node = node[step]
    node[last] = data.draw(JSON)
    path.write_text(json.dumps(state))
    with suppress(PulumiError):
        found = Checkpoint(path, read_latest(path), cipher, dry=True)
        assert all(isinstance(need, str) for one in found.resources() for need in one.needs)
        assert all(isinstance(one.name, str) for one in found.resources())


def places(node: Any, *way: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a JSON document, but the document itself."""
    if way:
        yield way
    inner: dict[Any, Any] = {}
    if isinstance(node, dict):
        inner = cast("dict[Any, Any]", node)
    elif isinstance(node, list):
        inner = dict(enumerate(cast("list[Any]", node)))
    for step, value in inner.items():
        yield from places(value, *way, step)


def test_a_setting_that_is_written_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  p:location: eastus2\n  p:tags: {a: b}\n  p:location: westus\n")
    with pytest.raises(PulumiError) as told:
        settings.read_stack_file(file)
    assert str(told.value) == (
        f"{file}:4: 'p:location' is written twice, in lines 2 and 4. Remove one of them"
    )


def test_the_settings_file_keeps_comments_order_and_quotes(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(
        "# Ours.\nencryptionsalt: v1:x\nconfig:\n  # where\n  p:location: eastus2 # here\n"
        "  p:list:\n    - name: a # first\n"
    )
    settings.set_value(file, "p:suffix", "03")
    settings.set_value(file, "p:location", "westus3")
    settings.remove_value(file, "p:missing")
    assert file.read_text() == (
        "# Ours.\nencryptionsalt: v1:x\nconfig:\n  # where\n  p:location: westus3 # here\n"
        '  p:list:\n    - name: a # first\n  p:suffix: "03"\n'
    )


@pytest.mark.parametrize(
    ("path", "steps"),
    [("a", ["a"]), ("a.b[0]", ["a", "b", 0]), ('a["b.c"][10].d', ["a", "b.c", 10, "d"])],
)
def test_property_paths(path: str, steps: list[str | int]) -> None:
    assert planning.property_path(path) == steps
