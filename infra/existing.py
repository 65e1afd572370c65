"""What is there already: read from Azure, held against the configuration, and never written.

Only the ids of it reach the stack, so nothing in Pulumi's state could change, replace or delete it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi

from infra import arm, config
from infra.config import Settings
from infra.config_existing import KINDS

# People are given roles on these; Azure gives nobody a role twice in one place.
WITH_ROLES = ("resourceGroup", "storage")
ASSIGNMENTS = "2022-04-01"
# Training data and prompts go through these: they stay in the stack's region.
IN_THE_REGION = ("storage", "keyVault", "aiServices", "hub")
# What an existing hub has of its own, by its property in ARM.
OF_THE_HUB = {
    "storage": "storageAccount",
    "keyVault": "keyVault",
    "containerRegistry": "containerRegistry",
    "applicationInsights": "applicationInsights",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One that is there, as Azure shows it."""

    id: str
    name: str
    location: str
    kind: str = ""
    principal_id: str = ""
    """Of its own identity; empty where it has none."""
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    assignments: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Ids of the role assignments right on it, by principal and role (GUIDs in lower case)."""

    @property
    def is_public(self) -> bool:
        """Whether it answers to the whole internet."""
        acls = cast("dict[str, Any]", self.properties.get("networkAcls") or {})
        closed = str(self.properties.get("publicNetworkAccess", "")).lower()
        return closed not in ("disabled", "securedbyperimeter") and (
            str(acls.get("defaultAction", "Allow")).lower() == "allow"
        )


def look(settings: Settings, subscription_id: str) -> Mapping[str, Found]:
    """Read all that the configuration brings along, with the storage and vault of its hub.

    Raises:
        ConfigError: With everything about it that can't be used.
    """
    findings: list[str] = []
    found: dict[str, Found] = {}
    for key, id in settings.existing.items():
        _read(key, id, subscription_id, found, findings)
    if "hub" in found:
        for key in ("storage", "keyVault"):
            own = found["hub"].properties.get(OF_THE_HUB[key])
            if own and key not in settings.existing:
                _read(key, str(own), subscription_id, found, findings)
    findings += check(found, settings)
    if findings:
        raise config.refusal(pulumi.get_stack(), findings)
    return found


def check(found: Mapping[str, Found], settings: Settings) -> Iterator[str]:
    """What of it can't be used in this stack."""
    for key, one in found.items():
        place = one.location.lower().replace(" ", "")
        # A hub's own are where it needs them.
        if key in IN_THE_REGION and key in settings.existing and place != settings.location:
            what = f"'{one.name}' is in {place}, and the stack in {settings.location}"
            step = f"Set location: {place}, or name one of {settings.location}."
            yield config.finding(f"existing.{key}", what, step)
    account, hub = found.get("aiServices"), found.get("hub")
    if account and account.kind.lower() != "aiservices":
        what = f"'{account.name}' is a Cognitive Services account of kind {account.kind}"
        yield config.finding("existing.aiServices", what, "Name one of kind AIServices.")
    if hub is None:
        return
    if hub.kind.lower() != "hub":
        what = f"'{hub.name}' is a workspace of kind {hub.kind}"
        step = "Name its hub: az ml workspace show … --query hub_resource_id"
        yield config.finding("existing.hub", what, step)
    for key, name in OF_THE_HUB.items():
        own = str(hub.properties.get(name) or "")
        given = settings.existing.get(key, own)
        if given.lower() != own.lower():
            what = f"the hub '{hub.name}' has {own or 'none'}, and keeps it"
            yield config.finding(f"existing.{key}", what, "Leave it out.")
    if hub.name in settings.projects:
        what = "a project can't have the hub's name"
        yield config.finding("projects", what, "Choose another name.")


def untouched(found: Mapping[str, Found], settings: Settings) -> Iterator[str]:
    """What the configuration asks for, and isn't done to what is there already."""
    private = settings.network is not None and settings.network.is_private
    for key, one in found.items():
        if key not in (*IN_THE_REGION, "containerRegistry"):
            continue
        left: list[str] = []
        if one.is_public and not settings.public_network_access:
            left.append(
                "it answers on the internet, and stays so (whoever owns it: az resource update "
                f"--ids {one.id} --set properties.publicNetworkAccess=Disabled)"
            )
        if private and key in IN_THE_REGION:
            left.append("no private endpoint is made for it")
        if left:
            whose = f"The {KINDS[key].word} '{one.name}' isn't the stack's to harden"
            yield f"{whose}: {'; '.join(left)}."


def _read(
    key: str, id: str, subscription_id: str, found: dict[str, Found], findings: list[str]
) -> None:
    """Read one into `found`, or say in `findings` why not."""
    where, kind = f"existing.{key}", KINDS[key]
    own = id.split("/")[2]
    if own.lower() != subscription_id.lower():
        what = f"it is in subscription {own}, and the stack in {subscription_id}"
        step = f"Name a {kind.word} of the stack's, or sign in to the other subscription."
        findings.append(config.finding(where, what, step))
        return
    try:
        response = arm.send("GET", id, {"api-version": kind.api_version})
        if response.status_code == 404:
            listed = f"resource list --resource-type {kind.type}" if kind.type else "group list"
            step = f"Look for its id: az {listed} --query [].id"
            findings.append(config.finding(where, f"there is no {id}", step))
            return
        if response.status_code == 403:
            step = f"Ask for it: az role assignment create --role Reader --scope {id} --assignee …"
            findings.append(config.finding(where, f"you may not read {id}", step))
            return
        if response.status_code != 200:
            raise arm.refusal(response, f"GET {id}")
        body = arm.body(response, f"GET {id}")
        given = _assignments(str(body["id"])) if key in WITH_ROLES else {}
    except arm.ArmError as error:
        raise pulumi.RunError(str(error)) from error
    identity = cast("dict[str, Any]", body.get("identity") or {})
    found[key] = Found(
        id=str(body["id"]),
        name=str(body["name"]),
        location=str(body["location"]),
        kind=str(body.get("kind", "")),
        principal_id=str(identity.get("principalId") or ""),
        properties=cast("dict[str, Any]", body.get("properties") or {}),
        assignments=given,
    )


def _assignments(scope: str) -> dict[tuple[str, str], str]:
    """The role assignments whose scope is this one, and none above or below it."""
    found: dict[tuple[str, str], str] = {}
    address = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    params = {"api-version": ASSIGNMENTS, "$filter": "atScope()"}
    while address:
        response = arm.send("GET", address, params)
        if response.status_code != 200:
            raise arm.refusal(response, f"GET {scope} roleAssignments")
        body = arm.body(response, f"GET {scope} roleAssignments")
        for one in cast("list[dict[str, Any]]", body.get("value") or []):
            said = cast("dict[str, Any]", one.get("properties") or {})
            if str(said.get("scope", "")).lower().rstrip("/") == scope.lower():
                role = str(said.get("roleDefinitionId", "")).rpartition("/")[2].lower()
                found[str(said.get("principalId", "")).lower(), role] = str(one["id"])
        address, params = str(body.get("nextLink") or ""), {}
    return found
