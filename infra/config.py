"""The stack's configuration: typed, checked as a whole, read once.

Every finding is told at once, each with its key, what is wrong and one next step, because a
platform team reads them in a CI log and not at a prompt.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pulumi
from pulumi.runtime import config as pulumi_config

from infra import access_settings, config_existing, config_guards, config_network
from infra.access_settings import (
    GUID,
    MAY,
    PRINCIPAL_TYPES,
    Grant,
    PipelineIdentity,
    PrincipalType,
)
from infra.access_settings import NAME as PERSON
from infra.config_guards import Guards
from infra.config_network import Network
from infra.config_values import Key, items, json_of, rows, suggest
from infra.role_sets import ROLE_SETS

# Where Phi-4 and Phi-4-mini can be fine-tuned without a cluster (Microsoft's
# region-availability-maas page, 2026-02-17). Phi-3 could in eastus2 only.
FINE_TUNING_REGIONS = (
    "eastus2",
    "eastus",
    "northcentralus",
    "southcentralus",
    "westus",
    "westus3",
)


KEYS: Mapping[str, Key] = {
    "location": Key(
        "Where everything is made.",
        f"{', '.join(FINE_TUNING_REGIONS)}, or a region of `extraLocations`",
        "eastus2",
        "location: eastus2",
    ),
    "extraLocations": Key(
        "Regions that this version doesn't know for fine-tuning, each with the reason to allow it.",
        "a list of `location`, `reason`",
        "none",
        "extraLocations:\n  - location: westeurope\n    reason: private preview, ticket 4711",
    ),
    "workload": Key(
        "What it is for: part of every name, as in `rg-<workload>-<environment>`.",
        "a lower case letter, then 1 to 9 lower case letters or digits; with `environment` at most "
        "14",
        "foundry",
        "workload: support",
    ),
    "environment": Key(
        "Which of several it is: the end of every name.",
        "as `workload`",
        "the stack's name",
        "environment: prod",
    ),
    "projects": Key(
        "The hub's projects, one a team. Jobs run in the first unless they name another.",
        "at least one; 3 to 32 lower case letters, digits and dashes, a letter first",
        "(no default: it must be there)",
        "projects: [xbox]",
    ),
    "developers": Key(
        "Who may fine-tune, deploy and watch: Azure AI Developer and Monitoring Reader on the "
        "resource group, Storage Blob Data Contributor on its storage.",
        "a list of `name` (lower case letters, digits, dashes), `principalId` (an object id), "
        f"`principalType` ({', '.join(PRINCIPAL_TYPES)})",
        "nobody",
        "developers:\n  - name: alice\n    principalId: 0a11ce00-0000-4000-8000-000000000001\n"
        "    principalType: User",
    ),
    "access": Key(
        "Who may do only a part of it: see [access](access.md#who-may-do-what).",
        f"a map of {', '.join(ROLE_SETS)}, a role's name or its GUID to lists of `name`, "
        "`principalId`, `principalType` and, for one project only, `project`",
        "nobody",
        "access:\n  tunes:\n    - name: research\n"
        "      principalId: 0a11ce00-0000-4000-8000-000000000002\n      principalType: Group\n"
        "      project: xbox\n  reads:\n    - name: audit\n"
        "      principalId: 0a11ce00-0000-4000-8000-000000000003\n      principalType: Group",
    ),
    "identities": Key(
        "What pipelines sign in as, without a secret: see "
        "[access](access.md#pipelines-without-secrets).",
        f"a list of `name`, `may` ({', '.join(MAY)}), one of `github` (ORG/REPO), `azureDevOps` "
        "(the organization's id) and `issuer`, and `for` (whose tokens)",
        "none",
        "identities:\n  - name: pull-requests\n    may: plan\n    github: contoso/phi\n"
        "    for: [pull_request]\n  - name: release\n    may: apply\n    github: contoso/phi\n"
        "    for: [environment:prod]",
    ),
    "publicNetworkAccess": Key(
        "Whether storage, vault, AI Services and workspaces answer on the internet.",
        "Enabled, Disabled",
        "Enabled",
        "publicNetworkAccess: Disabled",
    ),
    "purgeProtection": Key(
        "Whether the key vault can't be purged while it is in the bin.",
        "true, false",
        "true",
        "purgeProtection: true",
    ),
    "recoverDeleted": Key(
        "Whether what Azure keeps in the bin under these names is brought back instead of made: "
        "vault, AI Services, the hub and its projects. What isn't there is made: it may stay on.",
        "true, false",
        "false",
        "recoverDeleted: true",
    ),
    "purgeOnDestroy": Key(
        "Whether `pulumi destroy` leaves nothing in the bin; not with `purgeProtection`.",
        "true, false",
        "false",
        "purgeOnDestroy: false",
    ),
    "tags": Key(
        "Tags of every resource, beside the stack's own.",
        "at most 40; texts of at most 256 characters",
        "none",
        "tags:\n  owner: platform-team",
    ),
    **config_existing.KEYS,
    **config_guards.KEYS,
    **config_network.KEYS,
}
"""Every key there is; `parse` refuses any other."""

# Key vault names end at 24 characters: kv-<workload>-<environment>-<5 of hash>.
MAX_WORKLOAD_AND_ENVIRONMENT = 14
MAX_TAGS = 40  # Azure takes 50; some are ours

WORD = re.compile(r"[a-z][a-z0-9]{1,9}")
PROJECT = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")
TAG_NAME = re.compile(r"[^<>%&\\?/]{1,512}")


# What somebody writes who wants more than one in a stack file.
SEVERAL = ("environments", "hub", "hubs", "locations", "regions", "stacks")
ONE_HUB = "a stack is one hub in one region"
A_STACK_EACH = (
    "Make a stack each: pulumi stack init NAME, with a location and projects of its own in "
    "Pulumi.NAME.yaml."
)


class ConfigError(pulumi.RunError):
    """The stack's configuration can't be used; Pulumi prints the message without a traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Developer:
    """Who may fine-tune and deploy: a user, a group or a service principal of the directory."""

    name: str
    principal_id: str
    principal_type: PrincipalType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the stack's configuration says."""

    location: str
    workload: str
    environment: str
    projects: tuple[str, ...]
    developers: tuple[Developer, ...] = ()
    access: tuple[Grant, ...] = ()
    identities: tuple[PipelineIdentity, ...] = ()
    public_network_access: bool = True
    purge_protection: bool = True
    recover_deleted: bool = False
    purge_on_destroy: bool = False
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    guards: Guards = field(default_factory=Guards)
    network: Network | None = None
    existing: Mapping[str, str] = field(default_factory=dict[str, str])
    """The ids of what is there already, by `config_existing.KINDS`."""


