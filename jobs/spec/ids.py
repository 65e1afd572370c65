"""Ids of models and data as a spec writes them, parsed: a wrong one is told before it costs.

Azure takes any text for an id and looks at it late: after the data was uploaded, or never.
"""

import re
from dataclasses import dataclass
from typing import Literal

from jobs.catalog.catalog import catalog

Form = Literal["registry", "asset", "short", "datastore", "address", "name"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}"
_REGISTRY = re.compile(
    rf"azureml://registries/(?P<registry>{_NAME})/(?P<kind>models|data)/(?P<name>{_NAME})"
    rf"(?:/versions/(?P<version>{_NAME})|/labels/(?P<label>{_NAME}))?"
)
_WORKSPACE = re.compile(
    rf"(?:azureml:)?/?/?(?:locations/{_NAME}/workspaces/[0-9A-Za-z-]+"
    rf"|subscriptions/[0-9a-fA-F-]+/resourceGroups/[-\w._()]+"
    rf"/(?:providers/Microsoft\.MachineLearningServices/)?workspaces/{_NAME})"
    rf"/(?P<kind>models|data)/(?P<name>{_NAME})/versions/(?P<version>{_NAME})",
    re.IGNORECASE,
)
_SHORT = re.compile(rf"azureml:(?P<name>{_NAME})(?::(?P<version>{_NAME})|@(?P<label>{_NAME}))")
_DATASTORE = re.compile(
    rf"azureml://(?:subscriptions/[0-9a-fA-F-]+/resourcegroups/[-\w._()]+/workspaces/{_NAME}/)?"
    rf"datastores/{_NAME}/paths/\S+",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https|wasbs|abfss|adl)://[\w.-]+(?:@[\w.-]+)?/\S+")
_PLACEHOLDER = re.compile(
    r"<[^<>]*>|\$\{?[A-Za-z_]\w*\}?|\{\{.*?\}\}|\bYOUR[_-]\w+|\bTODO\b|\bXXX+\b|…|\.\.\.$"
)


@dataclass(frozen=True, slots=True)
class Id:
    """An id, understood."""

    form: Form
    name: str = ""
    version: str = ""
    registry: str = ""


def model_id(text: str) -> Id | None:
    """A model's id, or None where it is none that Azure takes.

    `registry`: of a registry. `asset`: of a workspace, in full. `short`: `azureml:<name>:<n>`.
    `name`: a bare name, which stands for the catalogue's model.
    """
    if found := _REGISTRY.fullmatch(text):
        if found["kind"] == "models":
            return Id("registry", found["name"], found["version"] or "", found["registry"])
        return None
    if (found := _WORKSPACE.fullmatch(text)) and found["kind"].lower() == "models":
        return Id("asset", found["name"], found["version"])
    if found := _SHORT.fullmatch(text):
        return Id("short", found["name"], found["version"] or "")
    return Id("name", text) if re.fullmatch(_NAME, text) else None


def model_key(text: str) -> str:
    """What two ids have in common that mean the same model, whatever their form and case.

    A registry's model is known by its name; one of a project by its version too.
    """
    understood = model_id(text)
    if understood is None:
        return text.casefold()
    if understood.form in ("name", "registry"):
        return understood.name.casefold()
    return f"azureml:{understood.name}:{understood.version}".casefold()


def is_of_project(text: str) -> bool:
    """Whether a model's id is that of a project's model, which somebody trained."""
    understood = model_id(text)
    return understood is not None and understood.form in ("asset", "short")


def data_id(text: str) -> Id | None:
    """The id or address of data that is in Azure or elsewhere, or None where it is neither."""
    if found := _REGISTRY.fullmatch(text):
        if found["kind"] == "data" and (found["version"] or found["label"]):
            return Id("registry", found["name"], found["version"] or "", found["registry"])
        return None
    if (found := _WORKSPACE.fullmatch(text)) and found["kind"].lower() == "data":
        return Id("asset", found["name"], found["version"])
    if found := _SHORT.fullmatch(text):
        return Id("short", found["name"], found["version"] or "")
    if _DATASTORE.fullmatch(text):
        return Id("datastore")
    return Id("address") if _ADDRESS.fullmatch(text) else None


def placeholder(text: str) -> str:
    """The part of a text that somebody was meant to fill in; empty where there is none."""
    found = _PLACEHOLDER.search(text)
    return found[0] if found else ""


def meant(text: str) -> str:
    """The registry id of the catalogue's model that a text names somewhere; empty for none."""
    folded = text.casefold()
    named = [model for model in catalog().models if model.name.casefold() in folded]
    longest = max(named, key=lambda model: len(model.name), default=None)
    return (longest.id or "") if longest else ""


def corrected(text: str, kind: Literal["models", "data"]) -> str:
    """A registry or asset id with its misspelled words put right; empty where that isn't enough."""
    words = {"registry": "registries", "label": "labels", "version": "versions", "model": "models"}
    parts = [words.get(part.casefold(), part) for part in text.split("/")]
    fixed = "/".join(parts)
    if fixed.startswith("azureml:/") and not fixed.startswith("azureml://"):
        fixed = fixed.replace("azureml:/", "azureml://", 1)
    right = model_id(fixed) if kind == "models" else data_id(fixed)
    return fixed if fixed != text and right else ""
