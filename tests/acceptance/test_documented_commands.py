"""Every command of the documents, as it stands there: in a fresh clone, and after `make demo`."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.cli import _EPILOG as EPILOG  # pyright: ignore[reportPrivateUsage]
from tests.acceptance.terminal import Terminal

ROOT = Path(__file__).parents[2]
# tests/integration/emulator/test_docs.py types those of docs/emulator.md.
PAGES = sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md") if p.name != "emulator.md")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", *PAGES)
WORDS = "az|foundry-emulator|foundry-tune|git|make|pip|pulumi|python|source|uv"
TYPED = re.compile(rf"(?:    |\$ |#   )\s*((?:{WORDS}) .*)")
PLACEHOLDER = re.compile(r"\b(NAME|REVISION)\b")
SPAN = re.compile(rf"`((?:{WORDS}) [^`]+)`")

NOT_RUN = {
    "git clone … && cd foundry-tune": "a placeholder; the test makes the clone itself",
    "make demo": "minutes; tests/acceptance/demo runs its script",
    "make test": "runs this test",
    "make steady": "half an hour",
    "make rehearse": "minutes; CI runs it after the tests",
    "make check": "a minute; the first thing that CI runs",
    "make bench": "minutes",
    "make policy": "makes a clone's virtual environment; what it runs stands beside it",
    "foundry-tune policy jobs/specs/ --live -o sarif": "takes a stack: test_policy.py has one",
    "foundry-tune watch jobs/specs/ --once --dry-run": "takes specs with limits: test_watch.py",
    "foundry-tune watch jobs/specs/ --once": "the same",
    "foundry-tune watch jobs/specs/ --every 10m": "the same, and never ends",
    "pulumi preview --policy-pack policy-pack": "takes init's repository: tests/integration/gitops",
    "make fuzz": "minutes, and installs a fuzzer",
    "make accept": "rewrites files of the checkout",
    "make lock": "asks the package index",
    "python -m benchmarks minipulumi demo": "minutes; a part of `make bench`",
    "pulumi stack init prod": "takes the real Pulumi CLI, logged in to a backend",
    "pulumi up --stack prod": "the same, and Pulumi.prod.yaml is edited before it",
    "foundry-tune apply jobs/specs/xbox-support.yaml": "a minute; tests/acceptance/demo runs it",
    "foundry-tune apply jobs/specs/classify-intents.yaml": "the same",
    "foundry-tune logs classify-intents": "takes a job that ran: the same",
    "foundry-tune metrics classify-intents": "the same",
    "foundry-tune apply plan.json": "takes a saved plan: test_saved_plan.py has them",
    "foundry-tune apply plan.json --yes": "the same",
    "foundry-tune plan jobs/specs/xbox-support.yaml --markdown --preview preview.txt": "the same",
    "foundry-tune drift jobs/specs/": "takes what was served: test_drift.py has it",
    "foundry-tune drift jobs/specs/xbox-support.yaml": "the same",
    "foundry-tune drift jobs/specs/xbox-support.yaml --fix": "the same",
    "foundry-tune orphans jobs/specs/": "the same",
    "foundry-tune connect xbox-support": "takes a served endpoint: test_connect.py has one",
    "foundry-tune connect xbox-support --client openai": "the same",
    "foundry-tune promote xbox-support": "the same: test_rollout.py",
    "foundry-tune promote xbox-support a8bbe5a87e": "the same",
    "foundry-tune rollback xbox-support": "the same; tests/acceptance/demo runs it",
    "foundry-tune rollback xbox-support a8bbe5a87e": "the same",
    "foundry-tune report jobs/specs/xbox-support.yaml": "takes a trained spec: test_report.py",
    "foundry-tune report jobs/specs/xbox-support.yaml --markdown > comment.md": "the same",
    "foundry-tune report jobs/specs/xbox-support.yaml --markdown": "the same",
    "foundry-tune report xbox-support --revision a8bbe5a87e": "the same",
    "foundry-tune dataset screen FILE": "a placeholder",
    "foundry-tune diff xbox-support 51f0aa7c20 a8bbe5a87e": "the same",
    "foundry-tune diff jobs/specs/xbox-support.yaml 51f0 a8bb": "the same",
    "make pages-check": "takes Chromium and npm, which CI has",
    "make conformance": "minutes, and installs the clients that it drives",
    "foundry-tune monitor jobs/specs/xbox-support.yaml": "the same: test_monitor.py",
    "foundry-tune monitor xbox-support --since 7d --no-canaries -o json": "the same",
    "pulumi stack change-secrets-provider azurekeyvault://…": "takes the real Pulumi CLI",
    "foundry-tune monitor jobs/specs/": "the same; tests/integration/gitops runs it each night",
    "foundry-tune comment comment.md": "takes a workflow's job: test_comment.py has one",
    'foundry-tune comment drift.txt orphans.txt --issue "Nightly look at prod" --steps "$STEPS"': (
        "the same"
    ),
    "foundry-tune safety jobs/specs/xbox-support.yaml": "the same: test_safety_in_depth.py",
    "foundry-tune safety xbox-support --against phi-base --against last-night.json -o json": "same",
    "foundry-emulator run -- COMMAND": "a placeholder",
    "foundry-emulator run -- CMD": "a placeholder",
    "foundry-tune VERB --help": "a placeholder",
    "foundry-tune explain RULE": "a placeholder",
    "foundry-tune apply SPEC --yes -o json": "a placeholder",
    "foundry-tune trials SPEC": "a placeholder",
    "foundry-tune doctor SPEC": "a placeholder",
    "foundry-emulator group add OBJECT-ID": "a placeholder",
    "az ml job create -f": "takes the Azure CLI",
    "az login": "takes the Azure CLI",
    "az group create": "takes the Azure CLI",
    "az keyvault create": "takes the Azure CLI",
    "az provider register -n Microsoft.KeyVault": "takes the Azure CLI",
    "az role assignment create …": "takes the Azure CLI",
    "az role assignment … --assignee": "takes the Azure CLI",
    "pulumi stack output identityClientIds": "takes a stack with identities: test_identities.py",
    "foundry-emulator workflow --repository contoso/phi --pull-request -- env ARM_USE_OIDC=true "
    "ARM_CLIENT_ID=<id> pulumi preview": "the same",
    "foundry-emulator workflow --repository contoso/phi --environment prod -- env "
    "AZURE_CLIENT_ID=<id> foundry-tune plan SPEC": "the same",
    "make test-training": "minutes, and installs torch; the last thing that CI runs",
    "make lock-training": "asks the package index",
    "make demo-training": "installs torch; tests/training/test_demo.py runs what it runs",
    "foundry-emulator run --job-python .venv-training/bin/python -- bash": "the same",
    "uv pip sync --require-hashes requirements.lock": "installs torch, where the GPU is",
    "python -m onnxruntime_genai.models.builder -i outputs/model -o onnx -p fp32 -e cpu": (
        "takes a trained model, and a package that is none of ours"
    ),
    "python train.py --config train.yaml --check": "a file of the reader's: test_training.py",
    "python train.py --config train.yaml --set output=outputs": "takes torch and a model's weights",
    "python train.py --config train.yaml --set model=${{inputs.model}} "
    "--set output=${{outputs.model}}": "a command for a job's file",
    "make docs": "rewrites files of the checkout",
    "make wheel": "a minute, and makes an environment of its own",
}  # fmt: skip
# Names in a sentence, not commands to type: that there is such a verb is all they say.
NAMES = re.compile(r"az ml|(?:foundry-tune|foundry-emulator|pulumi)(?: [a-z]+)+")
RUN_AS_NAMED = ("foundry-tune schema", "foundry-tune doctor")
_EMULATOR = (sys.executable, "-m", "emulator.cli", "run")
_ACTIVATE = "source .venv/bin/activate"

# What the examples of docs/cli.md call a reader's own files.
YOUR_FILES = {
    "train.jsonl": "train.jsonl",
    "valid.jsonl": "validation.jsonl",
    "all.jsonl": "train.jsonl",
    "test.jsonl": "test.jsonl",
    "answers.jsonl": "test.jsonl",
}
ENVIRONMENT = {"COLUMNS": "100", "NO_COLOR": "1", "PULUMI_SKIP_UPDATE_CHECK": "true"}


@pytest.fixture(params=["in a fresh clone", "after make demo"])
def clone(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What `git clone` gives of this checkout, with the virtual environment made."""
    folder = tmp_path / "foundry-tune"
    for name in _tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(ROOT / name) if name.startswith("tests/") else _copy(ROOT / name, target)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    for name, ours in YOUR_FILES.items():
        _copy(ROOT / "datasets/xbox-support" / ours, folder / name)
    (folder / "chats.csv").write_text("question,answer\nIs it on?,Yes.\n", encoding="utf-8")
    if request.param == "after make demo":
        demo = re.search(r"foundry-emulator run (.*) -- bash tools/demo", _text("Makefile"))
        assert demo
        subprocess.run([*_EMULATOR, *demo[1].split(), "--", "true"], cwd=folder, check=True)
        assert any(folder.glob(".foundry-emulator*")), "the demo leaves its state"
    return folder