def read() -> Settings:
    """Read the configuration of the running stack."""
    project, stack = pulumi.get_project(), pulumi.get_stack()
    everything = {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}
    own = [key.split(":", 1)[1] for key in everything if key.startswith(f"{project}:")]
    return parse(own, pulumi.Config().get, stack)


def parse(keys: list[str], get: Callable[[str], str | None], stack: str) -> Settings:
    """Check `keys`, whose values `get` knows as Pulumi's strings, and return the settings."""
    reader = _Reader(get)
    reader.refuse_unknown(keys)
    workload = reader.word("workload", "foundry")
    environment = reader.word("environment", stack)
    reader.check_length_together(workload, environment)
    location, projects = reader.location(), reader.projects()
    settings = Settings(
        location=location,
        workload=workload,
        environment=environment,
        projects=projects,
        developers=reader.developers(),
        access=access_settings.access(reader, projects),
        identities=access_settings.identities(reader),
        public_network_access=reader.choice("publicNetworkAccess", ("Enabled", "Disabled"))
        == "Enabled",
        purge_protection=reader.boolean("purgeProtection", default=True),
        recover_deleted=reader.boolean("recoverDeleted", default=False),
        purge_on_destroy=reader.boolean("purgeOnDestroy", default=False),
        tags=reader.tags(),
        guards=config_guards.read(reader),
        network=config_network.read(reader),
        existing=config_existing.read(reader),
    )
    developers = [(one.name, one.principal_id) for one in settings.developers]
    access_settings.refuse_twice(settings.access, developers, reader)
    config_guards.check_tags(settings.guards, settings.tags, reader)
    if "hub" not in settings.existing and f"hub-{workload}-{environment}" in settings.projects:
        reader.find("projects", "a project can't have the hub's name", "Choose another name.")
    if settings.purge_on_destroy and settings.purge_protection:
        what = "a vault that is protected from purging can't be purged"
        reader.find("purgeOnDestroy", what, "Set purgeProtection or purgeOnDestroy to false.")
    if "hub" in settings.existing and settings.network and settings.network.isolation:
        what = "the managed network of a hub that is there already is its owner's"
        reader.find("network.isolation", what, "Leave isolation and outbound out.")
    if reader.findings:
        raise refusal(stack, reader.findings)
    return settings


