"""What there is, as a tree by subscription and group, and one resource as ARM shows it."""

from dataclasses import dataclass, field

from emulator.arm.show import show
from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.page.rendering import render, short
from emulator.services.machinelearningservices import deployed, online_endpoints
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource

MOST = 2000
"""Resources in one tree: what a person looks through, and a browser draws at once."""

_VIEWS = {
    f"{WORKSPACES}/jobs".lower(): "job",
    deployed.ENDPOINTS.lower(): "endpoint",
    online_endpoints.ENDPOINTS.lower(): "online",
}
"""Types with a view of their own."""


@dataclass(slots=True)
class Node:
    """A resource, and what hangs on it."""

    id: str
    name: str
    kind: str
    state: str
    view: str
    below: "list[Node]" = field(default_factory=list["Node"])

    @property
    def count(self) -> int:
        """How many hang on it, all the way down."""
        return sum(1 + node.count for node in self.below)


def tree(front: Front, request: Request) -> Response:
    """Everything that somebody made."""
    roots, left_out = _grown(front.cloud)
    return render(front, request, "resources.html", {"roots": roots, "left_out": left_out})


def one(front: Front, request: Request) -> Response:
    """One resource, its secrets left out as ARM leaves them out."""
    resource = find(front.cloud, request)
    kind = resource.type
    return render(
        front,
        request,
        "resource.html",
        {
            "id": resource.id.text,
            "name": resource.name,
            "kind": kind,
            "view": _VIEWS.get(kind.lower(), ""),
            "body": show(front.cloud, resource, ""),
        },
    )


def find(cloud: Cloud, request: Request, kind: str = "") -> Resource:
    """The resource whose id the address names.

    Raises:
        AzureError: There is none, or none of this kind.
    """
    id = request.option("id")
    found = cloud.resources.get(id) if id else None
    if found is None or (kind and found.type.lower() != kind.lower()):
        raise AzureError(
            404, "ResourceNotFound", f"There is no {short(kind) or 'resource'} '{id}'."
        )
    return found


def _grown(cloud: Cloud) -> tuple[list[Node], int]:
    rows = cloud.database.rows(
        "SELECT key, id, parent, json_extract(private, '$.type') AS type, "
        "json_extract(body, '$.properties.provisioningState') "
        "AS state, json_extract(body, '$.properties.status') AS status, "
        "json_extract(body, '$.displayName') AS title FROM resources ORDER BY key LIMIT ?",
        (MOST,),
    )
    total = cloud.database.row("SELECT count(*) AS number FROM resources")
    nodes: dict[str, Node] = {}
    roots: list[Node] = []
    for row in rows:
        name = str(row["title"] or row["id"].rpartition("/")[2])
        state = str(row["status"] or row["state"] or "")
        node = Node(
            row["id"], name, row["type"], state, _VIEWS.get(row["type"].lower(), "resource")
        )
        nodes[row["key"]] = node
        # Keys are sorted, so what something hangs on has been seen before it.
        home = nodes.get(row["parent"])
        (home.below if home else roots).append(node)
    return roots, (total["number"] if total else 0) - len(rows)
