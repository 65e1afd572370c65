"""`types.yaml` is held against the azure-native SDK that it stands in for."""

# The SDK's classes are looked at from outside, by name.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import enum
import functools
import importlib
import inspect
import re
import typing
from types import ModuleType
from typing import Any

import pytest

from minipulumi.azure_native.check import check
from minipulumi.azure_native.resource_types import (
    Property,
    ResourceType,
    UnknownTypeError,
    all_types,
    find,
)
from minipulumi.values import from_struct, to_struct
from tests.unit.infra.conftest import CONFIG, profile_config, run_program

TYPES = sorted(all_types().values(), key=lambda each: each.token)


@pytest.mark.parametrize("type_", TYPES, ids=lambda each: each.token)
def test_every_input_is_the_sdks_by_name_kind_and_values(type_: ResourceType) -> None:
    module, class_ = _class(type_)
    args = _args(module, class_)
    _compare(type_.everything, module, [args], type_.token)


@pytest.mark.parametrize("type_", TYPES, ids=lambda each: each.token)
def test_what_the_sdk_requires_is_required(type_: ResourceType) -> None:
    module, class_ = _class(type_)
    required = {
        name for name, (_, is_required) in _inputs(_args(module, class_)).items() if is_required
    }
    mine = {name for name, spec in type_.everything.items() if spec.required}
    assert required <= mine, "the SDK lets nothing through that Check would miss"


@pytest.mark.parametrize("type_", TYPES, ids=lambda each: each.token)
def test_the_api_version_is_the_sdks(type_: ResourceType) -> None:
    _, class_ = _class(type_)
    documented = re.search(r"Uses Azure REST API version (\S+?)\.\s", inspect.getsource(class_))
    assert documented, "the SDK documents the version that it sends"
    assert type_.api_version == documented.group(1)


@pytest.mark.parametrize("type_", TYPES, ids=lambda each: each.token)
def test_every_output_is_one_that_the_sdk_reads(type_: ResourceType) -> None:
    _, class_ = _class(type_)
    known = {
        getattr(member.fget, "_pulumi_name", name)
        for name, member in vars(class_).items()
        if isinstance(member, property)
    }
    top = {path.split(".")[0] for path in type_.outputs}
    assert top <= known
    assert {"azureApiVersion", "name"} <= known


def test_an_unknown_type_is_refused_by_its_token() -> None:
    with pytest.raises(UnknownTypeError, match=r"azure-native:web:WebApp isn't covered"):
        find("azure-native:web:WebApp")
    with pytest.raises(UnknownTypeError, match=r"storage/v20240101:StorageAccount"):
        find("azure-native:storage/v20240101:StorageAccount")


@pytest.mark.parametrize(
    ("token", "id_", "names"),
    [
        (
            "azure-native:resources:ResourceGroup",
            "/subscriptions/s/resourcegroups/rg",
            {"resourceGroupName": "rg"},
        ),
        (
            "azure-native:machinelearningservices:WorkspaceConnection",
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices"
            "/workspaces/hub/connections/ai",
            {"resourceGroupName": "rg", "workspaceName": "hub", "connectionName": "ai"},
        ),
        (
            "azure-native:authorization:RoleAssignment",
            "/subscriptions/s/resourceGroups/rg/providers/microsoft.authorization"
            "/roleAssignments/g",
            {"scope": "/subscriptions/s/resourceGroups/rg", "roleAssignmentName": "g"},
        ),
    ],
)
def test_an_id_is_made_of_names_and_taken_apart_again(
    token: str, id_: str, names: dict[str, str]
) -> None:
    type_ = find(token)
    assert type_.names_in(id_) == names
    assert type_.id("s", names).lower() == id_.lower()
    assert type_.names_in("/subscriptions/s/providers/Microsoft.Other/things/x") == {}


def _compare(
    known: typing.Mapping[str, Property], module: ModuleType, variants: list[Any], where: str
) -> None:
    """Compare with what the SDK knows in one class, or in the variants of a union."""
    inputs: dict[str, str] = {}
    for each in variants:
        for name, (annotation, _) in _inputs(each).items():
            inputs[name] = inputs.get(name, "") + annotation
    assert set(known) <= set(inputs), f"{where}: {set(known) - set(inputs)} are not the SDK's"
    for name, spec in known.items():
        annotation, here = inputs[name], f"{where}.{name}"
        if spec.properties:
            _compare(spec.properties, module, _object_types(annotation, module), here)
            container = {"list": "Sequence[", "map": "Mapping[str, "}.get(spec.kind, "")
            assert container in annotation, here
        elif spec.kind in ("boolean", "integer", "number"):
            builtin = {"boolean": "bool", "integer": "int", "number": "float"}[spec.kind]
            assert f"_builtins.{builtin}" in annotation
        elif spec.kind == "map":
            assert "Mapping[str, " in annotation, here
        elif spec.kind == "list":
            assert "Sequence[" in annotation, here
        else:
            # One variant of an outbound rule has a text where another has an object.
            simple = not re.search(r"Mapping\[|Sequence\[|\w+Args", annotation)
            assert simple or "_builtins.str" in annotation, here
        members = _enum_values(annotation, module)
        assert set(spec.enum) <= members or not members, here
        # The SDK knows a hundred categories of connections.
        if members and name != "category":
            assert set(spec.enum) == members, f"{here} leaves values out"


def _class(type_: ResourceType) -> tuple[ModuleType, Any]:
    _, module, name = type_.token.split(":")
    imported = importlib.import_module(f"pulumi_azure_native.{module}")
    return imported, getattr(imported, name)


def _args(module: ModuleType, class_: Any) -> Any:
    """A resource's Args; they are InitArgs where an object inside of another has that name."""
    name = class_.__name__
    return getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")


@functools.cache
def _inputs(args: Any) -> dict[str, tuple[str, bool]]:
    """The camelCase inputs of an Args class: its annotation, and whether it is required."""
    signature = inspect.signature(args.__init__)
    source = inspect.getsource(args.__init__)
    found: dict[str, tuple[str, bool]] = {}
    for python_name, member in vars(args).items():
        if isinstance(member, property):
            annotation = re.search(rf"^\s+{python_name}: (.*?)( = None)?(,|\):)$", source, re.M)
            assert annotation, python_name
            parameter = signature.parameters[python_name]
            name = getattr(member.fget, "_pulumi_name", python_name)
            found[name] = (annotation.group(1), parameter.default is inspect.Parameter.empty)
    return found


def _object_types(annotation: str, module: ModuleType) -> list[Any]:
    return [
        getattr(module, name)
        for name in re.findall(r"'(\w+Args)'", annotation)
        if hasattr(module, name)
    ]


def _enum_values(annotation: str, module: ModuleType) -> set[str]:
    values: set[str] = set()
    for name in re.findall(r"'(\w+)'", annotation):
        found = getattr(module, name, None)
        if inspect.isclass(found) and issubclass(found, enum.Enum):
            values |= {str(member.value) for member in found}
    return values


@pytest.mark.parametrize("profile", ["dev", "standard", "private"])
def test_every_type_and_property_that_the_program_uses_is_covered(profile: str) -> None:
    config = CONFIG if profile == "dev" else profile_config(profile)
    recording = run_program(config)
    for name, token in recording.types.items():
        if token.startswith("azure-native:"):
            inputs = from_struct(to_struct(recording.inputs[name]))
            assert check(find(token), inputs) == [], name
