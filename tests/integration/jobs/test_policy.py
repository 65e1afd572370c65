"""The platform team's file against Azure: what is live, and saved plans."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from emulator.rehearsal.identities import DEVELOPER, PLATFORM
from emulator.state.ids import parse_id
from infra.roles import READER
from policy import subject as kinds
from policy.gates import RULED, Gate
from policy.judge import today_utc
from tests.integration.jobs.conftest import Place, platform, write_story
from tests.integration.jobs.finished import finish
from tests.integration.jobs.test_saved_plan import require_schema
from tests.unit.infra.test_policy_pack import thing

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
STRANGER = "0a11ce00-0000-4000-8000-00000000beef"
POLICY = f"""\
rules:
  allowed_regions: [eastus2]
  minimum_tls: TLS1_2
  no_public_blobs: true
  rbac_vaults: true
  subscription_roles: [{PLATFORM[1]}]
  allowed_roles: [Reader, Azure AI Developer, Storage Blob Data Contributor]
  required_tags: [team]
  no_keys: true
  content_filter: true
  endpoint_owner: owner
  endpoint_sign_in: [aad]
  allowed_models: [Phi-4-mini-instruct]
  most_epochs: 3
  budget_required: true
  largest_budget: 50
  gates_required: true
"""
TAGS = {"team": "support", "owner": "support-team"}


def visible(gate: Gate) -> set[tuple[str, str, str]]:
    return {(one.rule, one.thing, one.field) for one in RULED if gate not in one.blind}


def test_every_ruled_field_of_azure_is_caught_live_or_listed_as_blind(place: Place) -> None:
    spec = write_story(place)
    finish(place, [spec])
    (place.folder / "foundry-policy.yaml").write_text(POLICY, encoding="utf-8")
    blind = place.tune("policy", str(spec), "--live")
    assert (blind.code, "It takes the role 'Reader'" in blind.said) == (4, True), blind.said
    place.emulator.control.assign(DEVELOPER[1], READER, place.group_id)
    make_the_rest(place)
    for type in ("", *kinds_of(place)):
        change(place, type, tags=TAGS)
    change(place, kinds.STORAGE, minimumTlsVersion="TLS1_2", allowBlobPublicAccess=False)
    change(place, kinds.ENDPOINT, authMode="AAD")
    assert live(place, spec) == set()

    change(place, kinds.STORAGE, minimumTlsVersion="TLS1_0", allowBlobPublicAccess=True)
    change(place, kinds.STORAGE, allowSharedKeyAccess=True, location="westus", tags={})
    change(place, kinds.VAULT, enableRbacAuthorization=False)
    change(place, kinds.INSIGHTS, DisableLocalAuth=False)
    change(place, kinds.AI_SERVICES, disableLocalAuth=False)
    change(place, kinds.WORKSPACE, identity=None)
    place.emulator.control.assign(STRANGER, OWNER, f"/subscriptions/{place.subscription}")
    place.emulator.control.assign(STRANGER, OWNER, place.group_id)
    change(
        place,
        kinds.ENDPOINT,
        location="westus",
        tags={},
        authMode="Key",
        contentSafety={"contentSafetyStatus": "Disabled"},
        modelSettings={"modelId": "azureml://registries/azureml/models/Phi-4"},
    )
    details = job_details(place)
    details["model"]["uri"] = "azureml://registries/azureml/models/Phi-4/versions/1"
    details["hyperParameters"]["num_train_epochs"] = "9"
    change(place, kinds.JOB, status="Running", fineTuningDetails=details)
    # The emulator's containers are private, whatever is asked for; the unit tests have that field.
    assert live(place, spec) == visible("live") - {("FT-P003", "container", "publicAccess")}


def test_every_ruled_field_of_a_spec_is_caught_before_a_saved_plan_is_done(place: Place) -> None:
    """Planned before there was a policy, and applied under one."""
    spec = write_story(place, epochs=4)
    text = spec.read_text(encoding="utf-8").replace("-mini-instruct", "")
    text = text.replace(
        "type: serverless_endpoint\n", "type: serverless_endpoint\nauth_mode: key\n"
    )
    off = "content_safety: disabled\njustification: a rehearsal of the rules\nlocation: westus3\n"
    text = text.replace("auth_mode: key\n", f"auth_mode: key\n{off}")
    other = f"""\
