"""Microsoft.MachineLearningServices: hubs, projects, assets, jobs, endpoints, data plane."""

from emulator.cloud import Cloud, Service
from emulator.machinelearningservices import runner
from emulator.machinelearningservices.assets import ASSET_TYPES
from emulator.machinelearningservices.connections import CONNECTION_TYPE
from emulator.machinelearningservices.datastores import DATASTORE_TYPE
from emulator.machinelearningservices.endpoints import ENDPOINT_TYPE
from emulator.machinelearningservices.jobs import JOB_TYPE
from emulator.machinelearningservices.marketplace import MARKETPLACE_TYPE
from emulator.machinelearningservices.metrics import SCHEMA
from emulator.machinelearningservices.run_history import PLANE
from emulator.machinelearningservices.usages import USAGE_ROUTES
from emulator.machinelearningservices.workspaces import WORKSPACE_ROUTES, WORKSPACE_TYPE


def _start(cloud: Cloud) -> None:
    runner.of(cloud).resume()


SERVICE = Service(
    name="machinelearningservices",
    types=(
        WORKSPACE_TYPE,
        DATASTORE_TYPE,
        CONNECTION_TYPE,
        *ASSET_TYPES,
        JOB_TYPE,
        ENDPOINT_TYPE,
        MARKETPLACE_TYPE,
    ),
    routes=(*WORKSPACE_ROUTES, *USAGE_ROUTES),
    planes=(PLANE,),
    schema=SCHEMA,
    start=_start,
)
