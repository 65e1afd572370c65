"""`access` and `identities` of the stack's configuration: who may do what, and who signs in how."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, cast, get_args

from infra import roles
from infra.config_values import Findings, rows
from infra.role_sets import ROLE_SETS

PrincipalType = Literal["User", "Group", "ServicePrincipal"]
PRINCIPAL_TYPES: tuple[PrincipalType, ...] = get_args(PrincipalType)
May = Literal["plan", "apply", "up", "monitor", "watch"]
MAY: tuple[May, ...] = get_args(May)

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
DEVOPS_ISSUER = "https://vstoken.dev.azure.com"
MAX_SUBJECTS = 20  # of one identity (entra, workload-identity-federation-considerations)

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
# GitHub's immutable subjects carry the ids: contoso@1234/phi@5678.
REPOSITORY = re.compile(r"[\w.-]+(@\d+)?/[\w.-]+(@\d+)?")
CONNECTION = re.compile(r"[^/*]+/[^/*]+/[^/*]+")
# A subject is compared to the letter: what may be meant as a pattern matches nothing.
SUBJECT = re.compile(r"[^\s*?][^*?]{0,598}")
FOR_GITHUB = ("pull_request", "environment:NAME", "branch:NAME", "tag:NAME")

PRINCIPAL = ("name", "principalId", "principalType")
"""How somebody of the directory is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role for somebody, in one project or in the whole resource group."""

    role: str
    """One of `ROLE_SETS`, or a role's GUID."""
    principal_id: str
    principal_type: PrincipalType
    project: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineIdentity:
    """An identity that a pipeline signs in as with its own token, and no secret."""

    name: str
    may: May
    issuer: str
    subjects: tuple[str, ...]


def access(reader: Findings, projects: Sequence[str]) -> tuple[Grant, ...]:
    """The grants under `access`: a role, by name or GUID, to those who have it."""
    value = reader.value("access", {})
    if not isinstance(value, dict):
        reader.find("access", "not a map of roles", "Write access: {tunes: [{name: …}]}.")
        return ()
    found: list[Grant] = []
    for word, given in cast("dict[str, object]", value).items():
        where = f"access.{word}"
        role = _role(word, where, reader)
        for at, texts, _ in rows(where, given, PRINCIPAL, reader, optional=("project",)):
            if not _usable(texts, at, projects, reader):
                continue
            grant = Grant(
                role=role,
                principal_id=texts["principalId"].lower(),
                principal_type=cast("PrincipalType", texts["principalType"]),
                project=texts.get("project", ""),
            )
            if any(_covers(other, grant) for other in found):
                what = f"'{texts['name']}' has this role here already"
                reader.find(at, what, "Remove one of them.")
            elif role:
                found.append(grant)
    return tuple(found)


def refuse_twice(
    grants: Sequence[Grant], developers: Sequence[tuple[str, str]], to: Findings
) -> None:
    """Refuse a developer (name, object id) who is given a part of it by `access` again."""
    theirs = {*ROLE_SETS, roles.AI_DEVELOPER, roles.MONITORING_READER}
    for name, principal_id in developers:
        if any(g.principal_id == principal_id and g.role in theirs for g in grants):
            to.find(
                "access",
                f"developer '{name}' may tune, serve, call and read already",
                "Remove the developer, run pulumi up, and only then list the same principal here.",
            )


def identities(reader: Findings) -> tuple[PipelineIdentity, ...]:
    """The identities under `identities`."""
    found: list[PipelineIdentity] = []
    given = reader.value("identities", [])
    sources = ("github", "azureDevOps", "issuer")
    for at, texts, row in rows(
        "identities", given, ("name", "may"), reader, optional=sources, besides=("for",)
    ):
        named = [source for source in sources if source in texts]
        if len(named) != 1:
            reader.find(
                at,
                f"{' and '.join(named) or 'no source of tokens'}",
                f"Give one of {', '.join(sources)}.",
            )
            continue
        if not NAME.fullmatch(texts["name"]):
            reader.find(f"{at}.name", f"{texts['name']!r} can't name an identity", _NAMES)
        if any(other.name == texts["name"] for other in found):
            reader.find(f"{at}.name", f"'{texts['name']}' is listed twice", "Rename one.")
        if texts["may"] not in MAY:
            reader.find(
                f"{at}.may", f"{texts['may']!r} isn't one of {', '.join(MAY)}", "Choose one."
            )
        issuer = _issuer(named[0], texts[named[0]], at, reader)
        spelled = _subjects(named[0], texts, row.get("for"), at, reader)
        if texts["may"] != "plan" and any(each.endswith(":pull_request") for each in spelled):
            reader.find(
                f"{at}.for",
                f"a pull request, which anybody may open, would be allowed to {texts['may']}",
                "Let it plan only, and write from an environment with reviewers: "
                "for: [environment:prod]",
            )
        found.append(
            PipelineIdentity(
                name=texts["name"],
                may=cast("May", texts["may"]),
                issuer=issuer,
                subjects=tuple(dict.fromkeys(spelled)),
            )
        )
    return tuple(found)


