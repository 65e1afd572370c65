"""The rules of a platform team: over Azure's resources, and over what specs ask for."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from policy.roles import BUILT_IN, PRIVILEGED
from policy.rule import Breach, Rule
from policy.subject import (
    AI_SERVICES,
    CONTAINER,
    ENDPOINT,
    INSIGHTS,
    JOB,
    ROLE_ASSIGNMENT,
    STORAGE,
    VAULT,
    WORKSPACE,
    Subject,
)

Breaches = Iterator[Breach]
_TLS = ("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3")
_SIGN_IN = {"key": "Key", "aad": "AAD", "key_and_aad": "KeyAndAAD"}
_ROLES: Mapping[str, str] = {
    **{name.casefold(): guid for name, guid in BUILT_IN.items()},
    **{name.casefold(): guid for guid, name in PRIVILEGED.items()},
}
_KEYS = {
    STORAGE: ("allowSharedKeyAccess", False),
    AI_SERVICES: ("disableLocalAuth", True),
    INSIGHTS: ("disableLocalAuth", True),
}
"""The field that shuts a resource's keys off, and its value then."""


# ── where and how ───────────────────────────────────────────────────────────────────────────────


def allowed_regions(subject: Subject, allowed: Sequence[str]) -> Breaches:
    """Everything that has a place is in one of these regions."""
    place = subject.get("location")
    if isinstance(place, str) and place and region(place) not in {"global", *map(region, allowed)}:
        yield Breach("location", f"'{place}' is none of {_listed(allowed)}")


def minimum_tls(subject: Subject, least: str) -> Breaches:
    """Storage speaks nothing older."""
    if subject.type != STORAGE:
        return
    there = subject.get("minimumTlsVersion")
    if there not in _TLS[_TLS.index(least) :]:
        yield Breach("minimumTlsVersion", f"{_said(there)} where {least} is the least")


def no_public_blobs(subject: Subject, _: object) -> Breaches:
    """Storage hands no blob to whoever asks."""
    if subject.type == STORAGE and subject.get("allowBlobPublicAccess") is not False:
        there = _said(subject.get("allowBlobPublicAccess"))
        yield Breach("allowBlobPublicAccess", f"{there} where it must be false")
    if subject.type == CONTAINER and subject.get("publicAccess") not in (None, "None"):
        there = _said(subject.get("publicAccess"))
        yield Breach("publicAccess", f"{there} where it must be None")


def rbac_vaults(subject: Subject, _: object) -> Breaches:
    """Vaults go by roles."""
    if subject.type == VAULT and subject.get("enableRbacAuthorization") is not True:
        there = _said(subject.get("enableRbacAuthorization"))
        yield Breach("enableRbacAuthorization", f"{there} where it must be true")


def required_tags(subject: Subject, required: Sequence[str]) -> Breaches:
    """What has a place can have tags (ARM's tracked resources), and has these, with a text."""
    if subject.type == ENDPOINT or subject.get("location"):
        for name in required:
            yield from _tagged(subject, name)


# ── who ─────────────────────────────────────────────────────────────────────────────────────────


def subscription_roles(subject: Subject, principals: Sequence[str]) -> Breaches:
    """Nobody else has a role over a whole subscription, or above it."""
    if subject.type != ROLE_ASSIGNMENT or not subject.sees("scope"):
        return
    scope = str(subject.get("scope") or "").casefold().strip("/")
    is_wide = re.fullmatch(r"(subscriptions/[^/]+)?", scope) or "managementgroups" in scope
    allowed = {one.casefold() for one in principals}
    if is_wide and str(subject.get("principalId")).casefold() not in allowed:
        who = subject.get("principalId") or "(known once it is made)"
        yield Breach("scope", f"'/{scope}', held by {who}, is wider than a resource group")


def allowed_roles(subject: Subject, allowed: Sequence[str]) -> Breaches:
    """No other role is given."""
    if subject.type != ROLE_ASSIGNMENT or not subject.sees("roleDefinitionId"):
        return
    role = str(subject.get("roleDefinitionId") or "").rpartition("/")[2].casefold()
    if role not in {role_guid(word) for word in allowed}:
        yield Breach("roleDefinitionId", f"{role_name(role)} is none of {_listed(allowed)}")


def no_keys(subject: Subject, _: object) -> Breaches:
    """Who wants in signs in: no account keys, and workspaces have an identity of their own."""
    if subject.type in _KEYS:
        field, wanted = _KEYS[subject.type]
        if subject.get(field) is not wanted:
            there = _said(subject.get(field))
            yield Breach(field, f"{there} where it must be {_said(wanted)}: keys open it")
    if subject.type == WORKSPACE and subject.get("identity", "type") in (None, "", "None"):
        yield Breach("identity", "there is none where a managed identity must be")


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def content_filter(subject: Subject, _: object) -> Breaches:
    """Every endpoint is filtered. Silence is not on."""
    if subject.type == ENDPOINT:
        there = subject.get("contentSafety", "contentSafetyStatus")
        if str(there).casefold() != "enabled":
            yield Breach("contentSafety", f"the content filter is {_said(there)}, and must be on")


