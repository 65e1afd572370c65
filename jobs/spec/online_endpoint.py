"""Managed online endpoints as `az ml` has them: an endpoint and its one deployment together."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from jobs.spec.budget import Budget
from jobs.spec.document import Document, Part


class CodeConfiguration(Part, frozen=True, kw_only=True):
    """The scoring script, and the folder that it lies in."""

    code: Annotated[str, Meta(description="A folder, relative to the spec.")]
    scoring_script: Annotated[
        str,
        Meta(description="A Python file in it with init() and run(raw_data).", pattern=r"^.+\.py$"),
    ]


class RequestSettings(Part, frozen=True, kw_only=True):
    """How calls are taken."""

    request_timeout_ms: Annotated[
        int, Meta(description="How long a call may take.", ge=1, le=180_000)
    ] = 5000
    max_concurrent_requests_per_instance: Annotated[
        int, Meta(description="Calls at a time on each machine.", ge=1)
    ] = 1
    max_queue_wait_ms: Annotated[
        int | None, Meta(description="How long a call may wait for its turn; Azure's own.")
    ] = None


class ProbeSettings(Part, frozen=True, kw_only=True):
    """How Azure looks whether a deployment is alive; times in seconds."""

    initial_delay: Annotated[int, Meta(description="Before the first look.", ge=1)] = 10
    period: Annotated[int, Meta(description="Between looks.", ge=1)] = 10
    timeout: Annotated[int, Meta(description="How long a look may take.", ge=1)] = 2
    success_threshold: Annotated[
        int, Meta(description="Good looks before it counts as alive.", ge=1)
    ] = 1
    failure_threshold: Annotated[
        int, Meta(description="Bad looks before it counts as dead.", ge=1)
    ] = 30


class ScoringExpectation(Part, frozen=True, kw_only=True):
    """What an answer must be like; a member of a JSON answer, or all of it."""

    status: Annotated[int, Meta(description="The HTTP status.", ge=100, le=599)] = 200
    equals: Annotated[Any, Meta(description="What the JSON answer, or its member, must be.")] = None
    at: Annotated[
        str | None,
        Meta(description="A member of the answer, as labels.0.name; all of it where left out."),
    ] = None
    contains: Annotated[
        str | tuple[str, ...] | None, Meta(description="Words it must hold, in any case.")
    ] = None
    excludes: Annotated[
        str | tuple[str, ...] | None, Meta(description="Words it must not hold, in any case.")
    ] = None
    matches: Annotated[str | None, Meta(description="A regular expression found in it.")] = None
    at_least: Annotated[
        float | None, Meta(description="What a number must reach, as a probability.")
    ] = None
    filtered: Annotated[
        bool,
        Meta(description="Azure AI Content Safety must refuse it (content_safety: client_side)."),
    ] = False


class ScoringTest(Part, frozen=True, kw_only=True):
    """A request that a deployment must answer before it gets any traffic."""

    request: Annotated[Any, Meta(description="The body, sent as JSON.")]
    expect: Annotated[ScoringExpectation, Meta(description="What the answer must be like.")] = (
        ScoringExpectation()
    )


class OnlineEndpoint(Document, frozen=True, kw_only=True):
    """A managed online endpoint: your scoring script with a model on machines of Azure's."""

    type: Literal["online_endpoint"] = "online_endpoint"
    model: Annotated[
        str,
        Meta(
            description="${{ command.<name>.registered_model }}, or that of a training, or "
            "azureml:<name>:<version>."
        ),
    ]
    code_configuration: Annotated[
        CodeConfiguration | None,
        Meta(
            description="The code that loads the model and answers; foundry-tune's own script for "
            "the model of a training, where left out."
        ),
    ] = None
    environment: Annotated[
        str | None,
        Meta(
            description="azureml:name:version, azureml:name@latest, or a registry's; that of the "
            "training whose model it is, where left out."
        ),
    ] = None
    environment_variables: Annotated[
        dict[str, str], Meta(description="What the script sees in os.environ.")
    ] = field(default_factory=dict[str, str])
    instance_type: Annotated[
        str,
        Meta(
            description="The machine, such as Standard_DS3_v2.",
            pattern=r"^[Ss]tandard_[A-Za-z0-9_-]+$",
        ),
    ]
    instance_count: Annotated[int, Meta(description="How many of them.", ge=1, le=500)] = 1
    auth_mode: Annotated[
        Literal["key", "aad_token", "aml_token"], Meta(description="How callers sign in.")
    ] = "key"
    request_settings: Annotated[RequestSettings, Meta(description="How calls are taken.")] = (
        RequestSettings()
    )
    liveness_probe: Annotated[
        ProbeSettings, Meta(description="How Azure sees that it is alive.")
    ] = ProbeSettings()
    readiness_probe: Annotated[
        ProbeSettings, Meta(description="How Azure sees that it may be asked.")
    ] = ProbeSettings()
    app_insights_enabled: Annotated[
        bool, Meta(description="Whether the deployment writes to Application Insights.")
    ] = False
    smoke_tests: Annotated[
        tuple[ScoringTest, ...], Meta(description="Requests it must answer before it gets traffic.")
    ] = ()
    content_safety: Annotated[
        Literal["client_side", "none", "enabled"],
        Meta(
            description="client_side: what foundry-tune asks and is answered is judged by Azure AI "
            "Content Safety. Azure has no filter in front of such an endpoint, so what your "
            "applications send is NOT filtered unless they ask Content Safety themselves."
        ),
    ] = "none"
    budget: Annotated[
        Budget | None,
        Meta(description="What it may cost: machines, by the hour, until it is taken down."),
    ] = None

    kind = "online_endpoint"
