"""Large files: nothing is sampled, cores change nothing, and memory stays bounded."""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from jobs.dataset.check import Checked, DataFile, TrainedWith, check
from jobs.dataset.near import near_pairs
from jobs.dataset.triples import similarity


def conversation(question: str, answer: str, system: str | None = None) -> str:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    first = [{"role": "system", "content": system}] if system else []
    return json.dumps({"messages": [*first, *turns]}, ensure_ascii=False) + "\n"


def mixed(random: Random, number: int) -> str:
    """A conversation that may have anything wrong with it that reading, not form, finds."""
    words = [f"w{random.randrange(500)}" for _ in range(30)]
    kind = random.randrange(12)
    question = f"{number} {' '.join(words[:8])}"
    if kind == 0:
        question = f"question {random.randrange(20)}"
    if kind == 1:
        question = "मेरो कन्सोल सुरु हुँदैन"
    answer = "ठीक छ" if kind == 2 else " ".join(words)
    if kind == 3:
        answer = "cafÃ© " + answer
    if kind == 4:
        answer = "call +977 9841-234567"
    return conversation(question, answer, "Be kind." if kind % 3 else None)


@pytest.fixture
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.dataset.parallel.LARGE_BYTES", 0)
    monkeypatch.setattr("jobs.dataset.parallel._cores", lambda: 3)


def facts(checked: Checked) -> object:
    surveys = [asdict(item.survey) for item in checked.files]
    return checked.findings, surveys, [item.tally.conversations for item in checked.files]


def test_many_cores_find_what_one_finds_word_for_word(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    random = Random(5)
    rows = [mixed(random, number) for number in range(1500)]
    rows += ["{broken\n", *random.sample(rows, 40)]
    rows += [row.replace(" w1", " v1", 1) for row in random.sample(rows, 60)]
    files = [DataFile(tmp_path / "train.jsonl"), DataFile(tmp_path / "test.jsonl", "test")]
    files[0].path.write_text("".join(rows), encoding="utf-8")
    tested = random.sample(rows, 80)
    tested += [row.replace(" w2", " v2", 1) for row in random.sample(rows, 40)]
    files[1].path.write_text("".join(tested), encoding="utf-8")
    training = TrainedWith(model="Phi-4-mini-instruct", has_validation=False)
    alone = check(files, training=training, limit=10_000)
    assert {"FT-D020", "FT-D021", "FT-D022", "FT-D023", "FT-D031", "FT-D032", "FT-D043"} <= {
        finding.rule for finding in alone.findings
    }
    request.getfixturevalue("three_cores")
    assert facts(check(files, training=training, limit=10_000)) == facts(alone)


def test_the_last_line_of_a_long_file_is_looked_at_like_the_first(tmp_path: Path) -> None:
    rows = [conversation(f"q{number}", f"a{number} {number * 7}") for number in range(30_000)]
    rows[-2] = conversation("q5", "another answer than before")
    rows[-1] = conversation("last", "cafÃ©")
    (tmp_path / "long.jsonl").write_text("".join(rows), encoding="utf-8")
    found = check([DataFile(tmp_path / "long.jsonl")]).findings
    assert ("FT-D023", 29_999) in {(finding.rule, finding.line) for finding in found}
    assert ("FT-D020", 30_000) in {(finding.rule, finding.line) for finding in found}


@pytest.mark.parametrize("length", [20, 100, 300])
def test_of_edited_copies_99_in_100_are_found_and_each_is_really_near(
    length: int, tmp_path: Path
) -> None:
    random = Random(length)
    texts: list[tuple[str, str]] = []
    while len(texts) < 300:
        words = [f"w{random.randrange(3000)}" for _ in range(length)]
        edited = list(words)
        for _ in range(random.randint(1, max(1, length // 40))):
            edited[random.randrange(length)] = f"w{random.randrange(3000)}"
        pair = " ".join(words), " ".join(edited)
        if similarity(f"q {pair[0]}", f"q {pair[1]}") >= 0.8:
            texts.append(pair)
    path = tmp_path / "near.jsonl"
    path.write_text("".join(conversation("q", text) for pair in texts for text in pair))
    found = near_pairs([path])
    assert all(pair.similarity >= 0.8 for pair in found)
    hit = {pair.first[1] for pair in found if pair.again[1] == pair.first[1] + 1}
    assert len(hit) >= 297


def test_a_file_of_one_template_does_not_compare_all_with_all(tmp_path: Path) -> None:
    random = Random(1)
    base = [f"w{number}" for number in range(120)]
    path = tmp_path / "template.jsonl"
    with path.open("w") as file:
        for number in range(3000):
            words = list(base)
            words[random.randrange(120)] = f"x{number}"
            file.write(conversation("q", " ".join(words)))
    found = near_pairs([path])
    # Each is like all before it, and is told once, with one of them.
    assert sorted(pair.again[1] for pair in found) == list(range(2, 3001))


def test_similarity_is_the_share_of_word_triples_in_common() -> None:
    assert similarity("one two three four five", "one two three four five") == 1
    assert similarity("one two three", "four five six") == 0
    # abc bcd cde de. e.. against abc bcd cdx dx. x..: two of eight
    assert similarity("a b c d e", "a b c d x") == 0.25
    assert similarity("", "") == 1
    assert similarity("Straße NASS", "strasse nass") == 1
    assert similarity("我的游戏机无法启动", "我的游戏机无法启动") == 1
    assert 0.4 < similarity("我的游戏机无法启动了我", "我的游戏机无法启动了你") < 0.9
