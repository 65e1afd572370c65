"""A command job's body: read, held against what the service allows and what one machine can run.

The shape is the `2025-01-01-preview` schema as azure-ai-ml sends it. What a job names (code, an
environment, compute, data) is looked for elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.services.machinelearningservices.refusals import user_error
from emulator.state.errors import not_emulated
from emulator.state.json_text import Json, as_object

DATA_KINDS = ("uri_file", "uri_folder", "mltable")
MODEL_KINDS = ("mlflow_model", "custom_model", "triton_model")
LITERAL = "literal"

READ_ONLY, DOWNLOAD, DIRECT = "ReadOnlyMount", "Download", "Direct"
READ_WRITE, UPLOAD = "ReadWriteMount", "Upload"

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_BINDING = re.compile(r"\$\{\{\s*(?P<root>[\w-]+)\.(?P<name>[\w.-]+)\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.S)
_DURATION = re.compile(
    r"P(?!$)(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_INSTANCE_TYPE = re.compile(r"standard_[a-z0-9_-]+", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What a job reads. `value` is the literal itself (None: it was not given), or a reference."""

    kind: str
    mode: str
    value: str | None

    @property
    def asset(self) -> str:
        """The kind of asset that a reference means."""
        return "models" if self.kind in MODEL_KINDS else "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a job writes, and the asset that becomes of it."""

    kind: str
    mode: str
    uri: str | None
    name: str | None
    version: str | None
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a valid body asks for. `timeout` is in seconds; None: there is no limit."""

    line: str
    code: str | None
    environment: str
    compute: str | None
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    variables: Mapping[str, str]
    timeout: float | None
    distribution: str | None


def read(properties: Json) -> Command:
    """Read a job's `properties`; refuse at the first thing that can't be."""
    line = properties.get("command")
    if not isinstance(line, str) or not line.strip():
        raise user_error("'command' is required.", target="command")
    command = Command(
        line=line,
        code=_text(properties, "codeId"),
        environment=_required(properties, "environmentId"),
        compute=_text(properties, "computeId"),
        inputs={
            name: _input(name, value) for name, value in _members(properties, "inputs").items()
        },
        outputs={
            name: _output(name, value) for name, value in _members(properties, "outputs").items()
        },
        variables=environment_variables(properties),
        timeout=_timeout(properties),
        distribution=_distribution(properties),
    )
    _check_resources(properties)
    _check_bindings(command)
    return command


def filled_in(line: str, inputs: Mapping[str, str | None], outputs: Mapping[str, str]) -> str:
    """The command with its paths and values; a part in `$[[…]]` goes where its input wasn't given.

    Values go in as they are, as the service puts them in: quoting is the command's own.
    """

    def part(found: re.Match[str]) -> str:
        named = [one["name"] for one in _BINDING.finditer(found[1]) if one["root"] == "inputs"]
        return found[1] if all(inputs.get(name) is not None for name in named) else ""

    def value(found: re.Match[str]) -> str:
        values = inputs if found["root"] == "inputs" else outputs
        return values.get(found["name"]) or ""

    return _BINDING.sub(value, _OPTIONAL.sub(part, line))


def seconds_of(duration: str) -> float | None:
    """An ISO 8601 duration of days, hours, minutes and seconds; None where it is none."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        return None
    units = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
    return sum(float(found[name] or 0) * size for name, size in units.items())


def environment_variables(properties: Json) -> dict[str, str]:
    """The variables that a process is to see; refuses what is no variable."""
    variables = as_object(properties.get("environmentVariables"), "environmentVariables")
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            raise user_error(f"'{name}' is no name of a variable.", target="environmentVariables")
        if value is not None and (not isinstance(value, str) or "\0" in value):
            raise user_error(
                f"The environment variable '{name}' must be a string.",
                target=f"environmentVariables.{name}",
            )
    return {name: value for name, value in variables.items() if value is not None}


def _members(properties: Json, name: str) -> dict[str, Json | None]:
    found = as_object(properties.get(name), name)
    for key, value in found.items():
        if not _NAME.fullmatch(key):
            raise user_error(
                f"'{key}' in '{name}' must be made of letters, digits and _.", target=name
            )
        if value is not None:
            as_object(value, f"{name}.{key}")
    return found