_NAMES = "Use up to 40 lower case letters, digits and dashes."


def _role(word: str, where: str, to: Findings) -> str:
    if word in ROLE_SETS:
        return word
    by_name = {name.casefold(): guid for name, guid in roles.BUILT_IN.items()}
    role = word.lower() if GUID.fullmatch(word) else by_name.get(word.casefold(), "")
    privileged = {name.casefold(): guid for guid, name in roles.PRIVILEGED.items()}
    if role in roles.PRIVILEGED or word.casefold() in privileged:
        to.find(
            where,
            f"'{roles.PRIVILEGED.get(role, word)}' hands on every right there is",
            "Assign it outside of the stack, to the platform team.",
        )
    elif not role:
        known = (*ROLE_SETS, *roles.BUILT_IN)
        close = get_close_matches(word, known, n=1)
        hint = f"Did you mean '{close[0]}'? " if close else ""
        to.find(
            where,
            f"'{word}' is neither {', '.join(ROLE_SETS)} nor a role that is known by name",
            f"{hint}Give its GUID: az role definition list --name '{word}' --query [].name",
        )
    return role


def _usable(texts: Mapping[str, str], at: str, projects: Sequence[str], to: Findings) -> bool:
    wrong: list[tuple[str, str, str]] = []
    if not NAME.fullmatch(texts["name"]):
        wrong.append(("name", f"{texts['name']!r} can't name anybody here", _NAMES))
    if not GUID.fullmatch(texts["principalId"]):
        what = f"{texts['principalId']!r} isn't an object id"
        step = (
            "Find it: az ad user|group|sp show … --query id; of a managed identity: "
            "az identity show … --query principalId"
        )
        wrong.append(("principalId", what, step))
    if texts["principalType"] not in PRINCIPAL_TYPES:
        what = f"{texts['principalType']!r} isn't one of {', '.join(PRINCIPAL_TYPES)}"
        wrong.append(("principalType", what, "A managed identity is a ServicePrincipal."))
    if "project" in texts and texts["project"] not in projects:
        what = f"there is no project {texts['project']!r}"
        wrong.append(("project", what, f"There are {', '.join(projects)}."))
    for key, what, step in wrong:
        to.find(f"{at}.{key}", what, step)
    return not wrong


def _covers(one: Grant, other: Grant) -> bool:
    return (one.role, one.principal_id, one.project) == (
        other.role,
        other.principal_id,
        other.project,
    )


def _issuer(source: str, value: str, at: str, to: Findings) -> str:
    if source == "github":
        if not REPOSITORY.fullmatch(value):
            to.find(f"{at}.github", f"{value!r} isn't a repository", "Write it as ORG/REPO.")
        return GITHUB_ISSUER
    if source == "azureDevOps":
        if not GUID.fullmatch(value):
            to.find(
                f"{at}.azureDevOps",
                f"{value!r} isn't the id of an organization",
                "It is the end of the issuer that the service connection shows.",
            )
        return f"{DEVOPS_ISSUER}/{value}"
    if not value.startswith("https://") or len(value) > 600:
        to.find(f"{at}.issuer", f"{value!r} isn't an https URL", "Copy it from whoever signs.")
    return value


def _subjects(
    source: str, texts: Mapping[str, str], given: object, at: str, to: Findings
) -> list[str]:
    words = cast("list[object]", given) if isinstance(given, list) else []
    if not 1 <= len(words) <= MAX_SUBJECTS:
        to.find(
            f"{at}.for",
            f"not a list of 1 to {MAX_SUBJECTS}",
            "Say whose tokens: for: [pull_request]",
        )
        return []
    subjects = [_subject(source, texts[source], str(word)) for word in words]
    for number, subject in enumerate(subjects):
        if not subject:
            step = {
                "github": f"There are {', '.join(FOR_GITHUB)}.",
                "azureDevOps": "Write it as ORG/PROJECT/CONNECTION.",
            }.get(source, "Copy the subject as it is; there are no patterns.")
            to.find(f"{at}.for[{number}]", f"{words[number]!r} names nobody's token", step)
    return [subject for subject in subjects if subject]


def _subject(source: str, value: str, word: str) -> str:
    """The `sub` of the tokens that are meant; empty where nothing is."""
    if not SUBJECT.fullmatch(word):
        return ""
    if source == "issuer":
        return word
    if source == "azureDevOps":
        return f"sc://{word}" if CONNECTION.fullmatch(word) else ""
    kind, _, name = word.partition(":")
    if word == "pull_request":
        return f"repo:{value}:pull_request"
    if not name:
        return ""
    refs = {"branch": f"ref:refs/heads/{name}", "tag": f"ref:refs/tags/{name}"}
    # GitHub writes a colon in an environment's name as %3A.
    refs["environment"] = f"environment:{name.replace(':', '%3A')}"
    return f"repo:{value}:{refs[kind]}" if kind in refs else ""
