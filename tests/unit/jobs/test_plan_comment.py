"""The pull request's comment where nothing can be planned, and findings as a file beside it."""

import json
from pathlib import Path

import pytest

from jobs.cli import main

BAD = """\
type: finetuning
name: x
model: Phi-4-mini-instruct
training_data: none.jsonl
epocs: 3
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_a_spec_that_is_invalid_has_a_comment_that_says_where(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(spec), "--markdown"]) == 3
    said = capsys.readouterr()
    assert said.out.startswith("## ❌ foundry-tune: nothing can be planned\n")
    assert "| FT-S004 |" in said.out
    assert "FT-S004" in said.err, "the log says it as well"


def test_a_preview_that_failed_is_told_first(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preview = tmp_path / "preview.txt"
    preview.write_text(
        "Previewing update (prod):\nDiagnostics:\n  pulumi:pulumi:Stack (prod):\n"
        "    error: The configuration can't be used:\n"
        "      foundry-tune:location: <b>no</b> such region\n"
        "    error: an unhandled error occurred: program exited with non-zero exit code: 1\n"
    )
    assert main(["plan", str(spec), "--markdown", "--preview", str(preview)]) == 3
    said = capsys.readouterr().out
    told = said.partition("<details>")[0].splitlines()
    first = told.index("- ❌ pulumi preview: The configuration can't be used:")
    assert told[first + 1].startswith("  - foundry-tune:location: &#60;b&#62;no")
    assert told[first + 2].startswith("- ❌ "), "what the program said by itself is enough"


def test_without_markdown_nothing_is_printed_of_it(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(spec)]) == 3
    assert capsys.readouterr().out == ""


def test_validate_writes_sarif_beside_what_it_prints(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sarif = tmp_path / "findings.sarif"
    for _ in range(2):  # a second run replaces it
        assert main(["validate", str(spec), "-o", "github", "--sarif", str(sarif)]) == 3
    assert "::error file=" in capsys.readouterr().out
    [run] = json.loads(sarif.read_text("utf-8"))["runs"]
    assert {result["ruleId"] for result in run["results"]} >= {"FT-S004"}
