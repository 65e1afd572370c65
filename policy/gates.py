"""Where each ruled field can be seen: the four gates, and what each of them is blind to.

The same function judges at every gate. `docs/policy.md` has the table, and a test breaks each
field at each gate: caught, or listed here.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Gate = Literal["spec", "preview", "saved plan", "live"]
GATES: tuple[Gate, ...] = ("spec", "preview", "saved plan", "live")
"""`validate` and `policy`; `pulumi preview`; `apply plan.json`; `policy --live`."""

_NOT_ASKED: Mapping[Gate, str] = dict.fromkeys(("spec", "saved plan"), "not in a spec")
_NOT_KEPT: Mapping[Gate, str] = {
    "preview": "no resource",
    "live": "not in Azure",
}
_NO_JOB: Mapping[Gate, str] = {"preview": "no resource"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A field of a kind of thing that a rule judges."""

    rule: str
    thing: str
    field: str
    blind: Mapping[Gate, str] = dataclasses.field(default_factory=dict[Gate, str])
    """The gates that can't see it, and why."""


RULED: tuple[Ruled, ...] = (
    Ruled(rule="FT-P001", thing="resource", field="location", blind=_NOT_ASKED),
    Ruled(rule="FT-P001", thing="endpoint", field="location"),
    Ruled(rule="FT-P002", thing="storage account", field="minimumTlsVersion", blind=_NOT_ASKED),
    Ruled(rule="FT-P003", thing="storage account", field="allowBlobPublicAccess", blind=_NOT_ASKED),
    Ruled(rule="FT-P003", thing="container", field="publicAccess", blind=_NOT_ASKED),
    Ruled(rule="FT-P004", thing="vault", field="enableRbacAuthorization", blind=_NOT_ASKED),
    Ruled(rule="FT-P005", thing="role assignment", field="scope", blind=_NOT_ASKED),
    Ruled(rule="FT-P006", thing="role assignment", field="roleDefinitionId", blind=_NOT_ASKED),
    Ruled(rule="FT-P007", thing="resource", field="tags", blind=_NOT_ASKED),
    Ruled(rule="FT-P007", thing="endpoint", field="tags"),
    Ruled(rule="FT-P008", thing="storage account", field="allowSharedKeyAccess", blind=_NOT_ASKED),
    Ruled(rule="FT-P008", thing="AI Services", field="disableLocalAuth", blind=_NOT_ASKED),
    Ruled(rule="FT-P008", thing="insights", field="disableLocalAuth", blind=_NOT_ASKED),
    Ruled(rule="FT-P008", thing="hub or project", field="identity", blind=_NOT_ASKED),
    Ruled(rule="FT-P009", thing="endpoint", field="contentSafety"),
    Ruled(rule="FT-P010", thing="endpoint", field="tags"),
    Ruled(rule="FT-P011", thing="endpoint", field="authMode"),
    Ruled(rule="FT-P012", thing="training", field="model", blind=_NO_JOB),
    Ruled(rule="FT-P012", thing="endpoint", field="model"),
    Ruled(rule="FT-P013", thing="training", field="epochs", blind=_NO_JOB),
    Ruled(rule="FT-P014", thing="training", field="budget", blind=_NOT_KEPT),
    Ruled(rule="FT-P014", thing="endpoint", field="budget", blind=_NOT_KEPT),
    Ruled(rule="FT-P015", thing="training", field="budget", blind=_NOT_KEPT),
    Ruled(rule="FT-P016", thing="endpoint", field="gates", blind=_NOT_KEPT),
)
"""Every ruled field, by its rule."""
