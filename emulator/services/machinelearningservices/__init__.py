"""Microsoft.MachineLearningServices: hubs, projects, assets, jobs, endpoints, data plane."""

from emulator.arm.types import empty
from emulator.service import Service
from emulator.services.machinelearningservices import online_serving, runner
from emulator.services.machinelearningservices.assets import ASSET_TYPES
from emulator.services.machinelearningservices.codes import CODE_ROUTES
from emulator.services.machinelearningservices.computes import COMPUTE_TYPE
from emulator.services.machinelearningservices.connections import CONNECTION_TYPE
from emulator.services.machinelearningservices.datastores import DATASTORE_TYPE
from emulator.services.machinelearningservices.diagnose import DIAGNOSE_ROUTES
from emulator.services.machinelearningservices.endpoints import ENDPOINT_TYPE
from emulator.services.machinelearningservices.jobs import JOB_TYPE
from emulator.services.machinelearningservices.marketplace import MARKETPLACE_TYPE
from emulator.services.machinelearningservices.metrics import SCHEMA
from emulator.services.machinelearningservices.online_deployments import ONLINE_DEPLOYMENT_TYPE
from emulator.services.machinelearningservices.online_endpoints import ONLINE_ENDPOINT_TYPE
from emulator.services.machinelearningservices.run_history import PLANE
from emulator.services.machinelearningservices.usages import USAGE_ROUTES
from emulator.services.machinelearningservices.versions import API_VERSIONS, EMPTY
from emulator.services.machinelearningservices.workspaces import WORKSPACE_ROUTES, WORKSPACE_TYPE
from emulator.state.cloud import Cloud


def _start(cloud: Cloud) -> None:
    runner.of(cloud).resume()
    online_serving.of(cloud).resume()


SERVICE = Service(
    name="machinelearningservices",
    types=(
        WORKSPACE_TYPE,
        COMPUTE_TYPE,
        DATASTORE_TYPE,
        CONNECTION_TYPE,
        *ASSET_TYPES,
        JOB_TYPE,
        ENDPOINT_TYPE,
        ONLINE_ENDPOINT_TYPE,
        ONLINE_DEPLOYMENT_TYPE,
        MARKETPLACE_TYPE,
        *(empty(name, API_VERSIONS) for name in EMPTY),
    ),
    routes=(*WORKSPACE_ROUTES, *CODE_ROUTES, *USAGE_ROUTES, *DIAGNOSE_ROUTES),
    planes=(PLANE,),
    schema=SCHEMA,
    start=_start,
)
