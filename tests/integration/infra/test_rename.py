"""A stack that changes its names, there and back: what it leaves behind is nothing."""

import pytest

from emulator.rehearsal import inventory
from emulator.server import Emulator
from tests.integration.infra.conftest import Pulumi, in_the_bin


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_a_rename_there_and_back_leaves_nothing_in_the_bin(
    emulator: Emulator, pulumi: Pulumi, subscription_id: str
) -> None:
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    first = _names(emulator, subscription_id)
    assert any("/rg-foundry-dev/" in name for name in first)

    pulumi("config", "set", "foundry-tune:workload", "other")
    pulumi("up", "--yes", "--skip-preview")
    assert in_the_bin(emulator, subscription_id) == []
    assert all("foundry" not in name for name in _names(emulator, subscription_id))

    pulumi("config", "rm", "foundry-tune:workload")
    pulumi("up", "--yes", "--skip-preview")
    assert in_the_bin(emulator, subscription_id) == []
    assert _names(emulator, subscription_id) == first
    pulumi("preview", "--expect-no-changes")

    pulumi("destroy", "--yes", "--skip-preview")
    assert in_the_bin(emulator, subscription_id) == []
    assert _names(emulator, subscription_id) == set()


def _names(emulator: Emulator, subscription_id: str) -> set[str]:
    """The names in every id of a resource of the subscription, after its own."""
    prefix = f"/subscriptions/{subscription_id}"
    resources: list[dict[str, str]] = inventory.take(emulator.cloud)["resources"]
    ids = [each["id"] for each in resources]
    # Datastores and their like come with a workspace.
    return {id.removeprefix(prefix) for id in ids if id.startswith(prefix) and id != prefix}