def endpoint_owner(subject: Subject, tag: str) -> Breaches:
    """Every endpoint says whose it is."""
    if subject.type == ENDPOINT:
        yield from _tagged(subject, tag)


def endpoint_sign_in(subject: Subject, allowed: Sequence[str]) -> Breaches:
    """Callers sign in like this only."""
    if subject.type != ENDPOINT:
        return
    there = str(subject.get("authMode") or "Key").casefold()
    if there not in {_SIGN_IN[word].casefold() for word in allowed}:
        word = next((word for word, said in _SIGN_IN.items() if said.casefold() == there), there)
        yield Breach("authMode", f"'{word}' is none of {_listed(allowed)}")


# ── specs ───────────────────────────────────────────────────────────────────────────────────────


def allowed_models(subject: Subject, allowed: Sequence[str]) -> Breaches:
    """Only these base models are trained or served."""
    if subject.type not in (JOB, ENDPOINT) or not (there := subject.get("model")):
        return
    names = {_model(word) for word in allowed}
    if _model(there).casefold() not in {name.casefold() for name in names}:
        yield Breach("model", f"'{_model(there)}' is none of {_listed(allowed)}")


def most_epochs(subject: Subject, most: int) -> Breaches:
    """No job goes over its data more often."""
    if subject.type != JOB:
        return
    there = subject.get("epochs")
    if subject.sees("epochs") and (not isinstance(there, int) or there > most):
        yield Breach("epochs", f"{there} epochs, and {most} are the most")


def budget_required(subject: Subject, _: object) -> Breaches:
    """All that costs has a budget."""
    if subject.type in (JOB, ENDPOINT) and subject.get("budget") is None:
        yield Breach("budget", "there is none. Write budget: {max_usd: …}")


def largest_budget(subject: Subject, most: float) -> Breaches:
    """No budget is larger."""
    there = subject.get("budget")
    if subject.type in (JOB, ENDPOINT) and isinstance(there, int | float) and there > most:
        yield Breach("budget", f"{there:g} USD, and {most:g} USD are the most")


def gates_required(subject: Subject, metrics: object) -> Breaches:
    """A trained model's endpoint is measured, and held to something."""
    if subject.type != ENDPOINT or not subject.sees("gates") or subject.get("model"):
        return
    gates: Sequence[str] = subject.get("gates") or ()
    if not gates:
        yield Breach("gates", f"no evaluation of '{subject.name}' has a gate")
    elif isinstance(metrics, tuple):
        missing = [name for name in map(str, metrics) if name not in gates]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if missing:
            yield Breach("gates", f"no evaluation of '{subject.name}' gates {_listed(missing)}")


# ── words ───────────────────────────────────────────────────────────────────────────────────────


def region(written: str) -> str:
    """A region as ARM names it: `East US 2` is `eastus2`."""
    return written.casefold().replace(" ", "")


def role_guid(word: str) -> str:
    """A role's GUID, by its name or by itself."""
    return _ROLES.get(word.casefold(), word.rpartition("/")[2].casefold())


def role_name(guid: str) -> str:
    """A role's name in quotes, where it is known; else its GUID."""
    named = {guid: name for name, guid in BUILT_IN.items()} | dict(PRIVILEGED)
    return f"'{named.get(guid, guid)}'"


def is_role(word: str) -> bool:
    """Whether a word is a built-in role's name."""
    return word.casefold() in _ROLES


def is_guid(word: str) -> bool:
    """Whether a word is a GUID."""
    return bool(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", word))


def _tagged(subject: Subject, name: str) -> Breaches:
    tags: Any = subject.get("tags")
    found = next((tags[key] for key in tags or () if key.casefold() == name.casefold()), None)
    if not str(found or "").strip():
        yield Breach(
            "tags", f"the tag '{name}' is missing" if found is None else f"'{name}' is empty"
        )


def _model(written: str) -> str:
    """`Phi-4` out of a registry's id."""
    return written.partition("/versions/")[0].rstrip("/").rpartition("/")[2]


def _said(value: object) -> str:
    return (
        "nothing is said"
        if value is None
        else str(value).lower()
        if isinstance(value, bool)
        else f"'{value}'"
    )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) if words else "those allowed, as none is"


