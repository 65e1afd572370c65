"""Making a subscription: a rehearsal's, or a test's own."""

import uuid

from emulator.arm.registration import register
from emulator.state.access import OWNER, Principal
from emulator.state.cloud import Cloud
from emulator.state.ids import SUBSCRIPTION, parse_id
from emulator.state.store import Resource


def add_subscription(
    cloud: Cloud,
    id: str = "",
    name: str = "Rehearsal",
    *,
    owner: Principal | None = None,
    registered: tuple[str, ...] | None = (),
) -> str:
    """Make a subscription; `registered` names its providers (None: every known one)."""
    subscription = (id or str(uuid.uuid4())).lower()
    scope = parse_id(f"/subscriptions/{subscription}")
    with cloud.database.transaction():
        if cloud.resources.get(scope) is None:
            cloud.resources.put(Resource(id=scope, type=SUBSCRIPTION, body={"displayName": name}))
        if owner is not None and not cloud.access.allows(
            owner, "Microsoft.Authorization/roleAssignments/write", scope.text
        ):
            cloud.access.assign(owner.id, OWNER, scope.text)
        register(cloud, subscription, registered)
    return subscription