def _input(name: str, value: Json | None) -> Input:
    if value is None:
        return Input(kind=LITERAL, mode=DIRECT, value=None)
    target = f"inputs.{name}"
    kind = str(value.get("jobInputType") or "").lower()
    if kind == LITERAL:
        given = value.get("value")
        if given is not None and not isinstance(given, str):
            raise user_error(f"'{target}.value' must be a string.", target=f"{target}.value")
        return Input(kind=LITERAL, mode=DIRECT, value=given)
    if kind not in (*DATA_KINDS, *MODEL_KINDS):
        known = ", ".join((LITERAL, *DATA_KINDS, *MODEL_KINDS))
        raise user_error(f"'{kind}' is not a jobInputType: {known}.", target=target)
    uri = value.get("uri")
    if not isinstance(uri, str) or not uri:
        raise user_error(f"'{target}.uri' is required.", target=f"{target}.uri")
    mode = str(value.get("mode") or READ_ONLY)
    known = {one.lower(): one for one in (READ_ONLY, DOWNLOAD, DIRECT)}
    if mode.lower() not in known:
        raise not_emulated(
            f"the mode '{mode}' of '{target}'", f"Use {READ_ONLY}, {DOWNLOAD} or {DIRECT}."
        )
    return Input(kind=kind, mode=known[mode.lower()], value=uri)


def _output(name: str, value: Json | None) -> Output:
    value = value or {}
    target = f"outputs.{name}"
    kind = str(value.get("jobOutputType") or "uri_folder").lower()
    if kind not in (*DATA_KINDS, *MODEL_KINDS):
        known = ", ".join((*DATA_KINDS, *MODEL_KINDS))
        raise user_error(f"'{kind}' is not a jobOutputType: {known}.", target=target)
    mode = str(value.get("mode") or READ_WRITE)
    known_modes = {one.lower(): one for one in (READ_WRITE, UPLOAD)}
    if mode.lower() not in known_modes:
        raise not_emulated(f"the mode '{mode}' of '{target}'", f"Use {READ_WRITE} or {UPLOAD}.")
    version = value.get("assetVersion")
    return Output(
        kind=kind,
        mode=known_modes[mode.lower()],
        uri=_text(value, "uri"),
        name=_text(value, "assetName"),
        version=str(version) if version is not None else None,
        description=_text(value, "description"),
    )


def _timeout(properties: Json) -> float | None:
    duration = as_object(properties.get("limits"), "limits").get("timeout")
    if duration is None:
        return None
    seconds = seconds_of(duration) if isinstance(duration, str) else None
    if not seconds:
        raise user_error(
            f"'limits.timeout' must be an ISO 8601 duration above zero, as in PT1H30M; it is "
            f"'{duration}'.",
            target="limits.timeout",
        )
    return seconds


def _distribution(properties: Json) -> str | None:
    distribution = as_object(properties.get("distribution"), "distribution")
    if not distribution:
        return None
    kind = str(distribution.get("distributionType") or "")
    if kind.lower() not in ("pytorch", "mpi", "tensorflow"):
        raise not_emulated(
            f"a distribution of type '{kind}'", "PyTorch, Mpi and TensorFlow run as one process."
        )
    counts = {
        name: distribution.get(name) or 0
        for name in ("processCountPerInstance", "workerCount", "parameterServerCount")
    }
    for name, count in counts.items():
        most = 0 if name == "parameterServerCount" else 1
        if not isinstance(count, int) or count > most:
            raise not_emulated(
                f"a command job of more than one process ('distribution.{name}' is {count!r})",
                "This machine runs it as one.",
            )
    return kind.lower()


def _check_resources(properties: Json) -> None:
    resources = as_object(properties.get("resources"), "resources")
    count = resources.get("instanceCount") or 1
    if count != 1:
        raise not_emulated(
            f"a command job on {count!r} machines ('resources.instanceCount')",
            "This machine runs it alone.",
        )
    kind = resources.get("instanceType")
    if kind is not None and not (isinstance(kind, str) and _INSTANCE_TYPE.fullmatch(kind)):
        raise user_error(
            f"'{kind}' is not an instance type, as in Standard_DS3_v2.",
            target="resources.instanceType",
        )
    if "local" in as_object(resources.get("properties"), "resources.properties"):
        raise not_emulated(
            "compute 'local'", "Name a cluster, or none: the emulator runs it on this machine."
        )


def _check_bindings(command: Command) -> None:
    optional = {
        one["name"] for part in _OPTIONAL.findall(command.line) for one in _BINDING.finditer(part)
    }
    for found in _BINDING.finditer(command.line):
        root, name = found["root"], found["name"]
        if root not in ("inputs", "outputs"):
            raise user_error(
                f"'{found[0]}' in the command is neither an input nor an output.", target="command"
            )
        if root == "outputs" and name not in command.outputs:
            raise user_error(
                f"Outputs of job does not contain '{name}' referenced in command", target="command"
            )
        given = command.inputs.get(name)
        if root == "inputs" and (given is None or given.value is None) and name not in optional:
            # As azure-ai-ml's own check words it.
            raise user_error(
                f"Inputs to job does not contain '{name}' referenced in command", target="command"
            )


def _required(properties: Json, name: str) -> str:
    text = _text(properties, name)
    if text is None:
        raise user_error(f"'{name}' is required.", target=name)
    return text


def _text(properties: Json, name: str) -> str | None:
    value: Any = properties.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise user_error(f"'{name}' must be a string.", target=name)
    return value
