"""The folder that spec texts lie in, with the files that they name."""

from pathlib import Path

import pytest

from tests.unit.jobs.spec_texts import METRICS, conversation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count, first in (("train", 60, 0), ("valid", 24, 100), ("test", 24, 200)):
        lines = [conversation(number) for number in range(first, first + count)]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "train.json").write_bytes((tmp_path / "train.jsonl").read_bytes())
    (tmp_path / "metrics.py").write_text(METRICS, encoding="utf-8")
    (tmp_path / "rubric.md").write_text("5: right\n1: wrong\n", encoding="utf-8")
    return tmp_path