---
type: serverless_endpoint
name: {place.name}-base
model: azureml://registries/azureml/models/Phi-4
"""
    spec.write_text(text + other, encoding="utf-8")
    dear = write_story(place, name=f"{place.name}-dear", endpoint=False)
    with dear.open("a", encoding="utf-8") as file:
        file.write("budget: {max_usd: 51}\n")
    planned = place.tune("plan", str(spec), str(dear), "--out", "plan.json")
    assert (place.folder / "plan.json").exists(), planned.said
    (place.folder / "foundry-policy.yaml").write_text(POLICY, encoding="utf-8")
    refused = place.tune("apply", "plan.json", "--yes")
    assert refused.code == 3, refused.said
    said = place.tune("policy", str(spec), str(dear), "-o", "json")
    found = {caught(one, spec) for one in json.loads(said.out)["findings"]}
    assert found == {pair[:2] for pair in visible("saved plan")} == {p[:2] for p in visible("spec")}
    assert all(
        f"{one['file']}:{one['line']}" in refused.said for one in json.loads(said.out)["findings"]
    )
    assert all(rule in refused.said for rule, _ in found)
    assert place.jobs() == []


def caught(finding: dict[str, Any], spec: Path) -> tuple[str, str]:
    """A finding as the table of gates has it."""
    trained = finding["file"] != str(spec) or finding["line"] <= 7
    return finding["rule"], "training" if trained else "endpoint"


def test_a_saved_plan_is_refused_once_its_policy_is_another(place: Place) -> None:
    spec = write_story(place)
    policy = place.folder / "foundry-policy.yaml"
    policy.write_text("rules: {most_epochs: 10}\n", encoding="utf-8")
    planned = place.tune("plan", str(spec), "--out", "plan.json")
    assert planned.code == 0, planned.said
    policy.write_text("rules: {most_epochs: 9}\n", encoding="utf-8")
    moved = place.tune("apply", "plan.json", "--yes")
    assert (moved.code, "foundry-policy.yaml: " in moved.said) == (11, True), moved.said
    (place.folder / "other.yaml").write_text("rules: {most_epochs: 1}\n", encoding="utf-8")
    policy.write_text("rules: {most_epochs: 10}\n", encoding="utf-8")
    named = place.tune("apply", "plan.json", "--yes", "--policy", "other.yaml")
    assert named.code == 2, "the plan says by itself what it is held to"


def test_an_exception_holds_live_and_in_a_saved_plan_until_its_last_day(place: Place) -> None:
    spec = write_story(place)
    planned = place.tune("plan", str(spec), "--out", "plan.json")
    assert planned.code == 0, planned.said
    finish(place, [spec])
    place.emulator.control.assign(DEVELOPER[1], READER, place.group_id)
    place.emulator.control.assign(STRANGER, READER, place.group_id)
    given = place.tune(
        "policy", str(spec), "--live", "--policy", policy_with(place, -2), "-o", "json"
    )
    found = {(one["rule"], one["severity"]) for one in json.loads(given.out)["findings"]}
    assert {("FT-P006", "error"), ("FT-P011", "error")} <= found, given.said
    given = place.tune(
        "policy", str(spec), "--live", "--policy", policy_with(place, 60), "-o", "json"
    )
    answer = json.loads(given.out)
    require_schema("policy", answer)
    told = [one for one in answer["findings"] if one["severity"] == "error"]
    assert told == [], "whoever holds the role, and the endpoint by its document's name"
    assert {one["state"] for one in answer["exceptions"]} == {"holds"}

    # Planned when there was no policy; done under one whose exception is over.
    (place.folder / "foundry-policy.yaml").write_text(
        Path(policy_with(place, -2)).read_text("utf-8"), encoding="utf-8"
    )
    refused = place.tune("apply", "plan.json", "--yes")
    assert (refused.code, "the exception for" in refused.said) == (3, True), refused.said


def policy_with(place: Place, days: int) -> str:
    """A policy that the place breaks, and two exceptions that end in so many days."""
    until = today_utc() + timedelta(days=days)
    file = place.folder / f"policy{days}.yaml"
    file.write_text(
        f"""\
