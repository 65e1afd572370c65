"""A command job as Azure keeps it, in the words of a spec's fields: the wire's shape read back.

`asked_of` says the same of what a spec asks for, so that the two can be held against each other.
"""

import re
from collections.abc import Mapping
from typing import Any

from jobs.foundry.answers import Json, part, text

MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")
_ASSET = re.compile(r".*/(?:codes|environments|data|models)/([^/]+)/(?:versions|labels)/([^/]+)")


def models(found: Json) -> list[str]:
    """The names of the models that a job's outputs become."""
    outputs = part(found, "properties", "outputs")
    return [
        name
        for output in outputs
        if text(outputs, output, "jobOutputType") in MODEL_TYPES
        if (name := text(outputs, output, "assetName"))
    ]


def asked(found: Json) -> dict[str, str]:
    """All that decides how a job turns out, by the fields of a spec."""
    properties = part(found, "properties")
    inputs, outputs = part(properties, "inputs"), part(properties, "outputs")
    distribution = part(properties, "distribution")
    variables = part(properties, "environmentVariables")
    return fields(
        command=text(properties, "command"),
        code=label_of(text(properties, "codeId")),
        environment=label_of(text(properties, "environmentId")),
        compute=text(properties, "computeId").rpartition("/")[2],
        instance_type=text(properties, "resources", "instanceType"),
        instance_count=part(properties, "resources").get("instanceCount"),
        timeout=_seconds(text(properties, "limits", "timeout")),
        distribution=text(distribution, "distributionType").casefold(),
        inputs={name: _input(part(inputs, name)) for name in inputs},
        outputs={name: text(outputs, name, "assetName") for name in outputs},
        variables={name: str(variables[name]) for name in variables},
    )


def fields(
    *,
    command: str,
    code: str,
    environment: str,
    compute: str,
    instance_type: str,
    instance_count: object,
    timeout: object,
    distribution: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    variables: Mapping[str, str],
) -> dict[str, str]:
    """What a job is asked for, by the fields of a spec; what isn't written is left out."""
    values = {
        "command": " ".join(command.split()),
        "code": code,
        "environment": environment,
        "compute": "" if compute.casefold() == "serverless" else compute,
        "resources.instance_type": instance_type,
        "resources.instance_count": str(instance_count or 1),
        "limits.timeout": str(timeout or ""),
        "distribution.type": distribution,
        **{f"inputs.{name}": value for name, value in inputs.items()},
        **{f"outputs.{name}": value for name, value in outputs.items()},
        **{f"environment_variables.{name}": value for name, value in variables.items()},
    }
    return {name: value for name, value in values.items() if value}


def label_of(id: str) -> str:
    """`name:version` out of an asset's id, short or in full; another address stays as it is."""
    if id.startswith("azureml://registries/"):
        return id
    found = _ASSET.fullmatch(id)
    return f"{found[1]}:{found[2]}" if found else id.removeprefix("azureml:")


def literal(value: Any) -> str:
    """A value of an input as azure-ai-ml sends it: `True`, `0.1`."""
    return "" if value is None else str(value)


def _input(given: Json) -> str:
    return text(given, "value") or label_of(text(given, "uri"))


def _seconds(duration: str) -> str:
    """An ISO 8601 duration as a number of seconds; another text stays as it is."""
    form = r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?"
    found = re.fullmatch(form, duration)
    if not duration or found is None:
        return duration
    days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
    return str(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
