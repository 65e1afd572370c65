"""Managed online endpoints: azure-ai-ml deploys a scoring script that really runs, and asks it."""

# azure-ai-ml's own annotations are partly unknown; everything here goes through them.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest

from emulator.server import Emulator

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry

pytestmark = pytest.mark.filterwarnings("ignore")

SCORE = """\
import json, os, pathlib
from helper import louder

def init():
    global greeting
    folder = pathlib.Path(os.environ["AZUREML_MODEL_DIR"])
    greeting = (folder / "model" / "greeting.txt").read_text()
    print("ready in", folder.parent.name, folder.name, "as", os.getpid(), flush=True)
    print("credentials", sorted(name for name in os.environ if name.startswith(("AZURE_", "ARM_"))))

def run(raw_data):
    asked = json.loads(raw_data)
    if asked.get("wait"):
        import time; time.sleep(asked["wait"])
    if asked.get("fail"):
        raise ValueError("no such intent: " + asked["fail"])
    return {"said": louder(f"{greeting} {asked['name']}"), "by": os.environ["WHO"]}
"""
DEPLOYMENT = "azureml-model-deployment"
ENVIRONMENT = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scoring script with what it imports, one that fails at its start, and a model."""
    root = tmp_path_factory.mktemp("serve")
    for name in ("code", "broken", "model"):
        (root / name).mkdir()
    (root / "code" / "score.py").write_text(SCORE)
    (root / "code" / "helper.py").write_text("def louder(text):\n    return text.upper()\n")
    (root / "broken" / "score.py").write_text(
        "def init():\n    raise RuntimeError('no weights here')\ndef run(raw_data):\n    return 1\n"
    )
    (root / "model" / "greeting.txt").write_text("Hello")
    return root


@pytest.fixture(scope="module")
def deploy(client: Any, sources: Path) -> Callable[..., Any]:
    """Deploy the model with a scoring script: `deploy(endpoint, name, code=…, …)`."""
    from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment, Model

    model = client.models.create_or_update(
        Model(name=f"greeter-{uuid.uuid4().hex[:6]}", path=sources / "model", type="custom_model")
    )

    def make(endpoint: str, name: str, *, code: str = "code", **options: Any) -> Any:
        deployment = ManagedOnlineDeployment(
            name=name,
            endpoint_name=endpoint,
            model=model,
            code_configuration=CodeConfiguration(
                code=str(sources / code), scoring_script="score.py"
            ),
            environment=ENVIRONMENT,
            environment_variables={"WHO": name},
            instance_type="Standard_DS3_v2",
            instance_count=1,
            **options,
        )
        return client.online_deployments.begin_create_or_update(deployment).result()

    return make


@pytest.fixture(scope="module")
def endpoint(client: Any) -> Iterator[str]:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    name = f"greet-{uuid.uuid4().hex[:8]}"
    made = client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, auth_mode="key")
    ).result()
    assert made.scoring_uri == f"https://{name}.eastus2.inference.ml.azure.com/score"
    yield name
    client.online_endpoints.begin_delete(name).wait()
    with pytest.raises(ResourceNotFoundError):
        client.online_endpoints.get(name)


@pytest.fixture(scope="module")
def blue(deploy: Callable[..., Any], endpoint: str) -> str:
    return deploy(endpoint, "blue").name


def test_a_long_running_call_is_told_as_recorded(emulator: Emulator, foundry: Foundry) -> None:
    path = f"{foundry.project}/onlineEndpoints/told-{uuid.uuid4().hex[:8]}"
    slow = {"match": {"method": "PUT", "path": path}, "do": {"operation_takes": 60}}
    emulator.control.faults.add(slow)
    body = {"location": "eastus2", "properties": {"authMode": "Key"}}
    answer = foundry.developer.send("PUT", path, body)
    told = urlsplit(answer.headers["azure-asyncoperation"])
    place = urlsplit(answer.headers["location"])
    assert (answer.status_code, place.path) == (201, path)
    assert answer.headers["x-ms-async-operation-timeout"] == "PT30M"
    guid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    name = told.path.rpartition("/")[2]
    assert re.fullmatch(f"oeidp:{foundry.project_guid}:{guid}", name)
    assert told.path.split("/")[-4:-1] == ["locations", "eastus2", "mfeOperationsStatus"]

    document = foundry.developer.ok("GET", told.path)
    assert document.keys() == {"id", "name", "startTime", "endTime", "percentComplete", "status"}
    assert (document["name"], document["status"]) == (name, "Updating")
    assert document["endTime"] == "0001-01-01T00:00:00+00:00"
    emulator.control.clock.advance(60)
    document = foundry.developer.ok("GET", told.path)
    assert (document["status"], document["percentComplete"]) == ("Succeeded", 0.0)
    assert document["endTime"] > document["startTime"]
    foundry.developer.wait("DELETE", path)


def test_a_deployment_runs_the_script_and_its_traffic_is_split(
    client: Any, deploy: Callable[..., Any], endpoint: str, blue: str, tmp_path: Path
) -> None:
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps({"name": "you"}))

    def invoke(**options: Any) -> Any:
        return json.loads(client.online_endpoints.invoke(endpoint, request_file=asked, **options))

    with pytest.raises(HttpResponseError, match="no deployment that gets traffic"):
        invoke()
    assert invoke(deployment_name=blue) == {"said": "HELLO YOU", "by": "blue"}
    deploy(endpoint, "green")
    _set_traffic(client, endpoint, {"blue": 90, "green": 10})
    # azure-ai-ml keeps the deployment of an earlier invoke in its headers, so not by invoke.
    key = client.online_endpoints.get_keys(endpoint).primary_key
    answered = [_score(endpoint, key, {"name": "a"})[1][DEPLOYMENT] for _ in range(100)]
    assert (answered.count("blue"), answered.count("green")) == (90, 10)
    assert invoke(deployment_name="green")["by"] == "green"
    with pytest.raises(HttpResponseError, match=r"gets 10 % of the traffic"):
        client.online_deployments.begin_delete("green", endpoint).wait()
    _set_traffic(client, endpoint, {"blue": 100, "green": 0})
    client.online_deployments.begin_delete("green", endpoint).wait()
    assert [one.name for one in client.online_deployments.list(endpoint)] == ["blue"]
    assert client.online_endpoints.get(endpoint).traffic == {"blue": 100}


def test_get_logs_shows_what_the_script_said_and_it_sees_no_credentials(
    client: Any, endpoint: str, blue: str
) -> None:
    said = client.online_deployments.get_logs(blue, endpoint, lines=500)
    assert re.search(r"ready in greeter-\w+ 1 as \d+", said)
    assert "credentials []" in said
    fetched = client.online_deployments.get_logs(
        blue, endpoint, lines=500, container_type="storage-initializer"
    )
    assert re.search(r"Downloaded .*/models/greeter-\w+/versions/1", fetched)


def test_a_failing_init_is_a_failed_deployment_with_its_log(
    client: Any, deploy: Callable[..., Any], endpoint: str
) -> None:
    with pytest.raises(HttpResponseError, match="no weights here") as failed:
        deploy(endpoint, "red", code="broken")
    assert failed.value.error is not None
    assert failed.value.error.code == "ResourceNotReady"
    assert client.online_deployments.get("red", endpoint).provisioning_state == "Failed"
    assert "no weights here" in client.online_deployments.get_logs("red", endpoint, lines=20)
    with pytest.raises(HttpResponseError, match="only one that has succeeded gets traffic"):
        _set_traffic(client, endpoint, {"red": 100})
    client.online_deployments.begin_delete("red", endpoint).wait()


def test_what_a_script_raises_is_a_424_and_what_takes_too_long_a_408(
    client: Any, foundry: Foundry, deploy: Callable[..., Any], endpoint: str
) -> None:
    from azure.ai.ml.entities import OnlineRequestSettings

    deploy(endpoint, "slow", request_settings=OnlineRequestSettings(request_timeout_ms=300))
    key = client.online_endpoints.get_keys(endpoint).primary_key
    status, headers, said = _score(endpoint, key, {"fail": "dance"}, deployment="slow")
    assert (status, said) == (424, "no such intent: dance")
    assert headers["ms-azureml-model-error-statuscode"] == "500"
    assert headers[DEPLOYMENT] == "slow"
    assert _score(endpoint, key, {"wait": 2}, deployment="slow")[0] == 408
    assert _score(endpoint, "wrong", {"name": "you"}, deployment="slow")[0] == 401
    assert _score(endpoint, key, {"name": "you"}, deployment="nobody")[0] == 404
    said = client.online_deployments.get_logs("slow", endpoint, lines=100)
    process = int(re.findall(r"as (\d+)", said)[-1])
    os.kill(process, 9)
    # A call may still meet the process that is going; what comes after it meets a new one.
    ends = (_score(endpoint, key, {"name": "you"}, deployment="slow")[0] for _ in range(50))
    assert 200 in ends, "started again"
    client.online_deployments.begin_delete("slow", endpoint).wait()


def test_keys_are_renewed_one_at_a_time(client: Any, endpoint: str, blue: str) -> None:
    before = client.online_endpoints.get_keys(endpoint)
    client.online_endpoints.begin_regenerate_keys(endpoint, key_type="secondary").wait()
    after = client.online_endpoints.get_keys(endpoint)
    assert after.primary_key == before.primary_key
    assert after.secondary_key != before.secondary_key
    assert _score(endpoint, before.secondary_key, {"name": "a"}, deployment=blue)[0] == 401
    assert _score(endpoint, after.secondary_key, {"name": "a"}, deployment=blue)[0] == 200


@pytest.mark.parametrize("mode", ["aad_token", "aml_token"])
def test_tokens_open_an_endpoint_that_takes_tokens(
    client: Any,
    foundry: Foundry,
    emulator: Emulator,
    deploy: Callable[..., Any],
    mode: str,
) -> None:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    name = f"token-{uuid.uuid4().hex[:8]}"
    client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, auth_mode=mode)
    ).result()
    deploy(name, "blue")
    token = client.online_endpoints.get_keys(name).access_token
    assert _score(name, token, {"name": "a"}, deployment="blue")[0] == 200
    assert _score(name, token[:-4] + "AAAA", {"name": "a"}, deployment="blue")[0] == 401
    status, answer = foundry.developer(
        "POST", f"{foundry.project}/onlineEndpoints/{name}/listKeys", version="2025-12-01"
    )
    assert (status, answer["error"]["code"]) == (400, "UserError")
    client.online_endpoints.begin_delete(name).wait()


@pytest.mark.parametrize(
    ("properties", "status", "said"),
    [
        ({"endpointComputeType": "Kubernetes"}, 501, "deployments on 'Kubernetes'"),
        ({"codeConfiguration": None}, 501, "without a scoring script"),
        ({"scaleSettings": {"scaleType": "TargetUtilization"}}, 501, "autoscale"),
        ({"environmentId": "azureml:nothing:1"}, 400, "environment 'azureml:nothing:1'"),
        ({"model": "azureml:nothing:1"}, 400, "'azureml:nothing:1' doesn't exist"),
        ({"instanceType": "big"}, 400, "is not a size"),
        ({"requestSettings": {"requestTimeout": "PT1H"}}, 400, "at most 180 seconds"),
        ({"livenessProbe": {"period": "soon"}}, 400, "not an ISO 8601 duration"),
    ],
)
def test_what_a_deployment_may_not_be(
    foundry: Foundry,
    client: Any,
    endpoint: str,
    blue: str,
    properties: dict[str, Any],
    status: int,
    said: str,
) -> None:
    path = f"{foundry.project}/onlineEndpoints/{endpoint}/deployments"
    good = foundry.developer.ok("GET", f"{path}/{blue}", version="2025-12-01")
    body = {
        "location": good["location"],
        "sku": good["sku"],
        "properties": good["properties"] | properties,
    }
    answered, refused = foundry.developer("PUT", f"{path}/wrong", body, version="2025-12-01")
    assert answered == status
    assert said in refused["error"]["message"]


def test_the_process_ends_with_its_deployment(
    client: Any, deploy: Callable[..., Any], endpoint: str, has_ended: Callable[[int], bool]
) -> None:
    deploy(endpoint, "brief")
    said = client.online_deployments.get_logs("brief", endpoint, lines=20)
    process = int(re.findall(r"as (\d+)", said)[-1])
    os.kill(process, 0)
    client.online_deployments.begin_delete("brief", endpoint).wait()
    assert has_ended(process)


def _set_traffic(client: Any, endpoint: str, traffic: dict[str, int]) -> None:
    now = client.online_endpoints.get(endpoint)
    now.traffic = traffic
    client.online_endpoints.begin_create_or_update(now).result()


def _score(
    endpoint: str, credential: str, body: dict[str, Any], *, deployment: str = ""
) -> tuple[int, dict[str, str], str]:
    from azure.core import PipelineClient

    address = f"https://{endpoint}.eastus2.inference.ml.azure.com"
    pipeline: Any = PipelineClient(address, policies=[])
    headers = {"authorization": f"Bearer {credential}"}
    headers |= {DEPLOYMENT: deployment} if deployment else {}
    with pipeline:
        answer = pipeline.send_request(
            HttpRequest("POST", f"{address}/score", headers=headers, json=body)
        )
        return answer.status_code, dict(answer.headers), answer.text()
