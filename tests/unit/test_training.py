"""The training program where no torch is: checking a file, and what its lock holds."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "datasets" / "xbox-support" / "train.jsonl"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "training" / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_configuration_and_its_data_are_checked_without_torch(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(f"model: phi\ntraining_data: {DATA}\nloss: completion_only\n")
    done = run("--config", str(file), "--check")
    assert (done.returncode, done.stderr) == (0, "")
    rows = len(DATA.read_text(encoding="utf-8").splitlines())
    assert done.stdout == f"{file}: in order; {rows} rows to learn from\n"


def test_mistakes_are_told_without_torch(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(f"model: phi\ntraining_data: {DATA}\ntask: classification\n")
    done = run("--config", str(file), "--check")
    assert done.returncode == 3
    assert done.stderr.startswith(f"{file}:3:1: classification takes a head.")


def test_the_schema_has_every_field_described() -> None:
    schema = json.loads(run("--schema").stdout)
    for part in (schema, *schema["$defs"].values()):
        for name, field in part["properties"].items():
            assert field.get("description") or "$ref" in field, name


def test_the_training_lock_holds_what_the_extra_pins_with_hashes_and_no_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = [
        *project["project"]["optional-dependencies"]["training"],
        *project["dependency-groups"]["training-job"],
    ]
    lock = (ROOT / "training" / "requirements.lock").read_text(encoding="utf-8")
    for pin in pins:
        assert re.search(rf"^{re.escape(pin.partition(';')[0])}(?: |$)", lock, re.M), pin
    assert "://" not in lock
    requirements = re.findall(r"^\S+==\S+.*\\\n    --hash=sha256:", lock, re.M)
    assert len(requirements) == len(re.findall(r"^\S+==", lock, re.M))
