"""What each source says of the target: flags, environment, a configuration file, a Pulumi stack."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from jobs.errors import UsageError
from jobs.files import folders_above

ENVIRONMENT = {
    "subscription_id": ("AZURE_SUBSCRIPTION_ID",),
    "resource_group": ("AZURE_RESOURCE_GROUP", "AZUREML_ARM_RESOURCEGROUP"),
    "project": ("AZURE_PROJECT", "AZUREML_WORKSPACE_NAME", "AZUREML_ARM_WORKSPACE_NAME"),
}
"""The variables that set each part, the first one that is there wins."""

CONFIG_FILE = ".azureml/config.json"
PROGRAM = "Pulumi.yaml"
STACK_SCHEMA_VERSION = 1
STACK = "the Pulumi stack's outputs"
_STACK_OUTPUTS = {
    "subscription_id": "subscriptionId",
    "resource_group": "resourceGroupName",
    "project": "projectName",
}
_STACK_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Source:
    """What one source says; `problem` tells why it says nothing."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: str = ""
    providers: tuple[str, ...] = ()
    folder: Path | None = None
    """Where its file lies, if it has one."""

    @property
    def called(self) -> str:
        """The source as messages name it: with its folder, unless that is above the current one."""
        if self.folder is None or Path.cwd().is_relative_to(self.folder):
            return self.name
        return f"{self.name} in {self.folder}"


def from_flags(flags: Mapping[str, str | None]) -> Source:
    """What the command line says."""
    values = {setting: value for setting, value in flags.items() if value}
    return Source("the flags", values, problem="" if values else "name nothing")


def from_environment(environment: Mapping[str, str]) -> Source:
    """What the environment variables say."""
    values = {
        setting: value
        for setting, names in ENVIRONMENT.items()
        if (value := next((environment[name] for name in names if environment.get(name)), ""))
    }
    names = ", ".join(names[0] for names in ENVIRONMENT.values())
    return Source("the environment", values, problem="" if values else f"sets none of {names}")


def from_config_file(start: Path) -> Source:
    """The `.azureml/config.json` that is nearest above a folder, as the SDK looks for it."""
    folder = next((f for f in folders_above(start) if (f / CONFIG_FILE).is_file()), None)
    if folder is None:
        return Source(CONFIG_FILE, problem=f"none in {start} or above it")
    path = folder / CONFIG_FILE
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: not readable as JSON: {error}",
            next_step="Correct or remove the file.",
        ) from error
    if not isinstance(content, dict):
        raise UsageError(
            f"{path}: holds no JSON object.",
            next_step='It holds "subscription_id", "resource_group" and "workspace_name".',
        )
    said = cast("dict[str, Any]", content)
    values = {
        "subscription_id": str(said.get("subscription_id") or ""),
        "resource_group": str(said.get("resource_group") or ""),
        "project": str(said.get("workspace_name") or said.get("project_name") or ""),
    }
    values = {setting: value for setting, value in values.items() if value}
    problem = "" if values else "names nothing"
    return Source(CONFIG_FILE, values, problem=problem, folder=folder)


def from_pulumi_stack(start: Path, stack: str | None = None) -> Source:
    """What `pulumi stack output --json` says, asked where the nearest Pulumi.yaml lies."""
    folder = next((f for f in folders_above(start) if (f / PROGRAM).is_file()), None)
    if folder is None:
        return Source(STACK, problem=f"no {PROGRAM} in {start} or above it")
    command = ["pulumi", "stack", "output", "--json", "--non-interactive"]
    command += ["--stack", stack] if stack else []
    try:
        ran = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_STACK_TIMEOUT_SECONDS,
        )
    except FileNotFoundError:
        return Source(STACK, problem="no `pulumi` on PATH", folder=folder)
    except subprocess.TimeoutExpired:
        return Source(STACK, problem=f"no answer in {_STACK_TIMEOUT_SECONDS} s", folder=folder)
    if ran.returncode != 0:
        problem = _last_line(ran.stderr) or f"exit code {ran.returncode}"
        return Source(STACK, problem=problem, folder=folder)
    return replace(read_stack_outputs(ran.stdout), folder=folder)


def read_stack_outputs(text: str) -> Source:
    """The stack's exports as a source; an empty stack says nothing."""
    try:
        content: Any = json.loads(text or "{}")
    except ValueError:
        return Source(STACK, problem="the outputs are no JSON")
    if not isinstance(content, dict) or not content:
        return Source(STACK, problem="the stack has no outputs yet")
    outputs = cast("dict[str, Any]", content)
    version = outputs.get("schemaVersion")
    if version != STACK_SCHEMA_VERSION:
        raise UsageError(
            f"The stack's outputs have schemaVersion {version!r}; "
            f"this version reads {STACK_SCHEMA_VERSION}.",
            next_step="Update foundry-tune, or run pulumi up with the infra/ of this version.",
        )
    values = {s: str(outputs[key]) for s, key in _STACK_OUTPUTS.items() if outputs.get(key)}
    providers = cast("list[object]", outputs.get("registeredProviders") or [])
    return Source(STACK, values, providers=tuple(str(provider) for provider in providers))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
