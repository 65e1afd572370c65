"""What a rule judges: a resource, or what a document asks for, in one neutral shape.

A spec, a Pulumi program and Azure write the same thing in three ways. Each of them is brought to
this shape first, so that one rule speaks to all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

JOB = "microsoft.machinelearningservices/workspaces/jobs"
ENDPOINT = "microsoft.machinelearningservices/workspaces/serverlessendpoints"
WORKSPACE = "microsoft.machinelearningservices/workspaces"
STORAGE = "microsoft.storage/storageaccounts"
CONTAINER = "microsoft.storage/storageaccounts/blobservices/containers"
VAULT = "microsoft.keyvault/vaults"
AI_SERVICES = "microsoft.cognitiveservices/accounts"
INSIGHTS = "microsoft.insights/components"
ROLE_ASSIGNMENT = "microsoft.authorization/roleassignments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing that rules are held against."""

    type: str
    """ARM's type in lower case."""
    name: str
    properties: Mapping[str, Any]
    """ARM's fields, those of `properties` beside the others. Rules know four more: `epochs`,
    `budget`, `gates` and, of jobs and endpoints, `model` (the base model's registry id, empty
    where a fine-tuned one is served)."""
    unseen: frozenset[str] = frozenset()
    """Fields that can't be seen where this was looked at; no rule judges them there."""
    also: tuple[str, ...] = ()
    """What else an exception may call it: the document it was made for, who holds the role."""

    def get(self, *path: str) -> Any:
        """The value at a path, whatever the case of its words; None where there is none."""
        found: Any = self.properties
        for step in path:
            wanted, fields = step.casefold(), _fields(found)
            found = next((fields[key] for key in fields if key.casefold() == wanted), None)
        return found

    def sees(self, field: str) -> bool:
        """Whether the field can be seen where this was looked at."""
        return field not in self.unseen


def lifted(resource: Mapping[str, Any]) -> dict[str, Any]:
    """ARM's fields of a resource, with those of its `properties` beside them."""
    rest = {key: value for key, value in resource.items() if key != "properties"}
    return {**_fields(resource.get("properties")), **rest}


def _fields(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
