"""The platform team's file against Azure: saved plans are held to the policy they came under."""

from tests.integration.jobs.conftest import Place, write_story

POLICY = "rules: {most_epochs: 10, content_filter: true}\n"


def test_a_saved_plan_is_refused_once_its_policy_is_another(place: Place) -> None:
    spec = write_story(place)
    policy = place.folder / "foundry-policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    planned = place.tune("plan", str(spec), "--out", "plan.json")
    assert planned.code == 0, planned.said
    policy.write_text(POLICY.replace("10", "9"), encoding="utf-8")
    moved = place.tune("apply", "plan.json", "--yes")
    assert (moved.code, "foundry-policy.yaml: " in moved.said) == (11, True), moved.said
    (place.folder / "other.yaml").write_text("rules: {most_epochs: 1}\n", encoding="utf-8")
    policy.write_text(POLICY, encoding="utf-8")
    named = place.tune("apply", "plan.json", "--yes", "--policy", "other.yaml")
    assert named.code == 2, "the plan says by itself what it is held to"
