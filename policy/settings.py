"""What foundry-policy.yaml may say, typed: the source of its checks, its schema and its docs."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

POLICY_FILE = "foundry-policy.yaml"

Key = Literal[
    "allowed_regions",
    "minimum_tls",
    "no_public_blobs",
    "rbac_vaults",
    "subscription_roles",
    "allowed_roles",
    "required_tags",
    "no_keys",
    "content_filter",
    "endpoint_owner",
    "endpoint_sign_in",
    "allowed_models",
    "most_epochs",
    "budget_required",
    "largest_budget",
    "gates_required",
]
"""The rules by their words."""

Word = Annotated[str, Meta(min_length=1, max_length=256)]


class Values(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Each rule with its value; one that is left out isn't held."""

    allowed_regions: Annotated[
        tuple[Word, ...] | None, Meta(description="Where anything may be.")
    ] = None
    minimum_tls: Annotated[
        Literal["TLS1_2", "TLS1_3"] | None, Meta(description="What storage must speak at least.")
    ] = None
    no_public_blobs: Annotated[
        bool, Meta(description="Storage lets nobody in without signing in.")
    ] = False
    rbac_vaults: Annotated[
        bool, Meta(description="Key vaults go by roles, not by access policies.")
    ] = False
    subscription_roles: Annotated[
        tuple[Word, ...] | None,
        Meta(description="Object ids that may hold a role at a subscription or above; [] nobody."),
    ] = None
    allowed_roles: Annotated[
        tuple[Word, ...] | None,
        Meta(description="Built-in roles by name, any by GUID, that may be given."),
    ] = None
    required_tags: Annotated[
        tuple[Word, ...] | None, Meta(description="Tags that all that can have them has.")
    ] = None
    no_keys: Annotated[
        bool, Meta(description="Storage, AI Services, insights and hubs go by identities.")
    ] = False
    content_filter: Annotated[
        bool, Meta(description="No endpoint without it, whatever justification is given.")
    ] = False
    endpoint_owner: Annotated[
        Word | None, Meta(description="The tag that says whose an endpoint is.")
    ] = None
    endpoint_sign_in: Annotated[
        tuple[Literal["key", "aad", "key_and_aad"], ...] | None,
        Meta(description="How callers of an endpoint may sign in."),
    ] = None
    allowed_models: Annotated[
        tuple[Word, ...] | None,
        Meta(description="Base models that may be trained or served, by name or registry id."),
    ] = None
    most_epochs: Annotated[int, Meta(description="Passes over the data.", ge=1, le=50)] | None = (
        None
    )
    budget_required: Annotated[bool, Meta(description="All that costs has a budget.")] = False
    largest_budget: (
        Annotated[float, Meta(description="What a budget may allow, in USD.", gt=0, le=1e9)] | None
    ) = None
    gates_required: Annotated[
        bool | tuple[Word, ...],
        Meta(
            description="An endpoint of a trained model is measured by an evaluation with a gate; "
            "a list: with a gate on each of these metrics."
        ),
    ] = False


class ProjectCap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all endpoints of a project may cost in a month of the calendar."""

    usd_per_month: Annotated[float, Meta(description="In US dollars.", gt=0, le=1e9)]


class PolicyException(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A rule that one document or resource may break until a day."""

    rule: Annotated[Key, Meta(description="The rule's word, such as most_epochs.")]
    of: Annotated[
        Word,
        Meta(
            description="Who may: a document by its name, a resource by its name in Azure, a role "
            "assignment by the object id that holds it."
        ),
    ]
    reason: Annotated[str, Meta(description="Why it may.", min_length=3, max_length=400)]
    until: Annotated[str, Meta(description="The last day on which it may, as 2026-12-31.")]

    @property
    def last_day(self) -> date:
        """`until` as a day.

        Raises:
            ValueError: It is none.
        """
        return date.fromisoformat(self.until)


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a platform team allows, for every spec in the file's folder and below it."""

    schema: Annotated[str | None, Meta(description="The editor's schema line.")] = field(
        default=None, name="$schema"
    )
    rules: Annotated[Values, Meta(description="Which rules are held, and with what value.")] = (
        Values()
    )
    advisory: Annotated[
        tuple[Key, ...], Meta(description="Rules that warn instead of refusing.")
    ] = ()
    exceptions: Annotated[
        tuple[PolicyException, ...],
        Meta(description="Who may break which rule, why, and until which day."),
    ] = ()
    cap: Annotated[
        ProjectCap | None, Meta(description="For a project; foundry-tune watch keeps it.")
    ] = None

    def value(self, key: str) -> object:
        """What the file says of a rule; None where the rule isn't held."""
        found: object = getattr(self.rules, key)
        return None if found is False else found


def policy_of(value: object) -> Policy:
    """A policy from plain values.

    Raises:
        msgspec.ValidationError: It isn't one; `foundry-tune validate` says all that is wrong.
    """
    # YAML's readers make a date of 2026-12-31, or leave it a text.
    written = msgspec.convert(msgspec.to_builtins(value), Policy)
    for one in written.exceptions:
        try:
            _ = one.last_day
        except ValueError as error:
            raise msgspec.ValidationError(f"exceptions: until: {error}") from error
    return written
