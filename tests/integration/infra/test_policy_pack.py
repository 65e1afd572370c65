"""The policy pack over a whole stack: asked through Pulumi's own Analyzer contract."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from emulator.server import Emulator
from policy.judge import today_utc
from tests.integration.infra.conftest import ROOT, Pulumi
from tests.integration.infra.test_profiles import resources

pytestmark = pytest.mark.rehearsal

PACK = "infra/policy_pack"


@pytest.fixture
def policy(project: Path) -> Path:
    """This repository's own policy, beside the project."""
    return Path(shutil.copy(ROOT / "foundry-policy.yaml", project))


def test_a_policy_stops_a_preview_with_all_it_finds_and_an_update_before_anything_is_made(
    emulator: Emulator,
    pulumi: Pulumi,
    policy: Path,
    subscription_id: str,
) -> None:
    pulumi("stack", "init", "dev")
    good = pulumi("preview", "--policy-pack", PACK)
    assert f"✅ foundry-policy@v1.0.0 (local: {PACK})" in good.stdout

    text = policy.read_text("utf-8").replace("[eastus2]", "[westus]")
    policy.write_text(text.replace("    - Monitoring Reader\n", ""), "utf-8")
    bad = pulumi("preview", "--policy-pack", PACK, code=1).stdout
    assert "error: preview failed" in bad
    assert bad.count("[mandatory]  FT-P001  (azure-native:") == 6
    assert (
        "[mandatory]  FT-P006  (azure-native:authorization:RoleAssignment: rehearsal-metrics)"
        in bad
    )
    assert "location: 'eastus2' is none of westus (foundry-policy.yaml: allowed_regions)" in bad
    told = json.loads(pulumi("preview", "--json", "--policy-pack", PACK, code=1).stdout)
    assert sum("FT-P001" in one["message"] for one in told["diagnostics"]) == 6

    pulumi("up", "--yes", "--skip-preview", "--policy-pack", PACK, code=1)
    made = resources(emulator, subscription_id)
    assert not any("resourcegroups/rg-" in id.lower() for id in made), "nothing was made"

    until = today_utc() + timedelta(days=60)
    excepted = f"{{rule: allowed_regions, of: rg-foundry-dev, reason: a move, until: {until}}}"
    policy.write_text(
        f"{text}advisory: [allowed_regions]\nexceptions: [{excepted}]\n", encoding="utf-8"
    )
    warned = pulumi("preview", "--policy-pack", PACK).stdout
    assert "⚠️ foundry-policy@v1.0.0" in warned
    assert warned.count("[advisory]  FT-P001  (azure-native:") == 5
    assert warned.count("[advisory]  FT-P001-exception  (azure-native:resources:ResourceGroup") == 1
    assert f"an exception, until {until}: a move" in warned


def test_a_pack_that_cannot_be_run_is_refused_by_name(pulumi: Pulumi, project: Path) -> None:
    pulumi("stack", "init", "dev")
    missing = pulumi("preview", "--policy-pack", "nowhere", code=1)
    assert "could not find PulumiPolicy.yaml in nowhere" in missing.stderr + missing.stdout
    (project / "pack").mkdir()
    (project / "pack" / "PulumiPolicy.yaml").write_text("runtime: nodejs\n", "utf-8")
    refused = pulumi("preview", "--policy-pack", "pack", code=2)
    assert "a policy pack of runtime 'nodejs'" in refused.stderr + refused.stdout
