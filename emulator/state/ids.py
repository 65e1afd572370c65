"""The grammar of ARM ids.

Ids are compared whatever their case. Names keep the case of whoever wrote them first; ARM's own
words (`subscriptions`, `resourceGroups`, `providers`) are in ARM's, whoever wrote them.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from emulator.state.errors import AzureError

SUBSCRIPTION = "Microsoft.Resources/subscriptions"
RESOURCE_GROUP = "Microsoft.Resources/subscriptions/resourceGroups"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """One ARM id, taken apart. The tenant's root is the id with the text ""."""

    text: str
    type: str
    name: str
    subscription: str = ""
    group: str = ""
    parent: "ResourceId | None" = None
    key: str = field(init=False, repr=False, compare=False)
    """What ids are compared and stored by."""

    def __post_init__(self) -> None:
        """Fold the case once."""
        object.__setattr__(self, "key", self.text.lower())

    @property
    def namespace(self) -> str:
        """The resource provider, for example Microsoft.Storage."""
        return self.type.split("/", 1)[0]

    @property
    def type_path(self) -> str:
        """Type and names interleaved, as ARM writes it in "not found": `Microsoft.X/a/A/b/B`."""
        namespace, *kinds = self.type.split("/")
        steps = (f"{kind}/{name}" for kind, name in zip(kinds, self.names, strict=True))
        return "/".join((namespace, *steps))

    @property
    def names(self) -> tuple[str, ...]:
        """The names along the type, outermost first."""
        depth = self.type.count("/")
        names: list[str] = []
        node: ResourceId | None = self
        for _ in range(depth):
            if node is None:
                break
            names.append(node.name)
            node = node.parent
        return tuple(reversed(names))

    def child(self, kind: str, name: str) -> "ResourceId":
        """The id of a resource nested in this one."""
        return ResourceId(
            text=f"{self.text}/{kind}/{name}",
            type=f"{self.type}/{kind}",
            name=name,
            subscription=self.subscription,
            group=self.group,
            parent=self,
        )

    def resource(self, type_name: str, name: str) -> "ResourceId":
        """The id of a resource of a provider (`Microsoft.X/things`) at this scope."""
        return ResourceId(
            text=f"{self.text}/providers/{type_name}/{name}",
            type=type_name,
            name=name,
            subscription=self.subscription,
            group=self.group,
            parent=self,
        )

    def cased(self, type_name: str) -> "ResourceId":
        """The same id with its type as `type_name` writes it; a scope of ARM's own stays as it is.

        Names keep their case, also those of the parents.
        """
        outer, _, kind = type_name.rpartition("/")
        if self.parent is None or self.type in (SUBSCRIPTION, RESOURCE_GROUP):
            return self
        if "/" in outer:
            return self.parent.cased(outer).child(kind, self.name)
        return self.parent.resource(type_name, self.name)

    def within(self, scope: "ResourceId | str") -> bool:
        """Whether this id is the scope itself or lies below it, on segment boundaries."""
        key = scope.lower() if isinstance(scope, str) else scope.key
        key = key.rstrip("/")
        return self.key == key or self.key.startswith(key + "/")


ROOT = ResourceId(text="", type="", name="")


@dataclass(frozen=True, slots=True)
class ArmPath:
    """A path on management.azure.com: an id, and what is left over.

    `rest` is the unpaired last segment: a collection's type (`…/workspaces`) or an action
    (`…/workspaces/w/listKeys`). `namespace` is set when the path stops right after a provider.
    """

    id: ResourceId
    rest: str = ""
    namespace: str = ""

    @property
    def collection_type(self) -> str:
        """The type that a list at this path lists."""
        if self.namespace:
            return f"{self.namespace}/{self.rest}"
        return f"{self.id.type}/{self.rest}"


# A call's own path is asked for at every step of its way, and what is stored by its id.
@lru_cache(maxsize=4096)
def parse_path(path: str) -> ArmPath:
    """Take a path apart; refuses what ARM's grammar does not know."""
    segments = path.strip("/").split("/") if path.strip("/") else []
    if any(not segment for segment in segments):
        raise _malformed(path)
    node = ROOT
    position = 0
    if segments and segments[0].lower() == "subscriptions":
        if len(segments) == 1:
            return ArmPath(ROOT, "subscriptions", "Microsoft.Resources")
        node = ResourceId(f"/subscriptions/{segments[1]}", SUBSCRIPTION, segments[1], segments[1])
        position = 2
        if len(segments) > 2 and segments[2].lower() == "resourcegroups":
            if len(segments) == 3:
                return ArmPath(node, segments[2])
            node = ResourceId(
                text=f"{node.text}/resourceGroups/{segments[3]}",
                type=RESOURCE_GROUP,
                name=segments[3],
                subscription=node.subscription,
                group=segments[3],
                parent=node,
            )
            position = 4
    while position < len(segments):
        if segments[position].lower() != "providers":
            if position == len(segments) - 1:
                return ArmPath(node, segments[position])
            raise _malformed(path)
        if position + 1 >= len(segments):
            return ArmPath(node, "providers")
        namespace = segments[position + 1]
        position += 2
        first = True
        while position + 1 < len(segments) and segments[position].lower() != "providers":
            kind, name = segments[position], segments[position + 1]
            node = node.resource(f"{namespace}/{kind}", name) if first else node.child(kind, name)
            first = False
            position += 2
        if position >= len(segments):
            return ArmPath(node, "", namespace if first else "")
        if segments[position].lower() != "providers":
            return ArmPath(node, segments[position], namespace if first else "")
        if first:
            raise _malformed(path)
    return ArmPath(node)


def parse_id(text: str) -> ResourceId:
    """An id that names one thing; anything else is refused as ARM refuses a linked id."""
    parsed = parse_path(text)
    if parsed.rest or parsed.namespace or parsed.id is ROOT or not text.startswith("/"):
        raise AzureError(
            400,
            "LinkedInvalidPropertyId",
            f"Property id '{text}' is invalid. Expect fully qualified resource Id that start with "
            "'/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        )
    return parsed.id


def _malformed(path: str) -> AzureError:
    return AzureError(
        404, "InvalidResourceType", f"The path '{path}' is not a resource id that ARM understands."
    )