@pytest.fixture
def terminal(clone: Path, tmp_path: Path) -> Iterator[Terminal]:
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    made = Terminal(clone, {**kept, **ENVIRONMENT, "HOME": str(home)})
    yield made
    made.close()


@pytest.mark.rehearsal
@pytest.mark.timeout(240)
def test_each_command_does_what_the_documents_say(terminal: Terminal, clone: Path) -> None:
    shells = [command for command in _to_run() if command.endswith(" -- bash")]
    # What stands outside of the README's rehearsal is typed in the shell that this one opens.
    inside = [command for command in _to_run() if command not in (_ACTIVATE, *shells)]
    _type(terminal, _ACTIVATE)
    for shell, commands in zip(shells, [inside, *[[]] * len(shells)], strict=False):
        for command in (shell, *commands, "exit"):
            _type(terminal, command)
    left = (clone / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    assert left == _text("Pulumi.dev.yaml"), "a rehearsal leaves the checkout as it was"


def test_what_doctor_advises_where_nothing_is_made_is_what_the_documents_say() -> None:
    advice = _doctor_without_a_stack().splitlines()[-1]
    named = [part for span in SPAN.findall(advice) for part in span.split(" && ")]
    assert named
    assert set(named) <= set(_offline())


def test_every_exception_is_still_in_a_document() -> None:
    assert set(NOT_RUN) <= set(_commands())


def test_help_and_comments_name_the_same_first_steps_as_the_readme() -> None:
    for text in (EPILOG, _text("Pulumi.yaml"), _text("infra/__main__.py")):
        assert "foundry-emulator run -- bash" in text
        lines = (line.strip("# ") for line in text.splitlines())
        steps = [re.split(r"\s{2,}", line)[0] for line in lines if line.startswith("pulumi ")]
        assert steps == ["pulumi stack select --create dev", "pulumi up"]


def _type(terminal: Terminal, command: str) -> None:
    code, printed = terminal.type(command)
    assert code == 0, f"{command}: exit code {code}\n{printed}"


def _to_run() -> list[str]:
    """What is typed, in its order; of names within a sentence, their help."""
    found: list[str] = []
    for command in dict.fromkeys([*_offline(), *_commands()]):
        if command in NOT_RUN or PLACEHOLDER.search(command):
            continue
        if command in _offline() or command in RUN_AS_NAMED or not NAMES.fullmatch(command):
            found.append(command)
        elif command.startswith("foundry-"):
            found.append(f"{command} --help")
    return found


def _offline() -> list[str]:
    """The README's commands of a rehearsal, which open the shell that the others are typed in."""
    section = _text("README.md").split("\n## Offline\n")[1].split("\n## ")[0]
    return [_bare(line) for line in TYPED.findall(section)]


def _commands() -> list[str]:
    """Every command of the documents: typed ones, and those within a sentence."""
    found: list[str] = []
    for name in DOCUMENTS:
        text = re.sub(r"<!-- transcript.*?<!-- /transcript -->", "", _text(name), flags=re.DOTALL)
        found += [_bare(line) for line in TYPED.findall(text)]
        found += [" ".join(span.split()) for span in SPAN.findall(text)]
    return found


def _bare(line: str) -> str:
    """A line without its comment, which stands after a # or in a column of its own."""
    return re.split(r"\s+#|\s{4,}", line)[0].strip()


def _doctor_without_a_stack() -> str:
    ran = subprocess.run(
        [*_EMULATOR, "--state", ":memory:", "--", "foundry-tune", "doctor"],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 2, ran.stdout
    return ran.stdout


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())
    target.chmod(source.stat().st_mode)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
