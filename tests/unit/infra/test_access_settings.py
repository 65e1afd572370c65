"""`access` and `identities`: who may do what is checked as a whole, before Azure is asked."""

import json
from typing import Any

import pytest

from infra import roles
from infra.access_settings import GITHUB_ISSUER, Grant, PipelineIdentity
from tests.unit.infra.test_config import ALICE, MINIMAL, findings, read

TEAM = {
    "name": "research",
    "principalId": "0A11CE00-0000-4000-8000-000000000002",
    "principalType": "Group",
}
TEAM_ID = TEAM["principalId"].lower()
PULL_REQUESTS = {
    "name": "pull-requests",
    "may": "plan",
    "github": "contoso/phi",
    "for": ["pull_request"],
}


def test_a_role_is_a_set_a_name_or_a_guid_in_the_group_or_one_project() -> None:
    guid = "3AFB7F49-54cb-416e-8c09-6dc049efa503"
    access = {
        "tunes": [{**TEAM, "project": "xbox"}],
        "storage blob data reader": [TEAM],
        guid: [TEAM],
    }
    granted = read({**MINIMAL, "access": json.dumps(access)}).access
    theirs: dict[str, Any] = {"principal_id": TEAM_ID, "principal_type": "Group"}
    assert granted == (
        Grant(role="tunes", project="xbox", **theirs),
        Grant(role=roles.BLOB_DATA_READER, **theirs),
        Grant(role=guid.lower(), **theirs),
    )


def test_everything_wrong_with_access_is_told_at_once() -> None:
    access = {
        "Owner": [TEAM],
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": [TEAM],
        "tune": [TEAM],
        "serves": [{**TEAM, "project": "halo"}, {**TEAM, "scope": "/subscriptions/x"}],
        "calls": [{**TEAM, "principalId": "research", "principalType": "ManagedIdentity"}],
        "reads": [TEAM, TEAM],
    }
    told = findings({**MINIMAL, "access": json.dumps(access)})
    assert [line.partition(". ")[0] for line in told] == [
        "foundry-tune:access.Owner: 'Owner' hands on every right there is",
        "foundry-tune:access.18d7d88d-d35e-4fb5-a5c3-7773c20a72d9: 'User Access Administrator' "
        "hands on every right there is",
        "foundry-tune:access.tune: 'tune' is neither tunes, serves, calls, reads, watches nor a "
        "role that is known by name",
        "foundry-tune:access.serves[0].project: there is no project 'halo'",
        "foundry-tune:access.serves[1].scope: unknown key",
        "foundry-tune:access.calls[0].principalId: 'research' isn't an object id",
        "foundry-tune:access.calls[0].principalType: 'ManagedIdentity' isn't one of User, Group, "
        "ServicePrincipal",
        "foundry-tune:access.reads[1]: 'research' has this role here already",
    ]
    assert "Did you mean 'tunes'?" in told[2]


@pytest.mark.parametrize("role", ["tunes", "Monitoring Reader", roles.AI_DEVELOPER])
def test_a_developer_is_not_given_a_part_of_it_again(role: str) -> None:
    config = {"developers": json.dumps([ALICE]), "access": json.dumps({role: [ALICE]})}
    (told,) = findings({**MINIMAL, **config})
    assert "developer 'alice' may tune, serve, call and read already" in told


@pytest.mark.parametrize(
    ("row", "issuer", "subjects"),
    [
        (
            {"github": "contoso/phi", "for": ["pull_request", "branch:main", "tag:v1"]},
            GITHUB_ISSUER,
            (
                "repo:contoso/phi:pull_request",
                "repo:contoso/phi:ref:refs/heads/main",
                "repo:contoso/phi:ref:refs/tags/v1",
            ),
        ),
        (
            {"github": "contoso@139941502/phi@1383544386", "for": ["environment:prod:eu"]},
            GITHUB_ISSUER,
            ("repo:contoso@139941502/phi@1383544386:environment:prod%3Aeu",),
        ),
        (
            {"azureDevOps": "0a11ce00-0000-4000-8000-00000000000d", "for": ["contoso/phi/azure"]},
            "https://vstoken.dev.azure.com/0a11ce00-0000-4000-8000-00000000000d",
            ("sc://contoso/phi/azure",),
        ),
        (
            {"issuer": "https://login.microsoftonline.com/x/v2.0", "for": ["/eid1/c/pub/t/a"]},
            "https://login.microsoftonline.com/x/v2.0",
            ("/eid1/c/pub/t/a",),
        ),
    ],
)
def test_an_identity_trusts_the_subjects_of_one_issuer(
    row: dict[str, Any], issuer: str, subjects: tuple[str, ...]
) -> None:
    rows = [{"name": "it", "may": "plan", **row}]
    assert read({**MINIMAL, "identities": json.dumps(rows)}).identities == (
        PipelineIdentity(name="it", may="plan", issuer=issuer, subjects=subjects),
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"may": "apply"}, "a pull request, which anybody may open, would be allowed to apply"),
        ({"may": "up"}, "a pull request, which anybody may open, would be allowed to up"),
        ({"may": "write"}, "'write' isn't one of plan, apply, up"),
        ({"for": ["environment:*"]}, "'environment:*' names nobody's token"),
        ({"for": ["main"]}, "'main' names nobody's token"),
        ({"for": []}, "not a list of 1 to 20"),
        ({"github": "phi"}, "'phi' isn't a repository"),
        ({"issuer": "https://x"}, "github and issuer"),
        ({"secret": "x"}, "unknown key"),
    ],
)
def test_an_identity_that_trusts_too_much_or_nobody_is_refused(
    change: dict[str, Any], told: str
) -> None:
    found = findings({**MINIMAL, "identities": json.dumps([{**PULL_REQUESTS, **change}])})
    assert told in found[0]