rules:
  allowed_roles: [Azure AI Developer, Storage Blob Data Contributor]
  endpoint_sign_in: [aad]
exceptions:
  - {{rule: endpoint_sign_in, of: {place.name}, reason: an old application, until: {until}}}
  - {{rule: allowed_roles, of: {STRANGER}, reason: an audit, until: {until}}}
  - {{rule: allowed_roles, of: {DEVELOPER[1]}, reason: a rehearsal, until: {until}}}
""",
        encoding="utf-8",
    )
    return str(file)


def test_what_says_no_place_is_held_to_the_region_of_its_project(place: Place) -> None:
    spec = write_story(place)
    policy = place.folder / "foundry-policy.yaml"
    policy.write_text("rules: {allowed_regions: [westus3]}\n", encoding="utf-8")
    assert place.tune("validate", str(spec)).code == 0, "no file says where the project is"
    planned = place.tune("plan", str(spec))
    assert (planned.code, "would be in the project's region" in planned.out) == (4, True)
    refused = place.tune("apply", str(spec), "--yes")
    assert (refused.code, "[FT-P001]" in refused.err) == (4, True), refused.said
    assert place.jobs() == []


def live(place: Place, spec: Path) -> set[tuple[str, str, str]]:
    """What `policy --live` finds, without the spec's own, as the table of gates has it."""
    ran = place.tune("policy", str(spec), "--live", "-o", "json")
    assert ran.code in {0, 3}, ran.said
    answer = json.loads(ran.out)
    require_schema("policy", answer)
    found: set[tuple[str, str, str]] = set()
    for one in answer["findings"]:
        if one["file"] != str(spec):
            found.add((one["rule"], thing(one["rule"], type_of(one["file"])), one["path"]))
    return found


def type_of(place: str) -> str:
    """The type in what a finding says of an ARM id."""
    if place.startswith("job/"):
        return kinds.JOB
    _, _, inner = place.rpartition("/providers/")
    parts = inner.lower().split("/")
    return "/".join([parts[0], *parts[1::2]])


def kinds_of(place: Place) -> set[str]:
    every = place.emulator.cloud.resources.below(parse_id(place.group_id))
    return {one.type.lower() for one in every if one.body.get("location")}


def make_the_rest(place: Place) -> None:
    """What a stack has and jobs don't need."""
    logs = f"{place.group_id}/providers/Microsoft.OperationalInsights/workspaces/log-policy"
    insights = f"{place.group_id}/providers/Microsoft.Insights/components/appi"
    properties = {
        "Application_Type": "web",
        "DisableLocalAuth": True,
        "WorkspaceResourceId": logs,
        "IngestionMode": "LogAnalytics",
    }
    body: dict[str, Any] = {"location": "eastus2", "properties": {"sku": {"name": "PerGB2018"}}}
    platform(place).put(logs, "2023-09-01", body, "make the logs")
    body = {"location": "eastus2", "kind": "web", "properties": properties}
    platform(place).put(insights, "2020-02-02", body, "make insights")
    name = f"ais-{place.subscription[:8]}"
    account = f"{place.group_id}/providers/Microsoft.CognitiveServices/accounts/{name}"
    body = {
        "location": "eastus2",
        "kind": "AIServices",
        "sku": {"name": "S0"},
        "properties": {"customSubDomainName": name, "disableLocalAuth": True},
    }
    platform(place).put(account, "2024-10-01", body, "make AI Services")


def change(place: Place, type: str, **fields: Any) -> None:
    """Change the stored resources of a type: the group where none is named."""
    store = place.emulator.cloud.resources
    every = [store.get(place.group_id)] if not type else store.below(parse_id(place.group_id))
    for one in every:
        if one is None or (type and one.type.lower() != type):
            continue
        outer = {k: v for k, v in fields.items() if k in ("location", "tags", "identity")}
        inner = {k: v for k, v in fields.items() if k not in outer}
        store.put(
            replace(
                one.with_properties(**inner), body={**one.with_properties(**inner).body, **outer}
            )
        )


def job_details(place: Place) -> dict[str, Any]:
    store = place.emulator.cloud.resources
    (job,) = [one for one in store.below(parse_id(place.group_id)) if one.type.lower() == kinds.JOB]
    return json.loads(json.dumps(job.properties["fineTuningDetails"]))