def finding(key: str, what: str, next_step: str) -> str:
    """What is wrong with a key, and one next step."""
    return f"foundry-tune:{key}: {what}. {next_step}"


def refusal(stack: str, findings: Sequence[str]) -> ConfigError:
    """The error that tells all findings at once."""
    listed = "\n".join(f"  {each}" for each in findings)
    return ConfigError(f"The configuration of stack '{stack}' can't be used:\n{listed}")


def namespaces(settings: Settings) -> tuple[str, ...]:
    """The resource providers that these settings take beside those of every stack."""
    diagnostics, alerts = settings.guards.diagnostics, settings.guards.alerts
    return (
        *(("Microsoft.Insights",) if diagnostics or alerts else ()),
        *(("Microsoft.OperationalInsights",) if diagnostics else ()),
        *(("Microsoft.ManagedIdentity",) if settings.identities else ()),
    )


class _Reader:
    """Turns Pulumi's strings into values and collects what is wrong with them."""

    def __init__(self, get: Callable[[str], str | None]) -> None:
        self.get = get
        self.findings: list[str] = []

    def find(self, key: str, what: str, next_step: str) -> None:
        self.findings.append(finding(key, what, next_step))

    def refuse_unknown(self, keys: list[str]) -> None:
        for key in sorted(set(keys) - set(KEYS)):
            if key in SEVERAL:
                self.find(key, ONE_HUB, A_STACK_EACH)
            else:
                self.find(key, "unknown key", suggest(key, tuple(KEYS)))

    def word(self, key: str, default: str) -> str:
        value = self.get(key) or default
        if WORD.fullmatch(value):
            return value
        self.find(
            key,
            f"{value!r} can't be part of Azure's names (a lower case letter, then 1 to 9 lower "
            "case letters or digits)",
            f"Set it: pulumi config set {key} <word>",
        )
        return default if WORD.fullmatch(default) else "x"

    def check_length_together(self, workload: str, environment: str) -> None:
        if len(workload) + len(environment) > MAX_WORKLOAD_AND_ENVIRONMENT:
            self.find(
                "workload",
                f"'{workload}' and environment '{environment}' have more than "
                f"{MAX_WORKLOAD_AND_ENVIRONMENT} letters together, and a key vault's name has 24",
                "Shorten one of them.",
            )

    def location(self) -> str:
        extra = self._extra_locations()
        several = self.value("location", "")
        if not isinstance(several, str) or "," in several:
            self.find("location", ONE_HUB, A_STACK_EACH)
            return FINE_TUNING_REGIONS[0]
        # "East US 2" as the portal writes it and "eastus2" are the same place.
        value = (self.get("location") or "eastus2").lower().replace(" ", "")
        allowed = (*FINE_TUNING_REGIONS, *extra)
        if value not in allowed:
            self.find(
                "location",
                f"Phi can't be fine-tuned in '{value}', as far as this version knows",
                f"Choose one of {', '.join(allowed)}, or list it with a reason: "
                "extraLocations: [{location: …, reason: …}]",
            )
        return value

    def _extra_locations(self) -> tuple[str, ...]:
        found: list[str] = []
        given = self.value("extraLocations", [])
        for where, row, _ in rows("extraLocations", given, ("location", "reason"), self):
            if not row["reason"].strip():
                self.find(f"{where}.reason", "empty", "Say why this region is allowed.")
            found.append(row["location"].lower().replace(" ", ""))
        return tuple(found)

    def projects(self) -> tuple[str, ...]:
        names = items("projects", self.value("projects", []), self)
        if not names and self.get("projects") in (None, "[]"):
            self.find("projects", "missing", "Name at least one: projects: [xbox]")
        found: list[str] = []
        for index, name in enumerate(names):
            where = f"projects[{index}]"
            if not isinstance(name, str) or not PROJECT.fullmatch(name):
                self.find(
                    where,
                    f"{name!r} can't be a project's name",
                    "Use 3 to 32 lower case letters, digits and dashes, a letter first.",
                )
            elif name in found:
                self.find(where, f"'{name}' is listed twice", "Remove one of them.")
            else:
                found.append(name)
        return tuple(found)

    def developers(self) -> tuple[Developer, ...]:
        found: list[Developer] = []
        given = self.value("developers", [])
        for where, row, _ in rows("developers", given, access_settings.PRINCIPAL, self):
            before = len(self.findings)
            if not PERSON.fullmatch(row["name"]):
                self.find(
                    f"{where}.name",
                    f"{row['name']!r} can't name a resource of the stack",
                    "Use up to 40 lower case letters, digits and dashes.",
                )
            if not GUID.fullmatch(row["principalId"]):
                self.find(
                    f"{where}.principalId",
                    f"{row['principalId']!r} isn't an object id",
                    "Find it: az ad user|group|sp show … --query id",
                )
            if row["principalType"] not in PRINCIPAL_TYPES:
                self.find(
                    f"{where}.principalType",
                    f"{row['principalType']!r} isn't one of {', '.join(PRINCIPAL_TYPES)}",
                    suggest(row["principalType"], PRINCIPAL_TYPES),
                )
            for other in found:
                if other.name == row["name"]:
                    self.find(f"{where}.name", f"'{other.name}' is listed twice", "Rename one.")
                if other.principal_id == row["principalId"].lower():
                    self.find(
                        f"{where}.principalId",
                        f"the same principal as '{other.name}'",
                        "Remove one of them.",
                    )
            if len(self.findings) == before:
                found.append(
                    Developer(
                        name=row["name"],
                        principal_id=row["principalId"].lower(),
                        principal_type=cast("PrincipalType", row["principalType"]),
                    )
                )
        return tuple(found)

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self.get(key)
        if value is None:
            return default
        if value not in ("true", "false"):
            self.find(key, f"{value!r} is neither true nor false", f"pulumi config set {key} true")
        return value == "true"

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.get(key)
        if value is None or value in choices:
            return value or choices[0]
        self.find(key, f"{value!r} isn't one of {', '.join(choices)}", suggest(value, choices))
        return choices[0]

    def tags(self) -> Mapping[str, str]:
        value = self.value("tags", {})
        if not isinstance(value, dict):
            self.find("tags", "not a map of names to values", "Write tags: {owner: platform-team}")
            return {}
        tags: dict[str, str] = {}
        for name, text in cast("dict[str, object]", value).items():
            if not TAG_NAME.fullmatch(name):
                self.find(f"tags.{name}", "not a tag's name", "Leave out < > % & \\ ? and /.")
            if not isinstance(text, str) or len(text) > 256:
                self.find(f"tags.{name}", "not a text of at most 256 characters", "Quote it.")
            else:
                tags[name] = text
        if len(tags) > MAX_TAGS:
            self.find("tags", f"{len(tags)} tags", f"Keep at most {MAX_TAGS}.")
        return tags

    def value(self, key: str, default: object) -> object:
        """Pulumi hands lists and maps to the program as JSON."""
        return json_of(self.get, key, default)
