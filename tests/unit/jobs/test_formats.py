"""Files of other tools: said once what they are, converted where they mean one thing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.cli import main

PAIRS = [(f"Which oil suits link {n}, café?", f"Take grade {n * 7}, wipe.") for n in range(20)]


def chat(question: str, answer: str) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns}


CHATS = [chat(q, a) for q, a in PAIRS]


def rows(make: Callable[[str, str], Any], *, escaped: bool = True) -> str:
    return "".join(json.dumps(make(q, a), ensure_ascii=escaped) + "\n" for q, a in PAIRS)


FILES: dict[str, tuple[bytes, str]] = {
    "array": (json.dumps(CHATS, indent=1).encode(), "one JSON array of 20 rows"),
    "array in a line": (json.dumps(CHATS).encode(), "one JSON array of 20 rows"),
    "indented": ("\n".join(json.dumps(c, indent=2) for c in CHATS).encode(), "over several lines"),
    "under a key": (json.dumps({"data": CHATS}, indent=1).encode(), "whose 'data' has 20 rows"),
    "UTF-16": (rows(chat, escaped=False).encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (rows(chat).encode("utf-16-le"), "UTF-16"),
    "cp1252": (rows(chat, escaped=False).encode("cp1252"), "Windows-1252"),
    "CR": (rows(chat).replace("\n", "\r").encode(), "CR alone"),
    "commas": (rows(chat).replace("\n", ",\n").encode(), "end in a comma"),
    "ShareGPT": (
        rows(
            lambda q, a: {
                "conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]
            }
        ).encode(),
        "ShareGPT",
    ),
    "Alpaca": (
        rows(lambda q, a: {"instruction": q, "input": "", "output": a}).encode(),
        "Alpaca",
    ),
    "pairs": (rows(lambda q, a: {"prompt": q, "completion": a}).encode(), "prompt and completion"),
    "JSON in JSON": (rows(lambda q, a: json.dumps(chat(q, a))).encode(), "JSON in JSON"),
    "lists": (rows(lambda q, a: chat(q, a)["messages"]).encode(), "lists of messages"),
    "roles": (
        rows(chat).replace('"user"', '"User"').replace('"ass', '"Ass').encode(),
        "other names of roles",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_said_once_what_a_file_is_and_fix_writes_it_as_conversations(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, says = FILES[name]
    path, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(data)
    assert main(["dataset", "check", str(path)]) == 3
    said = capsys.readouterr().out
    assert said.count("FT-D024") == 1
    assert says in said
    assert main(["dataset", "fix", str(path), "--to", str(target)]) == 0
    written = [json.loads(one) for one in target.read_text(encoding="utf-8").splitlines()]
    assert written == CHATS
    assert path.read_bytes() == data


def test_preferences_are_refused_by_name_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(rows(lambda q, a: {"prompt": q, "chosen": a, "rejected": "No."}))
    for action in ("fix", "split"):
        assert main(["dataset", action, str(path)]) == 3
        said = capsys.readouterr()
        assert "preference" in said.out + said.err
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_is_read_with_its_columns_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, target = tmp_path / "chats.csv", tmp_path / "out.jsonl"
    path.write_text("q,a\n" + "".join(f'"{q}","{a}"\n' for q, a in PAIRS), encoding="utf-8")
    fix = ["dataset", "fix", str(path), "--to", str(target)]
    assert main(fix) == 3
    assert "the columns 'q', 'a'" in capsys.readouterr().err
    assert main([*fix, "--from", "csv", "--user", "q"]) == 2
    assert main([*fix, "--from", "csv", "--user", "q", "--assistant", "b"]) == 3
    assert "has no column 'b', but q, a." in capsys.readouterr().err
    assert not target.exists()
    assert main([*fix, "--from", "csv", "--user", "q", "--assistant", "a"]) == 0
    written = [json.loads(one) for one in target.read_text(encoding="utf-8").splitlines()]
    assert written == CHATS


def test_what_is_there_is_written_over_with_force_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(rows(chat), encoding="utf-8")
    kept = [tmp_path / f"in.{part}.jsonl" for part in ("train", "validation", "fixed")]
    for file in kept:
        file.write_text("dear\n", encoding="utf-8")
    for action in ("split", "fix"):
        assert main(["dataset", action, str(path)]) == 2
        assert "is there already; nothing is overwritten." in capsys.readouterr().err
    assert {file.read_text(encoding="utf-8") for file in kept} == {"dear\n"}
    for action in ("split", "fix"):
        assert main(["dataset", action, str(path), "--force"]) == 0
    assert "dear\n" not in {file.read_text(encoding="utf-8") for file in kept}
    assert len(list(tmp_path.iterdir())) == 4


def test_a_split_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(rows(chat) + '{"messages": [\n', encoding="utf-8")
    assert main(["dataset", "split", str(path), "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lines_left_out"] == 1
    assert [one["line"] for one in told["left_out"]] == [21]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"no\nyes\n", b"\x81\x8d\xff\n"])
def test_nothing_left_is_an_error_and_nothing_is_written(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(data)
    for action in ("split", "fix"):
        assert main(["dataset", action, str(path)]) == 3
    assert list(tmp_path.iterdir()) == [path]
