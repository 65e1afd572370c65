"""Any bytes give findings or success: never a traceback, a hang, or memory without end."""

import json
import os
import resource
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.cli import main
from jobs.dataset.check import DataFile, check
from jobs.dataset.conversations import read_conversations
from jobs.dataset.fix import fix_file
from jobs.dataset.lines import MAX_LINE_BYTES, blocks
from jobs.dataset.lint import Wish, lint
from jobs.errors import InvalidInputError
from jobs.read.checks import check_story
from jobs.read.examine import examine
from jobs.spec.models import KINDS
from jobs.spec.shape import fields_of
from jobs.spec.story import load_bytes

TODAY = date(2026, 11, 23)
SPECS = Path(__file__).parents[2] / "data" / "specs"
SEEDS = [path.read_bytes() for path in sorted(SPECS.glob("*.yaml"))]
GOOD = (
    b'{"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hi"}]}'
)

texts = st.text(max_size=20) | st.sampled_from(
    [
        "${{ finetuning.x.registered_model }}",
        "azureml:x:1",
        "2e-5",
        "\ud800".encode("utf-8", "replace").decode(),
        "नमस्ते",
        "🎮",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
words = st.sampled_from(sorted({name for model in KINDS.values() for name in fields_of(model)}))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | texts, inner, max_size=5),
    max_leaves=20,
)
documents = st.dictionaries(words, values, max_size=8).flatmap(
    lambda fields: st.sampled_from([*KINDS, ""]).map(
        lambda kind: {**fields, "type": kind} if kind else fields
    )
)


def examined(data: bytes) -> list[str]:
    story = load_bytes(data, "spec.yaml")
    return [finding.rule for finding in (*story.findings, *check_story(story, on=TODAY))]


@settings(max_examples=120, deadline=None)
@given(st.lists(documents, min_size=1, max_size=3))
def test_any_document_of_any_shape_gives_findings_or_a_spec(found: list[dict[str, Any]]) -> None:
    data = "\n---\n".join(json.dumps(one) for one in found).encode("utf-8", "surrogatepass")
    story = load_bytes(data, "spec.yaml")
    rules = examined(data)
    assert story.chapters or rules


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_a_broken_spec_gives_findings(seed: bytes, data: st.DataObject) -> None:
    broken = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(0, len(broken) - 1)))
        piece = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"{", b"&a", b"*a", b"- ", b"\n", b": "])
        )
        broken[at : at + data.draw(st.integers(0, 6))] = piece
    examined(bytes(broken))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_no_spec_but_no_traceback(data: bytes) -> None:
    examined(data)


def tally_of(data: bytes) -> Any:
    return lint(BytesIO(data), Wish())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.just(GOOD), max_size=6), st.data())
def test_any_lines_are_counted_and_explained(lines: list[bytes], data: st.DataObject) -> None:
    content = bytearray(b"\n".join(lines))
    if content:
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 1] = data.draw(st.binary(max_size=3))
    tally = tally_of(bytes(content))
    read = sum(1 for line in bytes(content).split(b"\n") if line.strip())
    assert tally.conversations <= read or b"\r" in content
    assert tally.conversations == read or tally.remarks.counts


conversations = st.fixed_dictionaries(
    {
        "messages": values
        | st.lists(st.dictionaries(st.sampled_from(["role", "content", "x"]), values), max_size=3)
    }
)


