"""The command line: exit codes, streams, forms of output, and what a verb loads."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from jobs.cli import VERBS, main

ROOT = Path(__file__).parents[3]
XBOX = ROOT / "datasets" / "xbox-support"
PROGRAM = Path(sys.executable).with_name("foundry-tune")

HEAVY = ("azure", "openai", "pulumi", "rich", "pydantic", "asyncio", "yaml", "msgspec", "numpy")
LOADS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("--help",): (),
    ("--version",): (),
    ("nonsense",): (),
    ("validate", "--help"): (),
    ("dataset", "--help"): (),
    ("cost", "--help"): (),
    ("schema", "--help"): (),
    ("export", "--help"): (),
    ("explain", "--help"): (),
    ("explain", "FT-D031"): (),
    ("schema",): ("yaml", "msgspec"),
    ("validate", "--no-data", "SPEC"): ("yaml", "msgspec"),
    ("export", "--az-ml", "SPEC"): ("yaml", "msgspec"),
    ("dataset", "fix", "DATA", "--to", "/dev/null/x"): ("msgspec",),
    ("validate", "SPEC"): ("yaml", "msgspec", "numpy"),
    ("dataset", "check", "DATA"): ("yaml", "msgspec", "numpy"),
    ("cost", "SPEC"): ("yaml", "msgspec", "numpy"),
    ("models",): ("yaml", "msgspec"),
    ("forecast", "SPEC"): ("yaml", "msgspec"),
}
"""Command → the heavy packages that it may load; no other."""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "type: finetuning\nname: x\nmodel: Phi-4-mini-instruct\n"
        f"training_data: {XBOX / 'train.jsonl'}\nvalidation_data: {XBOX / 'validation.jsonl'}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("command", LOADS, ids=" ".join)
def test_no_verb_loads_more_than_it_needs(command: tuple[str, ...], spec: Path) -> None:
    words = [{"SPEC": str(spec), "DATA": str(XBOX / "train.jsonl")}.get(w, w) for w in command]
    code = (
        "import sys, io; from jobs.cli import main; out = sys.stdout; sys.stdout = io.StringIO();"
        f"sys.stderr = io.StringIO(); main({words!r}); sys.stdout = out;"
        f"print(*sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert set(done.stdout.split()) == set(LOADS[command])


def test_every_verb_has_a_module_with_the_two_functions() -> None:
    for verb in VERBS:
        module = import_module(f"jobs.verbs.{verb}")
        assert callable(module.add_arguments), verb
        assert callable(module.run), verb


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in VERBS)


def test_an_unknown_verb_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validte"]) == 2
    assert "Did you mean 'validate'?" in capsys.readouterr().err


def test_a_wrong_flag_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--nonsense"]) == 2
    assert main(["validate"]) == 2
    assert "No spec file is named" in capsys.readouterr().err


def test_findings_go_to_stdout_and_give_exit_code_3(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(spec), "--set", "hyperparameters.epocs=3"]) == 3
    out, err = capsys.readouterr()
    assert "unknown field. Did you mean 'epochs'?" in out
    assert "FT-S004" in out
    assert err == ""


def test_strict_refuses_what_is_only_doubtful(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful = [str(spec), "--set", "outputs.registered_model.name=a_b"]
    assert main(["validate", *doubtful]) == 0
    assert main(["validate", "--strict", *doubtful]) == 3
    capsys.readouterr()


def test_phi_3_is_refused_today_and_not_on_the_guides_day(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["validate", str(spec), "--set", "model=Phi-3-mini-4k-instruct", "--date"]
    assert main([*asked, "2026-11-23"]) == 3
    shown = capsys.readouterr().out
    assert "2025-08-30" in shown
    assert "Use Phi-4-mini-instruct" in shown
    assert main([*asked, "2025-02-01"]) == 0


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_structured_output_carries_its_schema_version(
    form: str, spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import yaml

    assert main(["validate", str(spec), "-o", form, "--set", "epochs=3"]) == 3
    result = yaml.safe_load(capsys.readouterr().out)
    assert result["schema_version"] == 1
    assert result["valid"] is False
    assert {f["rule"] for f in result["findings"]} >= {"FT-S031"}


def test_sarif_points_at_the_line(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(spec.read_text() + "hyperparameters: {epocs: 3}\n", encoding="utf-8")
    assert main(["validate", str(spec), "-o", "sarif"]) == 3
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    result = next(r for r in run["results"] if r["ruleId"] == "FT-S004")
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 6, "startColumn": 19}
    assert result["level"] == "error"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "FT-S004"


def test_github_annotations_point_at_the_line_and_can_hold_no_second_command(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = spec.read_text() + "hyperparameters: {epocs: 3}\nmodel%0A::error,: 3\n"
    spec.write_text(text, encoding="utf-8")
    assert main(["validate", str(spec), "-o", "github"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert all(
        line.startswith(("::error file=", "::warning file=", "::notice file=")) for line in lines
    )
    assert [line for line in lines if ",line=6,col=19,title=FT-S004 " in line]
    (hostile,) = [line for line in lines if ",line=7," in line]
    assert "%250A::error" in hostile


def test_sarif_has_what_its_schema_requires(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(spec.read_text() + "hyperparameters: {epocs: 3}\n", encoding="utf-8")
    main(["validate", str(spec), "-o", "sarif"])
    text = {"type": "object", "required": ["text"]}
    region = {
        "type": "object",
        "properties": {
            key: {"type": "integer", "minimum": 1} for key in ("startLine", "startColumn")
        },
        "additionalProperties": False,
    }
    location = {
        "type": "object",
        "required": ["artifactLocation"],
        "properties": {"region": region, "artifactLocation": {"required": ["uri"]}},
    }
    level = {"enum": ["none", "note", "warning", "error"]}
    result = {
        "type": "object",
        "required": ["message", "ruleId", "level", "locations"],
        "properties": {
            "message": text,
            "level": level,
            "ruleIndex": {"type": "integer", "minimum": 0},
            "locations": {"items": {"properties": {"physicalLocation": location}}},
        },
    }
    rule = {
        "required": ["id"],
        "properties": {
            **dict.fromkeys(("shortDescription", "fullDescription", "help"), text),
            "defaultConfiguration": {"properties": {"level": level}},
        },
    }
    driver = {"required": ["name"], "properties": {"rules": {"items": rule, "uniqueItems": True}}}
    run = {
        "required": ["tool", "results"],
        "properties": {
            "tool": {"required": ["driver"], "properties": {"driver": driver}},
            "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            "results": {"type": "array", "minItems": 1, "items": result},
        },
    }
    schema = {
        "required": ["version", "runs"],
        "properties": {"version": {"const": "2.1.0"}, "runs": {"minItems": 1, "items": run}},
    }
    validator: Any = jsonschema.Draft7Validator(schema)
    validator.validate(json.loads(capsys.readouterr().out))


def test_junit_fails_the_case_of_the_file(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(spec), "-o", "junit"]) == 0
    assert ElementTree.fromstring(capsys.readouterr().out).get("failures") == "0"
    spec.write_text("type: finetuning\nname: '\\x01 é'\n", encoding="utf-8")
    assert main(["validate", str(spec), "-o", "junit"]) == 3
    suites = ElementTree.fromstring(capsys.readouterr().out)
    assert int(suites.get("failures") or 0) == len(list(suites.iter("failure"))) > 0


def test_no_color_and_pipes_have_no_escapes(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["validate", str(spec), "--set", "epochs=3"])
    assert "\x1b" not in capsys.readouterr().out


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, spec: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jobs.read.examine.load", interrupt)
    assert main(["validate", str(spec)]) == 130


def test_a_reader_that_leaves_early_is_no_error(spec: Path) -> None:
    command = f"{sys.executable} -m jobs.cli schema | head -1"
    code = "import sys; from jobs.cli import main; sys.exit(main())"
    command = f"{sys.executable} -c '{code}' schema | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "{\n0\n"
    assert done.stderr == ""


def test_budget_has_its_own_exit_code(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", str(spec)]) == 0
    strict = ["--set", "budget.max_usd=20", "--set", "budget.covers=everything"]
    assert main(["cost", str(spec), *strict]) == 5
    assert main(["cost", str(spec), "--set", "budget.max_usd=20"]) == 0
    assert "not covered by the budget: " in capsys.readouterr().out


def test_the_shipped_specs_and_datasets_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    specs = sorted(str(path) for path in (ROOT / "jobs" / "specs").glob("*.yaml"))
    assert specs
    assert main(["validate", *specs]) == 0, capsys.readouterr().out


def test_an_empty_question_is_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["chat", "anyone", " "]) == 2
    assert "The question is empty." in capsys.readouterr().err


def test_a_folder_stands_for_the_specs_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.yaml", "a.yml"):
        (tmp_path / name).write_text("type: finetuning\nname: x\nmodel: Phi-4\nepocs: 3\n")
    (tmp_path / "notes.md").write_text("no spec")
    assert main(["validate", str(tmp_path), str(tmp_path / "b.yaml"), "-o", "json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == [str(tmp_path / "a.yml"), str(tmp_path / "b.yaml")]
    (tmp_path / "empty").mkdir()
    assert main(["validate", str(tmp_path / "empty")]) == 2
    assert "holds no spec" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["validate SPEC", "schema", "explain", "--help", "--version"])
def test_a_full_disk_under_the_result_is_told_and_never_a_traceback(
    command: str, spec: Path
) -> None:
    line = f"{PROGRAM} {command.replace('SPEC', str(spec))} >/dev/full"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("command", ["validate SPEC", "schema", "explain", "--help", "--version"])
def test_a_closed_standard_output_leaves_the_exit_code(command: str, spec: Path) -> None:
    line = f"{PROGRAM} {command.replace('SPEC', str(spec))} >&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
