"""What a plan decides, from plain values: nothing is asked or changed here."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from jobs import revision
from jobs.files import Digest
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.pointers import Pointer
from jobs.foundry.projects import Project
from jobs.foundry.subscription import Usage
from jobs.money.price import UnitPrice
from jobs.plan.actual import Actual
from jobs.plan.decide import decide
from jobs.plan.desired import Desired, Measuring, Serving, Training
from jobs.plan.plan import Plan
from jobs.plan.preflight import asking_checks, quota_check
from jobs.plan.report import answer
from jobs.plan.report.refusals import refusals
from jobs.plan.steps import Action, Change, EndpointStep, JobStep
from jobs.plan.undertaking import DataVersion
from jobs.read.examine import CheckedSpecs
from jobs.spec.models import Evaluation, FineTuning, Hyperparameters, ServerlessEndpoint

BASE = "azureml://registries/azureml/models/Phi-4-mini-instruct"
PROJECT = Project(
    id="/projects/p",
    name="p",
    location="eastus2",
    kind="Project",
    workspace_id="guid",
    discovery_url="",
    hub_id="",
)
EMPTY = Actual(
    project=PROJECT, jobs=(), data={}, models={}, next_versions={}, endpoints={}, pointers={}
)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REVISION = "xbox-0123456789"


# ── the first time ──────────────────────────────────────────────────────────────────────────────


def test_everything_is_created_where_nothing_is() -> None:
    plan = planned(desired(), EMPTY)
    assert [(a.kind, a.type, a.name) for a in plan.actions] == [
        ("create", "data", "xbox-train:aaaaaaaaaa"),
        ("create", "data", "xbox-valid:bbbbbbbbbb"),
        ("create", "finetuning", "xbox-0123456789"),
        ("create", "model", "xbox:1"),
        ("create", "endpoint", REVISION),
        ("create", "evaluation", "xbox"),
        ("create", "connection", "xbox"),
    ]
    assert [training.name for training in plan.starts_training] == ["xbox"]
    assert [serving.name for serving in plan.opens_endpoints] == ["xbox"]


def test_each_step_waits_for_what_it_needs_and_for_nothing_else() -> None:
    two = Desired(
        trainings=(training(), training("other")),
        servings=(serving(), serving("other")),
        measurings=(),
    )
    needs = {
        (step.action.type, step.action.name): [need.action.name for need in step.needs]
        for step in planned(two, EMPTY).steps
    }
    assert needs["finetuning", "other-0123456789"] == [
        "other-train:aaaaaaaaaa",
        "other-valid:bbbbbbbbbb",
    ]
    assert needs["model", "other:1"] == ["other-0123456789"]
    assert needs["endpoint", "other-0123456789"] == ["other:1"]
    assert needs["connection", "other"] == ["other-0123456789"]


# ── again ───────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_done_where_all_is_as_asked() -> None:
    plan = planned(desired(), done())
    assert plan.is_empty
    assert {action.kind for action in plan.actions} == {"unchanged"}


def test_what_keeping_the_revision_before_costs_is_said_where_a_price_is_known() -> None:
    hour = UnitPrice("hosting", 0.74, is_floor=False, words="")
    wanted = desired(training(epochs=5, revision="fedcba9876"))
    [serves] = wanted.servings
    spec = structs.replace(serves.spec, keep_previous="24h")
    wanted = replace(wanted, servings=(replace(serves, spec=spec, hosting=hour),))
    _, old = [a for a in planned(wanted, done()).actions if a.type == "endpoint"]
    assert old.note == "kept 24h after that, and billed: 17.76 USD"


def test_a_job_on_its_way_is_adopted() -> None:
    running = replace(EMPTY, jobs=(job(status="Running"),))
    step = job_step(planned(desired(), running))
    assert (step.action.kind, step.action.note) == ("unchanged", "Running, adopted")
    assert step.job is not None


def test_one_changed_hyperparameter_is_exactly_what_the_plan_shows() -> None:
    changed = desired(training(epochs=5, revision="fedcba9876"))
    plan = planned(changed, done())
    step = job_step(plan)
    assert step.action.kind == "replace"
    assert step.action.name == "xbox-0123456789 -> xbox-fedcba9876"
    assert step.action.changes == (Change("hyperparameters.epochs", "3", "5"),)
    assert action(plan, "model").name == "xbox:2"
    new, old = [a for a in plan.actions if a.type == "endpoint"]
    assert (new.kind, new.name) == ("create", "xbox-fedcba9876")
    assert (old.kind, old.name, old.note) == (
        "unchanged",
        REVISION,
        "kept 1h after that, and billed",
    )
    moved = action(plan, "connection")
    assert moved.changes == (Change("endpoint", REVISION, "xbox-fedcba9876"),)


# ── which revision serves ───────────────────────────────────────────────────────────────────────


def test_what_an_earlier_version_made_by_the_name_itself_is_taken_over() -> None:
    old = replace(done(), endpoints={"xbox": endpoint("xbox")}, pointers={})
    plan = planned(desired(), old)
    assert action(plan, "endpoint").kind == "unchanged"
    assert action(plan, "connection").kind == "create"
    changed = planned(desired(training(epochs=5, revision="fedcba9876")), old)
    kinds = [(a.kind, a.name) for a in changed.actions if a.type == "endpoint"]
    assert kinds == [("create", "xbox-fedcba9876"), ("unchanged", "xbox")]


@pytest.mark.parametrize(
    ("minutes", "kind", "note"),
    [
        (-1, "delete", "no name follows it"),
        (30, "unchanged", "kept until 2026-11-23 12:30 UTC, and billed"),
    ],
)
def test_the_revision_before_stays_until_its_time_is_over(
    minutes: int, kind: str, note: str
) -> None:
    before = endpoint("xbox-fedcba9876")
    until = (NOW + timedelta(minutes=minutes)).isoformat()
    there = replace(
        done(),
        endpoints={REVISION: endpoint(), before.name: before},
        pointers={"xbox": replace(pointer(), previous=before.name, kept_until=until)},
    )
    plan = planned(desired(), there)
    [left] = [a for a in plan.actions if a.name == before.name]
    assert (left.kind, left.note) == (kind, note)
    assert plan.is_empty == (kind == "unchanged")
    asked = answer.question(plan)
    assert ("deletes 1 endpoint of earlier revisions" in asked) == (kind == "delete")


def test_an_endpoint_that_another_run_may_be_making_is_left_for_an_hour() -> None:
    fresh = replace(endpoint("xbox-fedcba9876"), created="2026-11-23T11:30:00.1234567Z")
    there = replace(done(), endpoints={REVISION: endpoint(), fresh.name: fresh})
    assert planned(desired(), there).is_empty
    old = replace(fresh, created="2026-11-23T10:59:00Z")
    there = replace(done(), endpoints={REVISION: endpoint(), old.name: old})
    assert planned(desired(), there).count("delete") == 1


def test_what_was_rolled_back_is_not_promoted_again_by_an_apply() -> None:
    there = replace(
        done(), pointers={"xbox": replace(pointer("xbox-fedcba9876"), withdrawn=REVISION)}
    )
    blocked = action(planned(desired(), there), "connection")
    assert (blocked.kind, blocked.next_step) == (
        "blocked",
        "Change the spec, or serve it after all: foundry-tune promote xbox",
    )
    assert blocked.rule == "FT-R011"


def test_an_address_that_somebody_edited_is_put_right() -> None:
    edited = replace(done(), pointers={"xbox": replace(pointer(), target="https://elsewhere")})
    assert action(planned(desired(), edited), "connection").kind == "update"


def test_numbers_that_azure_spells_differently_are_no_change() -> None:
    spelled = replace(
        done(),
        jobs=(job(wire={"learning_rate": "2e-05", "num_train_epochs": "3.0"}),),
    )
    changed = desired(training(epochs=5, revision="fedcba9876"))
    fields = [change.field for change in job_step(planned(changed, spelled)).action.changes]
    assert fields == ["hyperparameters.epochs"]


def test_changed_data_is_shown_as_data() -> None:
    other = replace(data("train"), version="cccccccccc", digest=Digest("c" * 64, b"c" * 16, 9))
    changed = desired(replace(training(revision="fedcba9876"), training=other))
    changes = job_step(planned(changed, done())).action.changes
    assert changes == (Change("training_data", "xbox-train:aaaaaaaaaa", "xbox-train:cccccccccc"),)


def test_data_of_a_finished_job_is_not_uploaded_again() -> None:
    without_data = replace(done(), data={})
    assert planned(desired(), without_data).is_empty


# ── jobs that can't give a model ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["Failed", "Canceled", "NotResponding"])
def test_a_job_that_ended_badly_blocks_until_retraining_is_asked_for(status: str) -> None:
    bad = replace(EMPTY, jobs=(job(status=status),))
    blocked = job_step(planned(desired(), bad))
    assert blocked.action.kind == "blocked"
    assert "--retrain" in blocked.action.next_step
    assert blocked.action.rule == "FT-R007"
    again = job_step(planned(desired(), bad, retrain=True))
    assert (again.action.kind, again.job_name, again.job) == ("replace", "xbox-0123456789-2", None)


def test_a_completed_job_without_its_model_is_not_silently_paid_twice() -> None:
    gone = replace(done(), models={"xbox": ()}, endpoints={})
    plan = planned(desired(), gone)
    assert job_step(plan).action.note == "completed, but its model was deleted"
    assert {a.type for a in plan.blocked} == {
        "finetuning",
        "model",
        "endpoint",
        "evaluation",
        "connection",
    }
    assert {a.rule for a in plan.blocked} == {"FT-R007"}, (
        "what waits is blocked by what it waits for"
    )
    [job, *waiting] = refusals(plan)
    assert (job.rule, "model was deleted" in job.message) == ("FT-R007", True)
    assert waiting[0].message == "model 'xbox' needs the job."


def test_a_second_attempt_is_found_again_without_being_asked_for() -> None:
    second = job(name="xbox-0123456789-2", status="Running")
    found = replace(EMPTY, jobs=(second, job(status="Failed")))
    step = job_step(planned(desired(), found))
    assert (step.action.kind, step.job) == ("unchanged", second)


def test_retraining_trains_nothing_that_is_fine() -> None:
    assert planned(desired(), done(), retrain=True).is_empty


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def test_a_filter_that_somebody_switched_off_is_a_change() -> None:
    off = with_endpoint(replace(endpoint(), content_safety="Disabled"))
    found = action(planned(desired(), off), "endpoint")
    assert (found.kind, found.changes) == (
        "update",
        (Change("content_safety", "Disabled", "Enabled"),),
    )


def test_a_filter_that_azure_does_not_mention_is_not_taken_for_on() -> None:
    silent = with_endpoint(replace(endpoint(), content_safety=""))
    changes = action(planned(desired(), silent), "endpoint").changes
    assert changes == (Change("content_safety", "unknown", "Enabled"),)


def test_an_endpoint_without_its_proof_has_to_be_proven() -> None:
    tags = {revision.TAG_SPEC: "xbox"}
    unproven = with_endpoint(replace(endpoint(), tags=tags))
    found = action(planned(desired(), unproven), "endpoint")
    assert (found.kind, found.note) == (
        "update",
        "to be proven: the filter's probes and the smoke tests",
    )


def test_other_probes_ask_for_another_proof() -> None:
    newer = Desired(
        trainings=(training(),),
        servings=(replace(serving(), probes_digest="newer"),),
        measurings=(),
    )
    assert action(planned(newer, done()), "endpoint").kind == "update"


def test_an_endpoint_that_failed_is_made_anew() -> None:
    failed = with_endpoint(replace(endpoint(), provisioning_state="Failed"))
    assert action(planned(desired(), failed), "endpoint").kind == "replace"


def test_somebody_elses_endpoint_is_not_taken_over() -> None:
    base = "azureml://registries/azureml/models/Phi-4-mini-instruct"
    theirs = with_endpoint(replace(endpoint(), tags={"team": "other"}, model_id=base))
    found = action(planned(desired(), theirs), "endpoint")
    assert found.kind == "blocked"
    assert "foundry-tune didn't make it" in found.note
    assert found.rule == "FT-R010"
    assert refusals(planned(desired(), theirs))[0].rule == "FT-R010"
    assert refusals(planned(desired(), EMPTY)) == refusals(planned(desired(), done())) == []


def test_a_quota_that_is_used_up_is_refused_by_a_rule() -> None:
    full = Usage(name="Serverless endpoints", used=5, limit=5)
    other = Usage(name="Standard DSv2 Family vCPUs", used=9, limit=9)
    found = quota_check([other, full])
    assert (found.status, found.rule) == ("fail", "FT-R003")
    assert quota_check([other, replace(full, used=4)]).status == "pass"
    assert quota_check([other]).status == "unverified"


def test_an_evaluation_of_nothing_is_refused_by_a_rule() -> None:
    (check,) = asking_checks((measuring(),), (), EMPTY)
    assert (check.status, check.rule) == ("fail", "FT-R004")
    assert asking_checks((measuring(),), (serving(),), EMPTY) == []


def test_an_endpoint_that_serves_our_model_is_ours_though_its_tags_were_wiped() -> None:
    wiped = with_endpoint(replace(endpoint(), tags={}))
    assert action(planned(desired(), wiped), "endpoint").kind == "update"


def test_an_evaluation_of_a_new_endpoint_runs_again() -> None:
    unproven = with_endpoint(replace(endpoint(), content_safety="Disabled"))
    assert action(planned(desired(), unproven), "evaluation").kind == "create"


# ── values to decide on ─────────────────────────────────────────────────────────────────────────


def data(role: str, owner: str = "xbox") -> DataVersion:
    letter = {"train": "a", "valid": "b"}[role]
    return DataVersion(
        name=f"{owner}-{role}",
        version=letter * 10,
        digest=Digest(letter * 64, letter.encode() * 16, 1000),
        path=Path(f"{role}.jsonl"),
        owner=owner,
    )


def training(name: str = "xbox", *, epochs: int = 3, revision: str = "0123456789") -> Training:
    return Training(
        spec=FineTuning(
            name=name,
            model=BASE,
            training_data="train.jsonl",
            validation_data="valid.jsonl",
            hyperparameters=Hyperparameters(epochs=epochs, learning_rate=2e-5),
        ),
        revision=revision,
        training=data("train", name),
        validation=data("valid", name),
    )


def serving(name: str = "xbox") -> Serving:
    return Serving(
        spec=ServerlessEndpoint(name=name, model=f"${{{{ finetuning.{name}.registered_model }}}}"),
        training=training(name),
        model_path="",
        probes=(),
        probes_digest="probes",
    )


def measuring() -> Measuring:
    return Measuring(
        spec=Evaluation(name="xbox", endpoint="xbox", data="test.jsonl"),
        endpoint="xbox",
        references={},
        path=Path("test.jsonl"),
        sha256="e" * 64,
        folder=Path(),
    )


def desired(of: Training | None = None) -> Desired:
    trained = of or training()
    return Desired(
        trainings=(trained,),
        servings=(replace(serving(), training=trained),),
        measurings=(measuring(),),
    )


def job(
    *,
    name: str = "xbox-0123456789",
    status: str = "Completed",
    wire: dict[str, str] | None = None,
) -> Job:
    sent = {
        "num_train_epochs": "3",
        "per_device_train_batch_size": "1",
        "learning_rate": "0.00002",
    }
    return Job(
        id=f"/jobs/{name}",
        name=name,
        type="FineTuning",
        status=status,
        created="2026-11-23T09:00:00Z",
        created_by="somebody",
        tags={revision.TAG_SPEC: "xbox"},
        base_model=BASE,
        training_data="/workspaces/p/data/xbox-train/versions/aaaaaaaaaa",
        validation_data="/workspaces/p/data/xbox-valid/versions/bbbbbbbbbb",
        hyperparameters=sent | (wire or {}),
        registered_model="xbox",
        studio_url="",
    )


def endpoint(name: str = REVISION) -> Endpoint:
    model = "azureml://locations/eastus2/workspaces/guid/models/xbox/versions/1"
    return Endpoint(
        id=f"/endpoints/{name}",
        name=name,
        model_id=model,
        content_safety="Enabled",
        auth_mode="Key",
        provisioning_state="Succeeded",
        state="Online",
        uri=f"https://{name}.eastus2.models.ai.azure.com",
        tags={
            revision.TAG_SPEC: "xbox",
            revision.TAG_PROOF: serving().proof("xbox:1"),
            f"{revision.TAG_EVALUATION}.xbox": measuring().mark("xbox:1"),
        },
        created="2026-11-23T09:10:00Z",
    )


def pointer(name: str = REVISION) -> Pointer:
    return Pointer(
        name="xbox",
        target=f"https://{name}.eastus2.models.ai.azure.com",
        spec="xbox",
        endpoint=name,
        model="xbox:1",
        previous="",
        kept_until="",
        withdrawn="",
        served=(),
    )


def done() -> Actual:
    model = ModelVersion(
        id="/models/xbox/versions/1",
        name="xbox",
        version="1",
        job="xbox-0123456789",
        description="",
        created="",
        tags={},
        properties={},
    )
    return Actual(
        project=PROJECT,
        jobs=(job(),),
        data={one.label: "active" for one in (data("train"), data("valid"))},
        models={"xbox": (model,)},
        next_versions={"xbox": "2"},
        endpoints={REVISION: endpoint()},
        pointers={"xbox": pointer()},
    )


def with_endpoint(one: Endpoint) -> Actual:
    return replace(done(), endpoints={one.name: one})


def planned(desired: Desired, actual: Actual, *, retrain: bool = False) -> Plan:
    """The plan of what is asked for, with nothing said of files and preflight."""
    return Plan(
        specs=CheckedSpecs(files=(), stories=(), data={}, findings=(), ignored=0),
        desired=desired,
        actual=actual,
        steps=decide(desired, actual, now=NOW, retrain=retrain),
        checks=(),
        today=date(2026, 11, 23),
    )


def action(plan: Plan, type: str) -> Action:
    return next(found for found in plan.actions if found.type == type)


def job_step(plan: Plan) -> JobStep:
    return next(step for step in plan.steps if isinstance(step, JobStep))


def test_the_steps_of_a_plan_carry_what_apply_needs() -> None:
    step = next(s for s in planned(desired(), done()).steps if isinstance(s, EndpointStep))
    assert step.endpoint is not None
