"""Models in memory: the weights that a job trained, or the untrained stand-in of a base model.

A trained model is loaded from the blobs that its job uploaded, at the first question, and the few
that were asked last are kept.
"""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.services.machinelearningservices import (
    blobs,
    catalogue,
    data_paths,
    deployed,
    workspaces,
)
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource

if TYPE_CHECKING:
    from emulator.training.inference import ChatModel

KEPT = 4

_lock = threading.Lock()
_loaded: "OrderedDict[str, ChatModel]" = OrderedDict()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The model behind an endpoint. `name` is what its answers call it."""

    name: str
    publisher: str
    model: "ChatModel"


def served_by(cloud: Cloud, endpoint: Resource) -> Served:
    """The model that an endpoint serves; refuses one that is retired or gone."""
    uri = deployed.model_id(endpoint)
    version = deployed.resolve(cloud, uri)
    if version is None:
        name = deployed.base_model_name(uri)
        if name is None:
            raise AzureError(404, "ModelNotFound", f"The model '{uri}' does not exist any more.")
        base = _require_served(cloud, name, tuned=False)
        return Served(
            name=base.name,
            publisher=base.publisher,
            model=_cached(f"base {base.name}", lambda: _untrained(base.name)),
        )
    name = str(version.properties["properties"]["baseWeightsId"])
    base = _require_served(cloud, name, tuned=True)
    assert version.id.parent is not None
    return Served(
        name=version.id.parent.name,
        publisher=base.publisher,
        model=_cached(
            f"{id(cloud)} {version.id.key} {version.created_at}", lambda: _trained(cloud, version)
        ),
    )


def _require_served(cloud: Cloud, name: str, *, tuned: bool) -> catalogue.BaseModel:
    found = catalogue.find(name)
    assert found is not None, f"an endpoint serves the unknown model {name}"
    base = found.served(tuned=tuned)
    if base.stage(cloud.clock.now().date()) == "Retired":
        raise AzureError(
            404,
            "ModelRetired",
            f"The model {base.name} was retired on {base.retired}; its deployments don't answer "
            "any more." + (f" Use {base.successor} instead." if base.successor else ""),
        )
    return base


def _cached(key: str, load: "Callable[[], ChatModel]") -> "ChatModel":
    # One at a time: two first questions at once must not load the same weights twice.
    with _lock:
        model = _loaded.pop(key, None) or load()
        _loaded[key] = model
        while len(_loaded) > KEPT:
            _loaded.popitem(last=False)
        return model


def _untrained(name: str) -> "ChatModel":
    from emulator.training.inference import untrained

    return untrained(name)


def _trained(cloud: Cloud, version: Resource) -> "ChatModel":
    from emulator.training.inference import load

    project = workspaces.workspace_of(cloud, version)
    folder = data_paths.locate(cloud, project, str(version.properties["modelUri"]))
    prefix = folder.path.rstrip("/") + "/"
    with tempfile.TemporaryDirectory(prefix="model-", dir=cloud.temporary) as directory:
        for path in blobs.listing(cloud, folder.account, folder.container, prefix):
            file = Path(directory, path.removeprefix(prefix))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(blobs.read(cloud, folder.account, folder.container, path))
        if not Path(directory, "model.safetensors").exists():
            raise AzureError(
                404,
                "ModelNotFound",
                f"The files of the model '{version.id.text}' are gone from its datastore.",
            )
        return load(directory)
