"""Emptying Azure's bin: what is deleted goes for good, and what lives is never touched."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.server import Emulator
from infra import arm, purge
from tests.integration.infra.conftest import AbortedError, Engine, Made, in_the_bin
from tests.integration.infra.test_provider import (
    AI_SERVICES,
    VAULT,
    WORKSPACE,
    ai_services,
    hub,
    vault,
)


@pytest.fixture(autouse=True)
def signed_in(subscription: str) -> Iterator[None]:
    """The test's own identity, not the one of the test before."""
    arm.sign_out()
    yield
    arm.sign_out()


@pytest.fixture
def cases(engine: Engine, group: Made, unique: str) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Each kind that Azure keeps: its type, what it is made from, and the request to purge it."""
    place = (engine.subscription, "eastus2")
    return {
        "vault": (VAULT, vault(engine, unique), purge.vault(*place, f"kv-{unique}")),
        "ai-services": (
            AI_SERVICES,
            ai_services(engine, unique),
            purge.ai_services(*place, "rg-test", f"ais-{unique}"),
        ),
        "workspace": (
            WORKSPACE,
            hub(engine, unique[::-1]) | {"workspaceName": f"hub-{unique}"},
            purge.workspace(engine.subscription, "rg-test", f"hub-{unique}"),
        ),
    }


@pytest.mark.parametrize("kind", ["vault", "ai-services", "workspace"])
def test_what_lives_is_left_alone_and_what_is_deleted_can_be_made_again(
    engine: Engine, cases: dict[str, Any], kind: str
) -> None:
    token, inputs, request = cases[kind]
    provider = purge.PurgeProvider()
    made = engine.create(token, inputs)
    provider.delete("id", request)
    assert engine.read(made).id == made.id, "it lives, whatever the purge was told"

    engine.delete(made)
    with pytest.raises(AbortedError, match=r"[Dd]eleted"):
        engine.create(token, inputs)
    provider.delete("id", request)
    assert engine.create(token, inputs).id == made.id
    provider.delete("id", request)


def test_a_protected_vault_says_so(engine: Engine, cases: dict[str, Any]) -> None:
    token, inputs, request = cases["vault"]
    inputs["properties"]["enablePurgeProtection"] = True
    engine.delete(engine.create(token, inputs))
    with pytest.raises(arm.ArmError, match="protected from purging"):
        purge.PurgeProvider().delete("id", request)


def test_a_group_that_is_gone_does_not_say_that_the_bin_is_empty(
    emulator: Emulator, engine: Engine, group: Made, cases: dict[str, Any]
) -> None:
    token, inputs, request = cases["workspace"]
    made = engine.create(token, inputs)
    engine.delete(group)
    assert made.id.lower() in in_the_bin(emulator, engine.subscription)
    with pytest.raises(arm.ArmError, match=r"rg-test.*could not be found.*az group create"):
        purge.PurgeProvider().delete("id", request)

    engine.create("azure-native:resources:ResourceGroup", group.inputs)
    purge.PurgeProvider().delete("id", request)
    assert made.id.lower() not in in_the_bin(emulator, engine.subscription)


def test_purging_is_remembered_when_it_is_updated() -> None:
    request = {**purge.vault("s", "eastus2", "kv-dev"), "resource_group": "rg"}
    provider = purge.PurgeProvider()
    assert provider.create(dict(request)).outs == request
    newer = {**request, "api_version": "2030-01-01"}
    diff = provider.diff("id", request, newer)
    assert diff.changes
    assert diff.replaces == []
    assert provider.update("id", request, newer).outs == newer
    moved = {**request, **purge.vault("s", "westus", "kv-dev")}
    assert provider.diff("id", request, moved).replaces == ["path"]
    assert provider.diff("id", request, {**request, "resource_group": "?"}).replaces == [
        "resource_group"
    ]


def test_a_purge_of_a_state_that_knows_no_group_is_kept_and_learns_it() -> None:
    old = purge.vault("s", "eastus2", "kv-dev")
    diff = purge.PurgeProvider().diff("id", old, {**old, "resource_group": "rg"})
    assert diff.changes
    assert diff.replaces == []