def _rule(number: int, judge: Callable[[Subject, Any], Breaches], *words: str) -> Rule:
    title, why, example, fix = words
    return Rule(f"FT-P{number:03}", judge.__name__, title, why, example, fix, judge)


RULES: tuple[Rule, ...] = (
    _rule(
        1, allowed_regions, "A region that the platform team doesn't allow",
        "Data and models stay where the team may keep them.",
        "allowed_regions: [eastus2]    # and an endpoint with location: westus",
        "Leave location out, or choose an allowed one.",
    ),
    _rule(
        2, minimum_tls, "Storage that speaks an old TLS",
        "TLS 1.0 and 1.1 are broken; Azure retired them, and old accounts still name them.",
        "minimum_tls: TLS1_2    # and minimumTlsVersion: TLS1_0",
        "minimumTlsVersion: TLS1_2",
    ),
    _rule(
        3, no_public_blobs, "Blobs that anybody may read",
        "Training data are conversations of people; a public container hands them to anybody.",
        "no_public_blobs: true    # and allowBlobPublicAccess: true, or left to a default",
        "allowBlobPublicAccess: false",
    ),
    _rule(
        4, rbac_vaults, "A key vault with access policies of its own",
        "With roles one list says who may do what; access policies are a second one that nobody "
        "reviews.",
        "rbac_vaults: true    # and a vault without enableRbacAuthorization",
        "enableRbacAuthorization: true",
    ),
    _rule(
        5, subscription_roles, "A role over a whole subscription",
        "Whoever holds it holds it over everybody else's resources too. The value lists the "
        "object ids that may (the platform team's own).",
        "subscription_roles: []    # and an assignment with scope: /subscriptions/…",
        "Give the role on the resource group, or narrower.",
    ),
    _rule(
        6, allowed_roles, "A role that the platform team doesn't give",
        "Least privilege is a short list; Owner on one resource is how it ends.",
        "allowed_roles: [Azure AI Developer]    # and an assignment of Contributor",
        "Give one of the listed roles, or have the team list it.",
    ),
    _rule(
        7, required_tags, "A resource without a tag that it must have",
        "Cost and ownership are told by tags; what has none is nobody's until the bill comes.",
        "required_tags: [owner]    # and tags: {team: support}",
        "tags: {owner: support-team}",
    ),
    _rule(
        8, no_keys, "A key where an identity should be",
        "Keys are copied, never expire by themselves and tell nobody who used them.",
        "no_keys: true    # and allowSharedKeyAccess: true, or a hub without an identity",
        "allowSharedKeyAccess: false, disableLocalAuth: true, identity: SystemAssigned",
    ),
    _rule(
        9, content_filter, "An endpoint without its content filter",
        "A spec may turn the filter off with a justification; a platform team need not take it.",
        "content_filter: true    # and content_safety: disabled",
        "content_safety: enabled",
    ),
    _rule(
        10, endpoint_owner, "An endpoint without an owner",
        "An endpoint is billed by the hour; the tag says whom to ask whether it is still needed.",
        "endpoint_owner: owner    # and an endpoint without that tag",
        "tags: {owner: support-team}",
    ),
    _rule(
        11, endpoint_sign_in, "An endpoint that callers may enter otherwise",
        "A key opens an endpoint to whoever has it; aad takes Entra ID's tokens only.",
        "endpoint_sign_in: [aad]    # and auth_mode: key",
        "auth_mode: aad",
    ),
    _rule(
        12, allowed_models, "A model that the platform team doesn't allow",
        "Licences, prices and reviews are per model.",
        "allowed_models: [Phi-4-mini-instruct]    # and model: …/models/Phi-4",
        "Use an allowed model, or have the team list it.",
    ),
    _rule(
        13, most_epochs, "More epochs than the platform team allows",
        "Each is paid, and beyond a few the model learns its data by heart. A sweep is held to "
        "its longest trial.",
        "most_epochs: 5    # and hyperparameters: {epochs: 8}",
        "hyperparameters: {epochs: 5}",
    ),
    _rule(
        14, budget_required, "Something that costs without a budget",
        "Without one, apply spends what the spec asks for, once somebody says yes.",
        "budget_required: true    # and a training without budget",
        "budget: {max_usd: 20}",
    ),
    _rule(
        15, largest_budget, "A budget larger than allowed",
        "A budget that allows anything holds nothing.",
        "largest_budget: 100    # and budget: {max_usd: 5000}",
        "budget: {max_usd: 100}",
    ),
    _rule(
        16, gates_required, "A trained model that is served without a gate",
        "Without one, a revision that answers worse takes the name all the same.",
        "gates_required: [token_f1]    # and no evaluation, or one with other gates",
        'gates: {token_f1: ">= 0.60"}',
    ),
)  # fmt: skip
"""Every rule, by its number."""
