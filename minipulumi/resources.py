"""A resource as the checkpoint keeps it, and the grammar of its name."""

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from minipulumi.errors import Refused
from minipulumi.passphrase import Passphrase
from minipulumi.values import Props

STACK = "pulumi:pulumi:Stack"
PROVIDERS = "pulumi:providers:"


@dataclass(slots=True, kw_only=True, eq=False)
class Resource:
    """One entry of a checkpoint; field order is the order in the file."""

    urn: str
    custom: bool
    delete: bool = False
    id: str = ""
    type: str
    inputs: Props = field(default_factory=dict[str, Any])
    outputs: Props = field(default_factory=dict[str, Any])
    parent: str = ""
    protect: bool = False
    dependencies: list[str] = field(default_factory=list[str])
    init_errors: list[str] = field(default_factory=list[str])
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list[str])
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[Any] = field(default_factory=list[Any])
    ignore_changes: list[str] = field(default_factory=list[str])
    import_id: str = ""
    place: int = field(default=-1, init=False)  # in the checkpoint that holds it; not in the file

    @property
    def is_provider(self) -> bool:
        """Whether this is the entry of a provider, which is neither printed nor counted."""
        return self.type.startswith(PROVIDERS)

    @property
    def name(self) -> str:
        """The last part of the URN."""
        return self.urn.split("::", 3)[3]

    @property
    def needs(self) -> list[str]:
        """URNs of everything that must exist before this and be deleted after it."""
        provider = [self.provider.rsplit("::", 1)[0]] if self.provider else []
        properties = [urn for urns in self.property_dependencies.values() for urn in urns]
        return [*self.dependencies, *properties, *provider, *([self.parent] if self.parent else [])]

    def to_json(self, cipher: Passphrase | None) -> Props:
        """Gives the entry as the file has it; without a cipher secrets keep their marks."""
        entry = {key: getattr(self, name) for name, key in _KEYS.items()}
        if cipher:
            entry |= {key: cipher.seal(entry[key]) for key in ("inputs", "outputs")}
        return {k: v for k, v in entry.items() if v or k == "custom"}

    @classmethod
    def from_json(cls, entry: Props, cipher: Passphrase | None) -> "Resource":
        """Reads an entry and refuses one with things that would be lost on the next save."""
        for key, value in entry.items():
            if key not in _NAMES and value:
                raise Refused(f"'{key}' of {entry.get('urn')} in this stack's state")
        # Go writes an empty list or object as null.
        values = {_NAMES[k]: v for k, v in entry.items() if k in _NAMES and v is not None}
        if properties := values.get("property_dependencies"):
            values["property_dependencies"] = {key: urns or [] for key, urns in properties.items()}
        if cipher:
            values |= {k: cipher.open(values[k]) for k in ("inputs", "outputs") if k in values}
        return cls(**values)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return "importID" if name == "import_id" else head + "".join(word.title() for word in rest)


_KEYS = {f.name: _camel(f.name) for f in fields(Resource) if f.init}
_NAMES = {key: name for name, key in _KEYS.items()}


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Builds a URN; a parent of type Stack is left out of the chain of types."""
    chain = parent.split("::", 3)[2] if parent else STACK
    qualified = type_ if chain == STACK else f"{chain}${type_}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def urn_type(urn: str) -> str:
    """The resource's own type, without those of its parents."""
    return urn.split("::", 3)[2].rsplit("$", 1)[-1]


def follow_renames(resource: Resource, renamed: dict[str, str]) -> None:
    """Puts new URNs (aliases) into everything that refers to a resource."""
    resource.parent = renamed.get(resource.parent, resource.parent)
    resource.dependencies = [renamed.get(urn, urn) for urn in resource.dependencies]
    resource.property_dependencies = {
        key: [renamed.get(urn, urn) for urn in urns]
        for key, urns in resource.property_dependencies.items()
    }


def changed_keys(old: Props, new: Props) -> list[str]:
    """The top-level properties that differ."""
    return sorted(k for k in {*old, *new} if (k in old, old.get(k)) != (k in new, new.get(k)))


def now() -> str:
    """This moment, as checkpoints write it."""
    return f"{datetime.now(UTC).isoformat()[:-6]}Z"
