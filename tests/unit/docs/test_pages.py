"""What the docs say is what the program does."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

import jobs.errors
from infra.config import KEYS, ConfigError, Settings, parse
from jobs.read.examine import examine
from tools import docs, spec_page

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", docs.PAGES, ids=lambda page: page.name)
def test_a_generated_page_is_what_the_program_makes(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == docs.PAGES[page](), "make docs"


@pytest.mark.parametrize("kind", spec_page.EXAMPLES)
def test_the_example_of_a_document_is_right(kind: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "prepare.py").write_text("")
    (tmp_path / "serve").mkdir()
    (tmp_path / "serve" / "score.py").write_text("def init(): ...\ndef run(raw_data): ...\n")
    (tmp_path / "probes.yaml").write_text("harmless: [{prompt: Hello}]\n")
    for name in ("train.jsonl", "valid.jsonl", "test.jsonl", "rows.csv"):
        (tmp_path / name).write_text(rows())
    spec = tmp_path / "spec.yaml"
    spec.write_text(spec_page.EXAMPLES[kind], encoding="utf-8")
    errors = {f.rule for f in examine([spec]).findings if f.severity == "error"}
    assert errors == set()


def test_every_field_of_a_spec_is_described() -> None:
    from jobs.spec.schema import schema

    for name, definition in schema()["$defs"].items():
        for field, described in definition.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("key", KEYS)
def test_the_example_of_a_config_key_is_read(key: str) -> None:
    others = {"projects": ["xbox"], "purgeProtection": False, "tags": {"owner": "platform-team"}}
    config = others | yaml.safe_load(KEYS[key].example)
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in config.items()
    }
    settings = parse(list(texts), texts.get, "dev")
    assert isinstance(settings, Settings)


def test_no_config_key_is_read_that_the_page_lacks() -> None:
    with pytest.raises(ConfigError, match="unknown key"):
        parse(["projects", "colour"], {"projects": '["xbox"]', "colour": "red"}.get, "dev")


def test_every_error_and_exit_code_has_its_row() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| ([^|]*) \|", page, re.M))
    for name, kind in vars(jobs.errors).items():
        if isinstance(kind, type) and issubclass(kind, jobs.errors.FoundryTuneError):
            assert f"`{name}`" in rows[str(kind.exit_code)], name


def test_every_message_of_the_page_is_one_of_the_programs() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    said = "".join(texts(path) for path in (ROOT / "jobs").rglob("*.py"))
    listed = re.findall(r"^\| (`.*?`) \|", page.partition("## By message")[2], re.M)
    assert len(listed) > 10
    for row in listed:
        for piece in re.findall(r"`([^`]+)`", row):
            assert piece in said, piece


def texts(path: Path) -> str:
    """The texts of a file, with what is filled in left out."""
    return "\n".join(
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def rows() -> str:
    return "".join(
        json.dumps(
            {
                "ticket": number % 7,
                "messages": [
                    {"role": "user", "content": f"Question {number}: {number * 7919}?"},
                    {"role": "assistant", "content": f"Answer {number * 104729}."},
                ],
            }
        )
        + "\n"
        for number in range(120)
    )


def test_the_example_of_a_sweep_is_right(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.S)
    (tmp_path / "train.jsonl").write_text(rows())
    spec = tmp_path / "spec.yaml"
    spec.write_text(example, encoding="utf-8")
    specs = examine([spec])
    assert not [f for f in specs.findings if f.severity == "error"]
    assert sum(line.what == "training" for line in specs.costs[0].lines) == 6