@settings(max_examples=100, deadline=None)
@given(found=st.lists(conversations | values, min_size=1, max_size=4))
def test_any_json_is_counted_or_explained_and_can_be_fixed(
    found: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = b"\n".join(json.dumps(one).encode() for one in found)
    tally = tally_of(data)
    assert tally.conversations + sum(tally.remarks.counts.values()) >= 1
    folder = tmp_path_factory.mktemp("fix")
    (folder / "in.jsonl").write_bytes(data)
    try:
        fixed = fix_file(folder / "in.jsonl", folder / "out.jsonl", mask=True)
    except InvalidInputError:  # nothing is left of it
        assert not (folder / "out.jsonl").exists()
        return
    again = check([DataFile(folder / "out.jsonl")], near=True)
    assert again.conversations("training") == fixed.written
    broken = {f.rule for f in again.findings if f.severity == "error"} - {"FT-D002"}
    assert broken == set()
    assert len(list(read_conversations(folder / "out.jsonl"))) == fixed.written


NASTY = {
    "lone surrogate": GOOD.replace(b"Hello?", b"\\ud800"),
    "low surrogate first": GOOD.replace(b"Hello?", b"\\udc00\\ud800"),
    "NaN": b'{"messages": NaN}',
    "infinity": b'{"messages": [Infinity]}',
    "nested": b'{"messages":' + b"[" * 200_000,
    "nested objects": b'{"a":' * 100_000,
    "NUL bytes": b"\0" * 100,
    "keys twice": b'{"messages": [], "messages": []}',
    "key twice in a message": GOOD.replace(b'"role": "user"', b'"role": "user", "role": "x"'),
    "huge number": b'{"messages": ' + b"9" * 100_000 + b"}",
    "no end": GOOD[:-20],
    "a BOM in the middle": b"\xef\xbb\xbf" + GOOD,
}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_lines_are_findings_and_their_neighbours_still_count(name: str) -> None:
    tally = tally_of(b"\n".join([GOOD, NASTY[name], GOOD.replace(b"Hi", b"Ho")]))
    assert tally.conversations == 2
    assert {remark.line for remark in tally.remarks.kept} == {2}


def test_a_line_of_a_gigabyte_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.write(GOOD + b"\n")
        file.truncate(1 << 30)  # sparse: a gigabyte of NULs in one line
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + GOOD)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with path.open("rb", buffering=0) as file:
        tally = lint(file, Wish(private=False))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert tally.conversations == 2
    assert tally.lines == 3
    assert tally.remarks.counts == {"FT-D006": 1}
    assert grown < 4 * MAX_LINE_BYTES // 1024


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=8))
def test_blocks_give_every_line_once_with_its_number(lines: list[bytes]) -> None:
    import jobs.dataset.lines as module

    data = b"\n".join(lines)
    before, module.BLOCK_BYTES = module.BLOCK_BYTES, 7
    try:
        found = [
            (block.first_line + offset, line)
            for block in blocks(BytesIO(data))
            for offset, line in enumerate(block.data.split(b"\n"))
        ]
    finally:
        module.BLOCK_BYTES = before
    expected = list(enumerate(data.split(b"\n"), 1))
    while expected and not expected[-1][1]:
        expected.pop()
    while found and not found[-1][1]:
        found.pop()
    assert found == expected


def test_devices_fifos_loops_and_folders_are_refused_as_findings(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jsonl")
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    words = {
        "fifo.jsonl": "FIFO",
        "loop.jsonl": "circle",
        "folder.jsonl": "folder",
        "/dev/zero": "device",
    }
    for name, word in words.items():
        spec = tmp_path / "spec.yaml"
        spec.write_text(f"type: finetuning\nname: x\nmodel: Phi-4\ntraining_data: {name}\n")
        (found,) = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S017"]
        assert word in found.message
        (found,) = examine([tmp_path / name], on=TODAY).findings
        assert found.rule == "FT-S009"


def test_an_unreadable_file_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.jsonl"
    path.write_bytes(GOOD)

    def refuse(*_: object) -> int:  # as the system does, were we not root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("jobs.files.os.open", refuse)
    (found,) = check([DataFile(path)]).findings
    assert found.rule == "FT-S017"
    assert "you may not read it" in found.message


def test_a_file_that_fails_while_it_is_read_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "check", "/proc/self/mem"]) == 3
    assert "/proc/self/mem" in capsys.readouterr().out
