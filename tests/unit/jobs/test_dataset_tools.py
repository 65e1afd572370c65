"""split, fix, stats, tokens, and the pass by several processes."""

import json
from pathlib import Path

import pytest

from jobs.cli import main
from jobs.dataset.fix import fix_file
from jobs.dataset.lint import Wish
from jobs.dataset.parallel import lint_file
from jobs.dataset.split import split_file
from jobs.dataset.tokens import Estimator, Tokenizer, estimate
from jobs.errors import UsageError

ROOT = Path(__file__).parents[3]
DATASETS = sorted((ROOT / "datasets").glob("*/train.jsonl"))


def line(number: int, answer: str = "", **fields: object) -> str:
    words = " ".join(f"w{number * 41 + i}" for i in range(12))
    turns = [
        {"role": "user", "content": f"How about {words}?"},
        {"role": "assistant", "content": answer or f"It is {words}."},
    ]
    return json.dumps({"messages": turns, **fields}) + "\n"


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("data", DATASETS, ids=lambda path: path.parent.name)
def test_a_split_is_the_same_every_time_and_keeps_every_line_once(
    data: Path, tmp_path: Path
) -> None:
    results: list[tuple[bytes, bytes]] = []
    for run in ("a", "b"):
        train, held = tmp_path / f"{run}.train.jsonl", tmp_path / f"{run}.held.jsonl"
        split = split_file(data, train, held, share=0.2, seed=13)
        results.append((train.read_bytes(), held.read_bytes()))
    assert results[0] == results[1]
    both = results[0][0].splitlines() + results[0][1].splitlines()
    assert sorted(both) == sorted(data.read_bytes().splitlines())
    assert abs(split.share - 0.2) < 0.03  # pyright: ignore[reportPossiblyUnboundVariable]
    other = split_file(data, tmp_path / "c", tmp_path / "d", share=0.2, seed=14)
    assert (tmp_path / "d").read_bytes() != results[0][1]
    assert other.validation == split.validation  # pyright: ignore[reportPossiblyUnboundVariable]


def test_the_order_of_the_lines_does_not_decide(tmp_path: Path) -> None:
    all_lines = [line(n) for n in range(50)]
    (tmp_path / "one.jsonl").write_text("".join(all_lines))
    (tmp_path / "two.jsonl").write_text("".join(reversed(all_lines)))
    for name in ("one", "two"):
        split_file(
            tmp_path / f"{name}.jsonl", tmp_path / f"{name}.t", tmp_path / f"{name}.v", share=0.2
        )
    assert sorted(lines(tmp_path / "one.v")) == sorted(lines(tmp_path / "two.v"))


def test_near_duplicates_and_groups_stay_on_one_side(tmp_path: Path) -> None:
    near = [line(500, answer=" ".join(f"a{i}" for i in range(60 - n))) for n in range(6)]
    grouped = [line(n, customer="c7") for n in range(600, 608)]
    (tmp_path / "all.jsonl").write_text("".join([line(n) for n in range(60)] + near + grouped))
    for seed in range(6):
        split_file(
            tmp_path / "all.jsonl",
            tmp_path / "t",
            tmp_path / "v",
            share=0.3,
            seed=seed,
            group_by="customer",
            overwrite=True,
        )
        held = set(lines(tmp_path / "v"))
        for group in (near, grouped):
            assert len({one.strip() in held for one in group}) == 1


def test_labels_are_shared_out_in_the_same_shares(tmp_path: Path) -> None:
    rows = [line(n, answer="refund" if n % 10 == 0 else "billing") for n in range(200)]
    (tmp_path / "all.jsonl").write_text("".join(rows))
    split = split_file(tmp_path / "all.jsonl", tmp_path / "t", tmp_path / "v", share=0.2)
    held = [json.loads(one)["messages"][-1]["content"] for one in lines(tmp_path / "v")]
    assert (held.count("refund"), held.count("billing")) == (4, 36)
    assert "±15 points" in split.tells


