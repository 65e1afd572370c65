"""What every document of a spec file has, and what the two kinds of Azure ML jobs share.

The models are frozen msgspec structures that refuse unknown fields, and not pydantic models:
importing pydantic alone costs more than checking a spec, and `jobs.spec.shape` finds every mistake
at once anyway. Their descriptions are the documentation, in editors too (`foundry-tune schema`).
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Tags = dict[str, str | None]
Text = Annotated[str, Meta(description="What it is for.", max_length=4000)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mapping in a spec. Unknown fields are refused: a typo must not pass for a setting."""


class Ignore(Part, frozen=True, kw_only=True):
    """A rule that this document's author has looked at and silences."""

    rule: Annotated[str, Meta(description="The rule's id, such as FT-D031.")]
    reason: Annotated[str, Meta(description="Why it does not matter here.", min_length=3)]
    until: Annotated[
        str | None, Meta(description="The last day on which it is silenced, as 2026-12-31.")
    ] = None


class Document(Part, frozen=True, kw_only=True):
    """What every document of a spec file has."""

    schema: Annotated[str | None, Meta(description="The editor's schema line.")] = field(
        default=None, name="$schema"
    )
    name: Annotated[str, Meta(description="What it is called; the file's name where left out.")] = (
        ""
    )
    description: Text | None = None
    tags: Annotated[Tags | None, Meta(description="Tags for the Azure resource.")] = None
    properties: Annotated[Tags | None, Meta(description="Properties for the Azure resource.")] = (
        None
    )
    ignore: Annotated[
        tuple[Ignore, ...],
        Meta(description="Rules that are silenced for this document and its data."),
    ] = ()

    kind = "document"
    """The document's type as `${{ kind.name }}` and the YAML's `type:` say it."""

    @property
    def reference(self) -> str:
        """How messages and the graph name it: `finetuning.xbox-support`."""
        return f"{self.kind}.{self.name}"


class QueueSettings(Part, frozen=True, kw_only=True):
    """Queue settings of `az ml`."""

    job_tier: Annotated[
        Literal["null", "spot", "basic", "standard", "premium"] | None,
        Meta(description="spot is cheaper and may be interrupted."),
    ] = None
    priority: Annotated[
        Literal["low", "medium", "high"] | None, Meta(description="Before or after other jobs.")
    ] = None


class Identity(Part, frozen=True, kw_only=True):
    """Whose identity the job uses."""

    type: Annotated[
        Literal["managed", "managed_identity", "aml_token", "user_identity"],
        Meta(description="The kind of identity."),
    ]
    client_id: Annotated[str | None, Meta(description="Its client id.")] = None
    object_id: Annotated[str | None, Meta(description="Its object id.")] = None
    msi_resource_id: Annotated[str | None, Meta(description="Its ARM id.")] = None


class Service(Part, frozen=True, kw_only=True):
    """An interactive service of a job."""

    type: Annotated[str | None, Meta(description="ssh, jupyter_lab, tensor_board or vs_code.")] = (
        None
    )
    port: Annotated[int | None, Meta(description="Its port.")] = None
    nodes: Annotated[str | None, Meta(description="Which machines have it.")] = None
    log_dir: Annotated[str | None, Meta(description="The folder that TensorBoard shows.")] = None
    ssh_public_keys: Annotated[str | None, Meta(description="Who may come in.")] = None
    properties: Annotated[
        dict[str, Any] | None, Meta(description="Settings that have no word of their own.")
    ] = None


class JobDocument(Document, frozen=True, kw_only=True):
    """What fine-tuning and command jobs have in common in `az ml`."""

    display_name: Annotated[str | None, Meta(description="The name people see.")] = None
    experiment_name: Annotated[str | None, Meta(description="Groups jobs in the studio.")] = None
    compute: Annotated[str | None, Meta(description="azureml:<compute>; left out: serverless.")] = (
        None
    )
    identity: Annotated[Identity | None, Meta(description="Whose identity the job uses.")] = None
    queue_settings: Annotated[QueueSettings | None, Meta(description="How urgent it is.")] = None
    services: Annotated[
        dict[str, Service] | None, Meta(description="Interactive services while it runs.")
    ] = None

    @property
    def compute_name(self) -> str:
        """The name of the compute that it runs on; empty where it runs serverless."""
        name = (self.compute or "").removeprefix("azureml:").rpartition("/")[2]
        return "" if name.casefold() == "serverless" else name
