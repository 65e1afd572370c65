"""Asking an endpoint as an application asks it: through the front door, by the endpoint's key."""

import uuid
from collections.abc import Mapping

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.state.store import Resource


def ask_with_key(
    front: Front,
    endpoint: Resource,
    host: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """POST JSON to a host of the endpoint's; what it answers, whatever that is."""
    id = str(uuid.uuid4())
    call = Request(
        cloud=front.cloud,
        method="POST",
        host=host,
        path=path,
        raw_path=path,
        raw_query="",
        query={},
        headers={
            "authorization": f"Bearer {endpoint.private.get('primaryKey', '')}",
            "content-type": "application/json",
            "user-agent": "foundry-emulator-page",
        }
        | dict(headers or {}),
        body=body,
        id=id,
        correlation_id=id,
    )
    return front.handle(call)[0]