def test_fix_cleans_a_copy_and_says_what_it_did(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    good = line(1)
    content = (
        "\ufeff"
        + good.replace("\n", "\r\n")
        + "\n"
        + good
        + line(2).replace('"user"', '"human"').replace('"assistant"', '"gpt"')
        + '{"prompt": "Is it on?", "completion": "It is."}\n'
        + line(3).replace("]}", ', {"role": "user", "content": "And then?"}]}')
        + line(4, answer="write to jane@corp.com")
        + "not json\n"
    )
    source.write_bytes(content.encode())
    before = source.read_bytes()
    fixed = fix_file(source, tmp_path / "out.jsonl", mask=True)
    assert source.read_bytes() == before
    written = [json.loads(one) for one in lines(tmp_path / "out.jsonl")]
    assert [one["messages"][-1]["role"] for one in written] == ["assistant"] * 5
    assert "<email>" in written[-1]["messages"][-1]["content"]
    said = {deed.line: deed.what for deed in fixed.deeds}
    assert said[3].startswith("left out: repeats line 1")
    assert "prompt and completion" in said[5]
    assert said[8].startswith("left out: not valid JSON")
    assert fixed.written == 5
    with pytest.raises(UsageError):
        fix_file(source, source)


def test_stats_have_a_picture_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for data in DATASETS:
        assert main(["dataset", "stats", str(data)]) == 0
        assert "█" in capsys.readouterr().out
        assert main(["dataset", "stats", str(data), "-o", "html"]) == 0
        page = capsys.readouterr().out
        assert "<svg" in page
        assert "http" not in page
        assert main(["dataset", "stats", str(data), "-o", "json"]) == 0
        (figures,) = json.loads(capsys.readouterr().out)["files"]
        assert figures["conversations"] == len(lines(data))


def test_several_processes_see_what_one_sees(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    rows = [line(n % 900) if n % 50 else "{broken\n" for n in range(3000)]
    path.write_text("".join(rows))
    one = lint_file(path, Wish(limit=10_000), processes=1)
    three = lint_file(path, Wish(limit=10_000), processes=3)
    assert three.lines == one.lines == 3000
    assert three.hashes == one.hashes
    assert three.hashed_lines == one.hashed_lines
    assert three.remarks.counts == one.remarks.counts
    assert three.remarks.kept == one.remarks.kept


MEASURED = {
    # tokens a character, by vocabulary: tokenizers 0.23.3 on the shipped datasets, 2026-11-23
    "xbox-support": {"Phi-4-mini-instruct": 0.216, "Phi-4": 0.218, "Phi-3.5-mini-instruct": 0.230},
    "nepali-helpdesk": {
        "Phi-4-mini-instruct": 0.350,
        "Phi-4": 1.016,
        "Phi-3.5-mini-instruct": 1.047,
    },
}


@pytest.mark.parametrize("data", DATASETS, ids=lambda path: path.parent.name)
def test_the_interval_holds_what_real_tokenizers_count(data: Path) -> None:
    for model, rate in MEASURED[data.parent.name].items():
        estimator = Estimator(model)
        characters = messages = 0
        for one in lines(data):
            texts = [m["content"] for m in json.loads(one)["messages"] if m["role"] != "system"]
            estimator.add([texts])
            characters += sum(map(len, texts))
            messages += len(texts)
        found = estimator.tokens()
        assert found.low <= rate * characters + 3 * messages <= found.high
        assert not found.is_exact


def test_a_tokenizer_file_counts_and_a_model_without_vocabulary_is_wider(tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Trained
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {"[UNK]": 0, "my": 1, "console": 2, "<|user|>": 3, "<|assistant|>": 4, "<|end|>": 5}
    trained = Trained(WordLevel(words, unk_token="[UNK]"))
    trained.pre_tokenizer = Whitespace()
    trained.save(str(tmp_path / "tokenizer.json"))
    counted = list(Tokenizer(tmp_path / "tokenizer.json").count([["my console", "my my my"]]))
    assert counted == [(5 + 2 * 2 + 1, 5 + 2 * 2 + 1)]
    known = estimate(["मेरो कन्सोल सुरु हुँदैन"], "Phi-4-mini-instruct")
    unknown = estimate(["मेरो कन्सोल सुरु हुँदैन"], "")
    assert unknown[0] <= known[0] <= known[1] <= unknown[1]
