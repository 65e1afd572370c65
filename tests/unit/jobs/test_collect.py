"""`dataset collect`: rows for a person to review, without repeats, without leakage."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobs.cli import main


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, *lines: Any) -> Path:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def talk(question: str, answer: str, system: str = "") -> dict[str, Any]:
    first = [{"role": "system", "content": system}] if system else []
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": [*first, *turns]}


def collect(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    target = folder / "rows.jsonl"
    given = ["--to", str(target), "--force", *arguments]
    assert main(["dataset", "collect", str(folder / "answers.jsonl"), *given]) == 0
    return rows(target)


def test_the_worst_answers_come_first_and_good_ones_not_at_all(tmp_path: Path) -> None:
    write(
        tmp_path / "answers.jsonl",
        {"question": "Alpha?", "answer": "x", "expected": "y", "scores": {"f": 0.5, "g": 0.1}},
        {"question": "Beta?", "answer": "yes", "expected": "yes", "scores": {"f": 1, "g": 1}},
        {"question": "Gamma?", "answer": "z", "expected": "w", "scores": {"f": 0.2, "g": 0.9}},
        {"question": "Delta?"},
    )
    found = collect(tmp_path, "--metric", "f")
    asked = [[m["content"] for m in row["messages"]] for row in found]
    assert asked == [["Gamma?", "w"], ["Alpha?", "y"], ["Delta?", ""]]
    assert all(row["status"] == "todo" for row in found)
    assert (found[0]["answer"], found[0]["score"]) == ("z", 0.2)
    assert [row["messages"][0]["content"] for row in collect(tmp_path, "--worst", "1")] == [
        "Alpha?",
        "Delta?",
    ]


def test_answers_without_scores_are_scored_and_logged_answers_are_no_right_ones(
    tmp_path: Path,
) -> None:
    write(
        tmp_path / "answers.jsonl",
        {**talk("Where is it?", "nowhere"), "expected": "on the shelf"},
        {**talk("Is it on?", "It is on."), "expected": "It is on."},
        talk("Who are you?", "A logged answer.", system="Be kind."),
    )
    first, second = collect(tmp_path)
    assert (first["answer"], first["score"]) == ("nowhere", 0)
    assert first["messages"][-1]["content"] == "on the shelf"
    assert second["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": ""},
    ]
    assert second["answer"] == "A logged answer."


def test_what_the_data_asks_already_is_left_out_in_other_words_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        "my controller keeps losing its connection to the console whenever I sit down to play with "
        "my brother and his friends in the living room after we have all had our dinner together"
    )
    write(
        tmp_path / "answers.jsonl",
        {"question": "How  do I PAIR it?"},
        {"question": f"Why is it that {words} at night?"},
        {"question": "Where is my refund?"},
        {"question": "where is my refund?"},
        {"question": "A new one?"},
    )
    train = write(
        tmp_path / "train.jsonl",
        talk("How do I pair it?", "Hold the button."),
        talk(f"Why is it that {words} at noon?", "Charge it."),
    )
    test = write(tmp_path / "test.jsonl", talk("Where is my refund?", "On its way."))
    found = collect(tmp_path, "--train", str(train), "--test", str(test))
    assert [row["messages"][0]["content"] for row in found] == ["A new one?"]
    said = capsys.readouterr().out
    assert f"answers.jsonl:1: left out: the same question is in {train}" in said
    assert f"answers.jsonl:2: left out: nearly the same question is in {train}" in said
    assert f"answers.jsonl:3: left out: the same question is in {test} (leakage)" in said
    assert "1 rows to review, of 5 lines" in said


def test_repeats_among_the_answers_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "answers.jsonl", {"question": "Is it on?"}, {"question": "is it ON?"})
    assert len(collect(tmp_path)) == 1
    assert "answers.jsonl:2: left out: asks the same as line 1" in capsys.readouterr().out


def test_a_failed_question_of_the_test_set_asks_for_one_like_it_and_is_not_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = write(tmp_path / "test.jsonl", talk("Where is my refund?", "On its way.", "Be kind."))
    failed = {**talk("Where is my refund?", "Lost.", "Be kind."), "expected": "On its way."}
    write(tmp_path / "answers.jsonl", failed)
    [row] = collect(tmp_path, "--test", str(test))
    assert row["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": ""},
        {"role": "assistant", "content": ""},
    ]
    assert row["like"] == "Where is my refund?"
    assert (row["answer"], row["expected"]) == ("Lost.", "On its way.")
    assert "ask one like it" in capsys.readouterr().out


def test_unreviewed_rows_are_refused_by_file_and_line_and_reviewed_ones_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        talk(f"Is part {n} of shelf {n * 7} there?", f"Yes, {n}, in box {n * 3}.")
        for n in range(60)
    ]
    write(tmp_path / "answers.jsonl", {"question": "Is it broken?", "answer": "No idea."})
    [row] = collect(tmp_path)
    data = write(tmp_path / "train.jsonl", *lines, row)
    assert main(["dataset", "check", str(data)]) == 3
    said = capsys.readouterr().out
    assert "train.jsonl:61: status: nobody has written the right answer yet." in said
    assert "FT-D013" not in said, "nothing else is said of a row that waits"
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "type: finetuning\nname: x\nmodel: Phi-4-mini-instruct\ntraining_data: train.jsonl\n"
        "ignore: [{rule: FT-D029, reason: we are in a hurry}]\n",
        encoding="utf-8",
    )
    assert main(["validate", str(spec)]) == 3
    assert "FT-D029" in capsys.readouterr().out
    row["messages"][-1]["content"] = "Yes: send it in."
    del row["status"]
    write(data, *lines, row)
    assert main(["dataset", "check", str(data)]) == 0
    assert "FT-D029" not in capsys.readouterr().out


def test_lines_that_ask_nothing_are_told_and_nothing_is_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers.jsonl"
    odd = ('{"question": " "}', "[1]", "{", '{"messages": [{"role": "robot"}]}', "\n", "7")
    path.write_text("\n".join((*odd, '{"question": "Well?"}')), encoding="utf-8")
    assert main(["dataset", "collect", str(path), "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows_to_review"], len(told["left_out"])) == (1, 5)
    assert told["file"].endswith("answers.todo.jsonl")
    assert main(["dataset", "collect", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["dataset", "collect", str(tmp_path / "none.jsonl")]) == 2
    assert "there is no such file" in capsys.readouterr().err


def test_kept_answers_are_collected_by_name_and_never_without_the_test_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".foundry-tune" / "answers"
    folder.mkdir(parents=True)
    for version, said in ((1, "Old."), (2, "Lost.")):
        kept = {
            "question": "0f" * 32,
            "messages": [{"role": "user", "content": "Where is my refund?"}],
            "expected": "On its way.",
            "answer": said,
        }
        path = write(folder / f"support-{version}-filtered-ab12.jsonl", kept)
        os.utime(path, (version, version))
    test = write(tmp_path / "test.jsonl", talk("Where is my refund?", "On its way."))
    assert main(["dataset", "collect", "support"]) == 2
    assert "--test FILE" in capsys.readouterr().err
    assert main(["dataset", "collect", "support", "--test", str(test)]) == 0
    [row] = map(json.loads, (tmp_path / "support.todo.jsonl").read_text().splitlines())
    assert (row["like"], row["answer"]) == ("Where is my refund?", "Lost.")
    assert row["messages"][0]["content"] == ""
