"""What a report says first: where a revision stands, and what speaks for or against it."""

from dataclasses import replace

import pytest

from jobs import revision
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.online import Deployment, Managed, Online
from jobs.foundry.pointers import Pointer
from jobs.look.revisions import Revision
from jobs.report.judgement import Standing, judged
from jobs.report.report import Absent, Ground, InDepth
from tests.unit.jobs import reports

JOB = Job(
    id="",
    name="x-0123456789",
    type="FineTuning",
    status="Completed",
    created="2026-01-01T00:00:00Z",
    created_by="",
    tags={revision.TAG_HASH: "0123456789"},
    base_model="",
    training_data="",
    validation_data="",
    hyperparameters={},
    registered_model="x",
    studio_url="",
)
MODEL = ModelVersion(
    id="", name="x", version="1", job=JOB.name, description="", created="", tags={}, properties={}
)
ENDPOINT = Endpoint(
    id="",
    name="x-0123456789",
    model_id="azureml://locations/l/workspaces/w/models/x/versions/1",
    content_safety="Enabled",
    auth_mode="Key",
    provisioning_state="Succeeded",
    state="Online",
    uri="https://x",
    tags={},
    created="2026-01-01T00:00:00Z",
)
POINTER = Pointer(
    name="x",
    target="",
    spec="x",
    endpoint="x-another",
    model="x:2",
    previous="",
    kept_until="",
    withdrawn="",
    served=(),
)
UNTRIED = Absent("nobody tried.")
TOLD = Revision(job=JOB, model=MODEL, is_served=False, since="", changes=None)


def standing(
    told: Revision = TOLD, endpoint: Endpoint | None = None, pointer: Pointer | None = None
) -> Standing:
    return Standing(name="x", revision=told, endpoint=endpoint, pointer=pointer)


def marked() -> Endpoint:
    tags = {revision.TAG_PROBED: ENDPOINT.probed_mark, revision.TAG_READY: ENDPOINT.ready_mark}
    return replace(ENDPOINT, tags=tags)


@pytest.mark.parametrize(
    ("where", "word", "sentence"),
    [
        (
            standing(replace(TOLD, model=None, job=replace(JOB, status="Running"))),
            "in training",
            "job x-0123456789 is Running.",
        ),
        (
            standing(replace(TOLD, model=None, job=replace(JOB, status="Failed"))),
            "no model",
            "job x-0123456789 is Failed, and no model of it is there.",
        ),
        (standing(), "not served", "x:1 is there, and no endpoint serves it."),
        (
            standing(endpoint=ENDPOINT),
            "not ready",
            "endpoint x-0123456789 is there, and not everything asked has held.",
        ),
        (
            standing(endpoint=marked()),
            "ready",
            "everything asked of it has held, and no name leads to it yet.",
        ),
        (
            standing(endpoint=marked(), pointer=POINTER),
            "ready",
            "everything asked of it has held; 'x' leads to x-another.",
        ),
        (
            standing(
                replace(TOLD, is_served=True, since="2026-01-02T03:04:05+00:00"), endpoint=marked()
            ),
            "serves",
            "'x' leads to it since 2026-01-02 03:04 UTC.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_revision_is_told_by_where_it_stands(where: Standing, word: str, sentence: str) -> None:
    told = judged(where, Absent("nobody asked."), UNTRIED)
    assert (told.word, told.sentence) == (word, sentence)


def test_what_serves_is_good_only_where_filter_job_and_gates_hold() -> None:
    serves = replace(TOLD, is_served=True)
    holds = replace(reports.measured(3), gates=(Ground(True, "a"), Ground(None, "b")))
    misses = replace(holds, gates=(Ground(False, "a"),))
    assert judged(standing(serves, marked()), [holds], UNTRIED).is_good
    assert not judged(standing(serves, marked()), [misses], UNTRIED).is_good
    assert not judged(standing(serves, ENDPOINT), [holds], UNTRIED).is_good
    unfiltered = replace(marked(), content_safety="Disabled")
    assert not judged(standing(serves, unfiltered), [holds], UNTRIED).is_good
    assert not judged(standing(endpoint=None), [holds], UNTRIED).is_good
    tight = InDepth(source="safety.json", rows=(), leaks=0, over_blocking=0)
    assert judged(standing(serves, marked()), [holds], tight).is_good
    assert not judged(standing(serves, marked()), [holds], replace(tight, leaks=1)).is_good


def test_a_filter_that_azure_does_not_tell_of_is_not_called_on() -> None:
    silent = replace(marked(), content_safety="")
    [_, ground, *_] = judged(standing(endpoint=silent), [reports.measured(3)], UNTRIED).grounds
    assert (ground.held, ground.text) == (
        False,
        "the content filter of x-0123456789 is not known to be on",
    )


def test_an_online_endpoint_that_has_its_model_is_told_of() -> None:
    deployment = Deployment(
        name="r-1",
        endpoint="calls",
        model="/models/x/versions/1",
        provisioning_state="Succeeded",
        instance_type="Standard_DS3_v2",
        instance_count="1",
        tags={revision.TAG_SPEC: "calls", revision.TAG_PROOF: "p", revision.TAG_READY: "p"},
        created="2026-01-01T00:00:00Z",
    )
    endpoint = Online(
        name="calls",
        auth_mode="Key",
        provisioning_state="Succeeded",
        uri="",
        traffic={"r-1": 100},
        tags={},
        created="",
    )
    serving = Managed(endpoint=endpoint, deployments=(deployment,))
    idle = replace(serving, endpoint=replace(endpoint, traffic={}))
    unproven = replace(idle, deployments=(replace(deployment, tags={}),))
    found = [
        judged(replace(standing(), deployed=(one,)), Absent("none."), UNTRIED)
        for one in (serving, idle, unproven)
    ]
    assert [one.word for one in found] == ["serves", "ready", "not ready"]
    assert found[0].sentence == "online endpoint 'calls' sends its calls to it; Azure filters none."
