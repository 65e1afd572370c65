"""Names are the same every time, unlike each other, and what Azure accepts."""

import re
import uuid
from dataclasses import asdict

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infra.config import MAX_WORKLOAD_AND_ENVIRONMENT
from infra.naming import names, role_assignment_name

WORDS = st.from_regex(r"[a-z][a-z0-9]{1,9}", fullmatch=True)
SUBSCRIPTIONS = st.uuids().map(str)

# Azure's resource name rules, and azure-ai-ml 1.27's patterns for workspaces.
RULES = {
    "resource_group": re.compile(r"[-\w._()]{1,89}[-\w_()]"),
    "storage_account": re.compile(r"[a-z0-9]{3,24}"),
    "key_vault": re.compile(r"(?=.{3,24}$)(?!.*--)[a-zA-Z][a-zA-Z0-9-]*[a-zA-Z0-9]"),
    "ai_services": re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}"),
    "connection": re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}"),
    "hub": re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}"),
}


@settings(deadline=None)
@given(WORDS, WORDS, SUBSCRIPTIONS)
def test_every_accepted_configuration_gives_names_that_azure_takes(
    workload: str, environment: str, subscription: str
) -> None:
    assume(len(workload) + len(environment) <= MAX_WORKLOAD_AND_ENVIRONMENT)
    given_names = asdict(names(workload, environment, subscription))
    for part, rule in RULES.items():
        assert rule.fullmatch(given_names[part]), (part, given_names[part])
    assert given_names == asdict(names(workload, environment, subscription.upper()))


@settings(deadline=None)
@given(WORDS, WORDS, SUBSCRIPTIONS, SUBSCRIPTIONS)
def test_names_taken_worldwide_differ_between_subscriptions(
    workload: str, environment: str, one: str, other: str
) -> None:
    first, second = names(workload, environment, one), names(workload, environment, other)
    assume(one != other)
    # Five letters of base 32: a clash is one in 33 million.
    assert first.storage_account != second.storage_account
    assert first.key_vault != second.key_vault
    assert first.ai_services != second.ai_services


def test_the_names_of_the_dev_stack_are_these() -> None:
    named = names("foundry", "dev", "e0e0e0e0-0000-4000-8000-000000000002")
    assert named.resource_group == "rg-foundry-dev"
    assert named.hub == "hub-foundry-dev"
    assert re.fullmatch(r"stfoundrydev[a-z2-7]{5}", named.storage_account)


@settings(deadline=None)
@given(st.text("/abcXYZ09-", max_size=40), st.uuids().map(str), st.uuids().map(str))
def test_a_role_assignments_name_depends_on_the_three_and_not_on_case(
    scope: str, principal: str, role: str
) -> None:
    name = role_assignment_name(scope, principal, role)
    assert uuid.UUID(name).version == 5
    assert name == role_assignment_name(scope, principal.upper(), role.upper())
    assert name != role_assignment_name(scope + "/child", principal, role)
    assert principal == role or name != role_assignment_name(scope, role, principal)
