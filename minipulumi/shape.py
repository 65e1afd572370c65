"""The shape that a deployment must have: every part that minipulumi reads, with its type."""

from typing import Annotated, Any

import msgspec

# Pulumi leaves an empty part out, or writes null.
_Text = str | None
_Texts = list[str] | None
_Object = dict[str, Any] | None
_Urn = Annotated[str, msgspec.Meta(pattern=r"^urn:pulumi:[^:]*::[^:]*::.+?::")]


class _Resource(msgspec.Struct, rename="camel"):
    urn: _Urn
    type: str
    custom: bool
    id: _Text = None
    inputs: _Object = None
    outputs: _Object = None
    parent: _Text = None
    protect: bool | None = None
    external: bool | None = None
    retain_on_delete: bool | None = None
    delete: bool | None = None
    dependencies: _Texts = None
    init_errors: _Texts = None
    provider: _Text = None
    property_dependencies: dict[str, list[str] | None] | None = None
    pending_replacement: bool | None = None
    additional_secret_outputs: _Texts = None
    created: _Text = None
    modified: _Text = None
    source_position: _Text = None
    stack_trace: list[Any] | None = None
    ignore_changes: _Texts = None
    import_id: _Text = msgspec.field(name="importID", default=None)


class _Operation(msgspec.Struct):
    resource: _Resource
    type: str


class _Salt(msgspec.Struct):
    salt: _Text = None


class _Secrets(msgspec.Struct):
    type: _Text = None
    state: _Salt | None = None


class _Deployment(msgspec.Struct):
    manifest: _Object = None
    secrets_providers: _Secrets | None = None
    resources: list[_Resource] | None = None
    pending_operations: list[_Operation] | None = None
    metadata: _Object = None


def require_deployment(latest: Any) -> None:
    """Refuse what isn't a deployment, down to the types of each resource's parts.

    Raises:
        ValueError: It isn't; the message names the place, as `$.resources[3].urn`.
    """
    msgspec.convert(latest, _Deployment)
