"""The ways in which Azure ML names a model, a data asset or a path in a datastore."""

import re
from dataclasses import dataclass

_REGISTRY_MODEL = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/models/(?P<name>[^/]+)"
    r"(?:/versions/(?P<version>[^/]+)|/labels/(?P<label>[^/]+))?$",
    re.I,
)
_REGISTRY_ENVIRONMENT = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/environments/(?P<name>[^/]+)"
    r"(?:/versions/(?P<version>[^/]+)|/labels/(?P<label>[^/]+))$",
    re.I,
)
_WORKSPACE_ASSET = re.compile(
    r"(?:azureml://locations/(?P<location>[^/]+)/workspaces/(?P<workspace_id>[^/]+)"
    r"|(?:azureml:)?(?P<arm>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"Microsoft\.MachineLearningServices/workspaces/[^/]+))"
    r"/(?P<kind>models|data|codes|environments)/(?P<name>[^/]+)"
    r"(?:/versions/(?P<version>[^/]+)|/labels/(?P<label>[^/]+))$",
    re.I,
)
_SHORT = re.compile(
    r"azureml:(?P<name>[^/:@]+)(?::(?P<version>[^/:@]+)|@(?P<label>[^/:@]+))$", re.I
)
_DATASTORE_PATH = re.compile(
    r"azureml://(?:subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/"
    r"(?:providers/Microsoft\.MachineLearningServices/)?workspaces/(?P<workspace>[^/]+)/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)$",
    re.I,
)
_BLOB_URL = re.compile(
    r"https://(?P<account>[a-z0-9]+)\.blob\.core\.windows\.net/(?P<container>[^/?]+)/(?P<path>[^?]+)",
    re.I,
)
_JOB_OUTPUT = re.compile(
    r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths/(?P<path>.*))?$", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryModel:
    """A model of a shared registry; `version` is None for the latest."""

    registry: str
    name: str
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEnvironment:
    """An environment of a shared registry; `version` is None for a label, as in `latest`."""

    registry: str
    name: str
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceAsset:
    """A version of an asset; its workspace is named by GUID, by ARM id, or implied."""

    kind: str | None
    name: str
    version: str | None
    workspace_guid: str | None = None
    workspace_arm_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatastorePath:
    """A path in a datastore of a workspace (None: the workspace at hand)."""

    datastore: str
    path: str
    workspace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobUrl:
    """A blob named by its address."""

    account: str
    container: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """A named output of a job, or a path in it."""

    job: str
    output: str
    path: str


Reference = (
    RegistryModel | RegistryEnvironment | WorkspaceAsset | DatastorePath | BlobUrl | JobOutput
)


def parse(uri: str) -> Reference | None:
    """Read a reference; None where it is of no form that Azure ML has."""
    if found := _REGISTRY_MODEL.match(uri):
        return RegistryModel(
            registry=found["registry"], name=found["name"], version=found["version"]
        )
    if found := _REGISTRY_ENVIRONMENT.match(uri):
        return RegistryEnvironment(
            registry=found["registry"], name=found["name"], version=found["version"]
        )
    if found := _WORKSPACE_ASSET.match(uri):
        return WorkspaceAsset(
            kind=found["kind"].lower(),
            name=found["name"],
            version=found["version"],
            workspace_guid=found["workspace_id"],
            workspace_arm_id=found["arm"],
        )
    if found := _DATASTORE_PATH.match(uri):
        return DatastorePath(
            datastore=found["datastore"], path=found["path"], workspace=found["workspace"]
        )
    if found := _JOB_OUTPUT.match(uri):
        return JobOutput(job=found["job"], output=found["output"], path=found["path"] or "")
    if found := _BLOB_URL.match(uri):
        return BlobUrl(
            account=found["account"].lower(), container=found["container"], path=found["path"]
        )
    if found := _SHORT.match(uri):
        return WorkspaceAsset(kind=None, name=found["name"], version=found["version"])
    return None
