"""The rules that files hold, and resources of a Pulumi program in the shape that they judge."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
from pulumi import RunError
from pulumi_policy import ReportViolation, ResourceValidationArgs
from pulumi_policy.proxy import UnknownValueError

from policy import subject as kinds
from policy.judge import judge_by
from policy.rule import Rule
from policy.rules import RULES
from policy.settings import Policy, policy_of
from policy.subject import Subject, lifted

_TOKEN = re.compile(r"azure-native[\w.-]*:(\w+)(?:/\w+)?:(\w+)")
_TYPES: Mapping[str, str] = {
    "storage:StorageAccount": kinds.STORAGE,
    "storage:BlobContainer": kinds.CONTAINER,
    "keyvault:Vault": kinds.VAULT,
    "cognitiveservices:Account": kinds.AI_SERVICES,
    "applicationinsights:Component": kinds.INSIGHTS,
    "insights:Component": kinds.INSIGHTS,
    "machinelearningservices:Workspace": kinds.WORKSPACE,
    "machinelearningservices:ServerlessEndpoint": kinds.ENDPOINT,
    "authorization:RoleAssignment": kinds.ROLE_ASSIGNMENT,
}
"""The types that a rule speaks of by name; the others have at most a place and tags."""

_CALLED = {"StorageAccount": "accountName", "BlobContainer": "containerName"}
"""The inputs that name a resource, where they aren't called after its type (`vaultName`)."""

_LATER = "(known once it is made)"
"""What stands for a value within a value that only the deployment will know."""


@dataclass(frozen=True, slots=True)
class Held:
    """A rule with what the files say of it."""

    rule: Rule
    said: Sequence[tuple[Path, Policy]]
    """The files that hold it."""

    @property
    def is_advisory(self) -> bool:
        """Whether all of them only warn."""
        return all(self.rule.key in policy.advisory for _, policy in self.said)

    @property
    def has_exceptions(self) -> bool:
        """Whether somebody may break it for a while."""
        return any(
            one.rule == self.rule.key for _, policy in self.said for one in policy.exceptions
        )

    def validate(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        """Judge one resource, as Pulumi asks it to."""
        for message in self._found(args, excused=False):
            report(message, None)

    def tell_exceptions(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        """Say what one resource is let pass with."""
        for message in self._found(args, excused=True):
            report(message, None)

    def _found(self, args: ResourceValidationArgs, *, excused: bool) -> Iterator[str]:
        subject = subject_of(args.resource_type, args.name, args.props)
        if subject is None:
            return
        for file, policy in self.said:
            for one in judge_by(self.rule, subject, policy):
                if one.is_excused == excused:
                    yield f"{one.breach.field}: {one.message} ({file.name}: {self.rule.key})"


def policies(files: Sequence[Path]) -> list[Held]:
    """Every rule that one of the files holds.

    Raises:
        RunError: There is no file, or one that can't be read.
    """
    if not files:
        raise RunError(
            "No foundry-policy.yaml is above the policy pack, and FOUNDRY_POLICY names none."
        )
    read = [(file, _read(file)) for file in files]
    held = [
        Held(rule, [(file, one) for file, one in read if one.value(rule.key) is not None])
        for rule in RULES
    ]
    return [one for one in held if one.said]


def subject_of(token: str, name: str, properties: Mapping[str, Any]) -> Subject | None:
    """A resource of Azure in the shape of the rules; None for any other."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    type = _TYPES.get(f"{found[1]}:{found[2]}", f"{found[1]}/{found[2]}".casefold())
    unseen: set[str] = set()
    known = _known(properties, unseen.add)
    for inner in ("properties", "serverlessEndpointProperties"):
        nested = properties[inner] if inner in known else None
        if isinstance(nested, Mapping):
            known = {**known, "properties": _known(cast("Mapping[str, Any]", nested), unseen.add)}
    fields = lifted(known)
    if type == kinds.ENDPOINT:
        # What a resource of a program has no word for isn't judged there.
        unseen |= {"budget", "gates"}
        model = str(
            Subject(type=type, name=name, properties=fields).get("modelSettings", "modelId")
        )
        fields["model"] = model if model.startswith("azureml://registries/") else ""
    return Subject(
        type=type,
        name=name,
        properties=fields,
        unseen=frozenset(unseen),
        also=tuple(_names_in_azure(found[2], fields)),
    )


def _names_in_azure(word: str, fields: Mapping[str, Any]) -> Iterator[str]:
    """What a resource will be called, or who will hold a role, as far as that is known by now."""
    named = _CALLED.get(word, f"{word[0].lower()}{word[1:]}Name")
    keys = ("principalId",) if word == "RoleAssignment" else (named, "resourceName", "name")
    known = next((fields[key] for key in keys if isinstance(fields.get(key), str)), None)
    if known:
        yield known


def _known(properties: Mapping[str, Any], tell: Callable[[str], object]) -> dict[str, Any]:
    """The fields whose values are known by now; the names of the others are told."""
    found: dict[str, Any] = {}
    for key in properties:
        try:
            found[key] = _plain(properties[key])
        except UnknownValueError:
            tell(key)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {key: _inner(fields, key) for key in fields}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[Any]", value)
        return [_inner(items, index) for index in range(len(items))]
    return value


def _inner(container: Any, key: Any) -> Any:
    try:
        return _plain(container[key])
    except UnknownValueError:
        return _LATER


def _read(file: Path) -> Policy:
    try:
        return policy_of(msgspec.yaml.decode(file.read_bytes()))
    except (OSError, msgspec.DecodeError) as error:
        raise RunError(
            f"{file} is no policy: {error}. All that is wrong: foundry-tune validate {file}"
        ) from error
