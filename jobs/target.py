"""Where to work: subscription, resource group and project, and who said so.

Four sources, the nearest wins, setting by setting: flags, environment variables,
`.azureml/config.json` (as `az ml` and the SDK read it), the outputs of the Pulumi stack.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from jobs.errors import UsageError

ENVIRONMENT = {
    "subscription_id": ("AZURE_SUBSCRIPTION_ID",),
    "resource_group": ("AZURE_RESOURCE_GROUP", "AZUREML_ARM_RESOURCEGROUP"),
    "project": ("AZURE_PROJECT", "AZUREML_WORKSPACE_NAME", "AZUREML_ARM_WORKSPACE_NAME"),
}
"""The variables that set each part, the first one that is there wins."""

STACK_SCHEMA_VERSION = 1
_SETTINGS = ("subscription_id", "resource_group", "project")
_FLAGS = {"subscription_id": "--subscription", "resource_group": "-g", "project": "-w"}
_STACK_OUTPUTS = {
    "subscription_id": "subscriptionId",
    "resource_group": "resourceGroupName",
    "project": "projectName",
}
_STACK_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One project of one resource group, with the source of each part."""

    subscription_id: str
    resource_group: str
    project: str
    sources: Mapping[str, str]
    registered_providers: tuple[str, ...] = ()
    """The namespaces that the stack registered, where it is known."""

    @property
    def origin(self) -> str:
        """Who named the project, in words for the plan's head line."""
        return self.sources["project"]


@dataclass(frozen=True, slots=True)
class Source:
    """What one source says; `problem` tells why it says nothing."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: str = ""
    providers: tuple[str, ...] = ()


def resolve(
    *,
    subscription_id: str | None = None,
    resource_group: str | None = None,
    project: str | None = None,
    stack: str | None = None,
    folder: Path | None = None,
) -> Target:
    """The target, from the nearest source of each setting; the stack is asked only when needed."""
    flags = {
        "subscription_id": subscription_id,
        "resource_group": resource_group,
        "project": project,
    }
    folder = folder or Path.cwd()
    sources = [from_flags(flags), from_environment(os.environ), from_config_file(folder)]
    if stack or any(not _first(sources, setting) for setting in _SETTINGS):
        sources.append(from_pulumi_stack(folder, stack))
    return choose(sources)


def choose(sources: list[Source]) -> Target:
    """Merge the sources in order, and refuse a mix that spans two subscriptions."""
    chosen = {setting: _first(sources, setting) for setting in _SETTINGS}
    missing = [setting for setting, source in chosen.items() if source is None]
    if missing:
        words = " and ".join(setting.replace("_id", "").replace("_", " ") for setting in missing)
        problems = "".join(f"\n  {s.name}: {s.problem}" for s in sources if s.problem)
        flags = " ".join(f"{_FLAGS[setting]} …" for setting in missing)
        raise UsageError(
            f"No {words} to work in.{problems}",
            next_step="Make it with `pulumi stack select --create dev && pulumi up` (offline: in "
            f"a shell of `foundry-emulator run -- bash`), or name it: {flags}",
        )
    found = {setting: source for setting, source in chosen.items() if source}
    _refuse_odd_names(found)
    _refuse_two_subscriptions(found)
    return Target(
        subscription_id=found["subscription_id"].values["subscription_id"],
        resource_group=found["resource_group"].values["resource_group"],
        project=found["project"].values["project"],
        sources={setting: source.name for setting, source in found.items()},
        registered_providers=next((s.providers for s in sources if s.providers), ()),
    )


def _first(sources: list[Source], setting: str) -> Source | None:
    return next((source for source in sources if source.values.get(setting)), None)


def _refuse_odd_names(chosen: Mapping[str, Source]) -> None:
    """A name becomes part of an address: what Azure wouldn't take as a name would ask elsewhere."""
    for setting, source in chosen.items():
        value = source.values[setting]
        if not _NAMES[setting].fullmatch(str(value)):  # a JSON file may hold anything
            words = setting.replace("_", " ")
            raise UsageError(
                f"{ascii(value)[:60]}, from {source.name}, is no {words}.",
                next_step=f"Name it: {_FLAGS[setting]} …",
            )


_NAMES = {
    "subscription_id": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "resource_group": re.compile(r"[\w().-]{0,89}[\w()-]"),
    "project": re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,32}"),
}
"""What Azure takes as names (resource-name-rules.md, and the workspace's own pattern)."""


def _refuse_two_subscriptions(chosen: Mapping[str, Source]) -> None:
    """A group of one subscription looked for in another is a mistake that would name no cause."""
    subscription = chosen["subscription_id"]
    wanted = subscription.values["subscription_id"]
    for setting in ("resource_group", "project"):
        source = chosen[setting]
        own = source.values.get("subscription_id")
        if own and own.casefold() != wanted.casefold():
            raise UsageError(
                f"The {setting.replace('_', ' ')} '{source.values[setting]}' comes from "
                f"{source.name}, in subscription {own}, but {subscription.name} "
                f"says subscription {wanted}.",
                next_step="Name both in one place: --subscription … -g … -w …",
            )


def from_flags(flags: Mapping[str, str | None]) -> Source:
    """What the command line says."""
    return Source("the flags", {setting: value for setting, value in flags.items() if value})


def from_environment(environment: Mapping[str, str]) -> Source:
    """What the environment variables say."""
    values = {
        setting: value
        for setting, names in ENVIRONMENT.items()
        if (value := next((environment[name] for name in names if environment.get(name)), ""))
    }
    return Source("the environment", values)


def from_config_file(folder: Path) -> Source:
    """The nearest `.azureml/config.json` or `config.json`-less folder upwards, as the SDK looks."""
    name = ".azureml/config.json"
    for parent in (folder, *folder.parents):
        path = parent / ".azureml" / "config.json"
        if not path.is_file():
            continue
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
        return Source(name, {setting: value for setting, value in values.items() if value})
    return Source(name, problem="not found in this folder or above it")


def from_pulumi_stack(folder: Path, stack: str | None = None) -> Source:
    """What `pulumi stack output --json` says, asked where the nearest Pulumi.yaml lies."""
    name = "the Pulumi stack's outputs"
    program = next(
        (parent for parent in (folder, *folder.parents) if (parent / "Pulumi.yaml").is_file()),
        None,
    )
    if program is None:
        return Source(name, problem="no Pulumi.yaml in this folder or above it")
    command = ["pulumi", "stack", "output", "--json", "--non-interactive"]
    command += ["--stack", stack] if stack else []
    try:
        ran = subprocess.run(
            command,
            cwd=program,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_STACK_TIMEOUT_SECONDS,
        )
    except FileNotFoundError:
        return Source(name, problem="no `pulumi` on PATH")
    except subprocess.TimeoutExpired:
        return Source(name, problem=f"no answer in {_STACK_TIMEOUT_SECONDS} s")
    if ran.returncode != 0:
        return Source(name, problem=_last_line(ran.stderr) or f"exit code {ran.returncode}")
    return read_stack_outputs(ran.stdout)


def read_stack_outputs(text: str) -> Source:
    """The stack's exports as a source; an empty stack says nothing."""
    name = "the Pulumi stack's outputs"
    try:
        content: Any = json.loads(text or "{}")
    except ValueError:
        return Source(name, problem="the outputs are no JSON")
    if not isinstance(content, dict) or not content:
        return Source(name, problem="the stack has no outputs yet")
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
    return Source(name, values, providers=tuple(str(provider) for provider in providers))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
