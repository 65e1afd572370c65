"""A resource as ARM shows it."""

from emulator.arm.types import TypeTable
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json
from emulator.state.store import Resource


def show(cloud: Cloud, resource: Resource, api_version: str) -> Json:
    """A resource as ARM shows it at an api-version."""
    row = cloud.part(TypeTable).get(resource.type)
    body = row.project(cloud, resource, api_version) if row else resource.body
    type_name = (row.shown_type if row else "") or resource.type
    shown: Json = {"id": resource.id.text, "name": resource.name, "type": type_name, **body}
    if row is not None and row.etag:
        shown["etag"] = f'"{resource.etag}"'
    if row is not None and row.system_data:
        shown["systemData"] = {
            "createdAt": isoformat(resource.created_at),
            "createdBy": resource.created_by,
            "createdByType": "Application",
            "lastModifiedAt": isoformat(resource.changed_at),
            "lastModifiedBy": resource.changed_by,
            "lastModifiedByType": "Application",
        }
    return shown
