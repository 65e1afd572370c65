"""Without the tests' short cuts: real processes, plugins found as the engine finds them."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.minipulumi.conftest import DATA, Outcome, World
from tests.integration.minipulumi.replay import (
    calls_of,
    compare_calls,
    compare_states,
    load,
    needs_of,
)
from tests.integration.minipulumi.test_interruptions import PULUMI
from tests.integration.minipulumi.test_recordings import (
    FOLDER,
    cipher_of,
    compare_output,
    write_settings,
)


def run_for_real(world: World, command: str, path: str) -> Outcome:
    (world.root / "log.jsonl").unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, str(PULUMI), *shlex.split(command)[1:]],
        cwd=world.project, env={**os.environ, "STANDIN_PYTHON": sys.executable, "PATH": path},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    log = world.root / "log.jsonl"
    import json

    calls = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return Outcome(done.returncode, done.stdout.split("\n")[:-1], done.stderr.splitlines(), calls)


@pytest.fixture
def in_a_folder(world: World) -> World:
    """`main: infra`, `runtime: python` without options, as the recording 177 has it."""
    (world.project / "infra").mkdir()
    for file in ("__main__.py", "registration.py"):
        shutil.move(world.project / file, world.project / "infra" / file)
    (world.project / "Pulumi.yaml").write_text("name: golden\nruntime: python\nmain: infra\n")
    write_settings(world, "dev", load(FOLDER, "005"))
    assert world.run("stack init dev").code == 0
    return world


def test_an_update_in_processes_of_its_own_is_the_recorded_one(in_a_folder: World) -> None:
    world, recording = in_a_folder, load(FOLDER, "016")
    outcome = run_for_real(world, recording["command"], f"{DATA}/provider:{os.environ['PATH']}")
    assert outcome.code == 0, outcome.err
    warning = "warning: using pulumi-resource-azure-native from $PATH at"
    assert sum(warning in line for line in outcome.out) == 4  # a row and a diagnostic a phase
    assert compare_output(recording, outcome.out) == []
    latest = world.state("dev")
    assert (
        compare_calls(recording["provider_calls"], calls_of(outcome.calls), needs_of(latest)) == []
    )
    recorded = recording["state"]["checkpoint"]["latest"]
    problems = compare_states(recorded, latest, cipher_of(latest))
    assert [p for p in problems if "sourcePosition" not in p] == []  # the program lies in infra/


def test_a_preview_with_a_plugin_on_path_is_the_recorded_one(in_a_folder: World) -> None:
    world, recording = in_a_folder, load(FOLDER, "176")
    write_settings(world, "ambient", recording)
    assert world.run("stack init ambient").code == 0
    path = f"{DATA}/provider:{os.environ['PATH']}"
    outcome = run_for_real(world, recording["command"], path)
    assert outcome.code == recording["exit_code"]
    assert compare_output(recording, outcome.out) == []
    assert compare_calls(recording["provider_calls"], calls_of(outcome.calls), {}) == []


def test_the_first_line_says_who_this_is() -> None:
    done = subprocess.run(
        [sys.executable, str(PULUMI), "version"], capture_output=True, text=True, check=True
    )
    assert done.stderr == (
        "minipulumi: no Pulumi CLI on PATH, so this is foundry-tune's stand-in for it."
        " The state it writes is Pulumi's.\n"
    )


def test_verbs_that_need_no_engine_load_none() -> None:
    code = (
        "import sys; from minipulumi import stacks, settings, cli; heavy = {'grpc', 'pulumi',"
        " 'cryptography', 'ruamel', 'yaml'}; print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout == "[]\n"
