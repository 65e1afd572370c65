"""Federated credentials: which token of which issuer signs an identity in, to the letter.

Limits as Microsoft publishes them (entra, workload-identity-federation-considerations): 20 on an
identity, issuer and subject unique within it, no wildcards, names of 3 to 120.
"""

from urllib.parse import urlsplit

from emulator.arm.types import Change, Delete, Put, ResourceType
from emulator.services.managedidentity.identities import API_VERSIONS, IDENTITY
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json

CREDENTIAL = f"{IDENTITY}/federatedIdentityCredentials"
MAX = 20
_MAX_LENGTH = 600


def _validate(change: Change) -> None:
    properties = change.properties
    for name in ("issuer", "subject"):
        value = properties.get(name)
        if not isinstance(value, str) or not value or len(value) > _MAX_LENGTH:
            raise bad_request(f"The {name} must be a text of 1 to {_MAX_LENGTH} characters.")
    if urlsplit(str(properties["issuer"])).scheme != "https":
        raise bad_request(f"The issuer '{properties['issuer']}' is not an https URL.")
    audiences = properties.get("audiences")
    if not isinstance(audiences, list) or len(audiences) != 1:  # pyright: ignore[reportUnknownArgumentType]
        raise bad_request("A federated identity credential has exactly one audience.")
    identity = change.id.parent
    assert identity is not None
    others = [
        other
        for other in change.cloud.resources.children(identity, CREDENTIAL)
        if other.id.key != change.id.key
    ]
    if len(others) >= MAX:
        raise AzureError(
            400,
            "FederatedIdentityCredentialLimitExceeded",
            f"An identity has at most {MAX} federated identity credentials.",
        )
    if any(_pair(other.properties) == _pair(properties) for other in others):
        raise AzureError(
            409,
            "Conflict",
            "Issuer and subject combination already exists for this Managed Identity.",
        )


def _pair(properties: Json) -> tuple[str, str]:
    return str(properties["issuer"]), str(properties["subject"])


TYPES = (
    ResourceType(
        name=CREDENTIAL,
        api_versions=tuple(
            version
            for version in API_VERSIONS
            if version not in ("2018-11-30", "2021-09-30-preview")
        ),
        put=Put(created=201, updated=200),
        delete=Delete(deleted=200, absent=204),
        provisioning_state=False,
        name_pattern=r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}",
        validate=_validate,
    ),
)
