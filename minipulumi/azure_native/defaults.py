"""What azure-native fills in where a program leaves it out: names, and where a resource is made."""

import hashlib
import os
import uuid
from collections.abc import Callable

from minipulumi.azure_native.resource_types import ResourceType
from minipulumi.values import Props

# azure-native's own mark, which it keeps among the inputs: a name that was drawn is drawn anew for
# a replacement, so that the new one can be made before the old one is deleted.
CREATE_FIRST = "__createBeforeDelete"


def complete(
    type_: ResourceType,
    inputs: Props,
    olds: Props,
    *,
    name: str,
    seed: bytes,
    location: Callable[[Props], str | None],
) -> Props:
    """The inputs with every name and the location; what the resource had before stays.

    `name` is the resource's in the program, `seed` what makes a drawn name its own, `location`
    tells where the inputs' resource is made unless they say.
    """
    completed = dict(inputs)
    for key, spec in type_.names.items():
        if completed.get(key) is not None or not spec.autoname:
            continue
        if key in olds:
            completed[key] = olds[key]
            drawn = olds.get(CREATE_FIRST) is True
        else:
            completed[key] = _drawn(spec.autoname, name, seed or os.urandom(32))
            drawn = spec.autoname != "copy"
        if drawn:
            completed[CREATE_FIRST] = True
    if "location" in type_.inputs and completed.get("location") is None:
        place = olds.get("location") or location(completed)
        if place is not None:
            completed["location"] = place
    return completed


def _drawn(how: str, name: str, seed: bytes) -> str:
    random = hashlib.sha256(seed).hexdigest()
    if how == "uuid":
        return str(uuid.UUID(random[:32]))
    return name if how == "copy" else f"{name}{random[:8]}"
