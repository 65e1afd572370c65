"""What the configuration says is there already, by id: used as it is, instead of made."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from infra.config_network import GROUP, GROUP_EXAMPLE
from infra.config_values import Findings, Key, MapReader


class Kind(NamedTuple):
    """One kind of resource that may be brought along."""

    word: str
    """As a person calls it."""
    type: str
    """As ARM does; "" for the group itself."""
    api_version: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """The ids of this kind; ARM compares them without case."""
        if not self.type:
            return GROUP
        return re.compile(rf"{GROUP.pattern}/providers/{re.escape(self.type)}/[\w.()-]+", re.I)


KINDS: Mapping[str, Kind] = {
    "resourceGroup": Kind("resource group", "", "2024-03-01"),
    "storage": Kind("storage account", "Microsoft.Storage/storageAccounts", "2024-01-01"),
    "keyVault": Kind("key vault", "Microsoft.KeyVault/vaults", "2024-11-01"),
    "containerRegistry": Kind(
        "container registry", "Microsoft.ContainerRegistry/registries", "2023-07-01"
    ),
    "applicationInsights": Kind(
        "Application Insights component", "Microsoft.Insights/components", "2020-02-02"
    ),
    "hub": Kind("hub", "Microsoft.MachineLearningServices/workspaces", "2025-12-01"),
    "aiServices": Kind("AI Services account", "Microsoft.CognitiveServices/accounts", "2025-06-01"),
}

_STORAGE = (
    f"{GROUP_EXAMPLE.replace('network', 'data')}/providers/{KINDS['storage'].type}/stresearch"
)

KEYS: Mapping[str, Key] = {
    "existing": Key(
        "What is there already and is used instead of made, in the stack's subscription: see "
        "[bring your own](#bring-your-own).",
        "a map of "
        + ", ".join(f"`{name}` ({kind.type or 'a resource group'})" for name, kind in KINDS.items())
        + " to ids",
        "none: all of it is made, but for a container registry, which fine-tuning doesn't need",
        f"existing:\n  storage: {_STORAGE}",
    ),
}


def read(reader: Findings) -> Mapping[str, str]:
    """Read the keys of this subject: the ids by kind, none where it isn't said."""
    value = reader.value("existing", None)
    if value is None:
        return {}
    values = MapReader("existing", value, tuple(KINDS), reader)
    found: dict[str, str] = {}
    for name, kind in KINDS.items():
        example = GROUP_EXAMPLE + (f"/providers/{kind.type}/NAME" if kind.type else "")
        if id := values.text(name, kind.pattern, f"the id of a {kind.word}", example):
            found[name] = id
    return found
