"""azure-ai-ml does the talking: the whole path of a story with Microsoft's own client.

One file, because importing azure.ai.ml takes seconds.
"""

# azure-ai-ml's own annotations are partly unknown; everything here goes through them.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.identity import ClientSecretCredential

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import (
        Foundry,
        MakeFoundry,
        Trained,
    )

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def streamed(
    client: Any, conversations: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A job from a YAML file, followed to its end by `jobs.stream`."""
    from azure.ai.ml import load_job

    name = f"story-{uuid.uuid4().hex[:8]}"
    file = tmp_path_factory.mktemp("job") / "job.yaml"
    file.write_text(
        f"""\
type: finetuning
name: {name}
task: chat_completion
model_provider: custom
model:
  path: azureml://registries/azureml/models/Phi-4-mini-instruct
  type: mlflow_model
training_data: {conversations}
hyperparameters:
  num_train_epochs: "1"
  per_device_train_batch_size: "2"
  learning_rate: "0.0003"
experiment_name: stories
display_name: A story
outputs:
  registered_model:
    type: mlflow_model
    name: {name}
""",
        encoding="utf-8",
    )
    job = client.jobs.create_or_update(load_job(file))
    assert job.status == "Running", "as recorded: also while it waits for its turn"
    client.jobs.stream(name)
    return {"name": name, "job": client.jobs.get(name)}


def test_a_job_from_yaml_trains_and_streams_its_log(
    client: Any, streamed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert streamed["job"].status == "Completed"
    client.jobs.stream(streamed["name"])
    assert streamed["name"] in capsys.readouterr().out
    assert streamed["name"] in [job.name for job in client.jobs.list()]


def test_the_registered_model_is_found_and_downloaded(
    client: Any, streamed: dict[str, Any], tmp_path: Path
) -> None:
    name = streamed["name"]
    model = client.models.get(name, label="latest")
    assert model.version == "1"
    assert model.properties["maas-finetuning"] == "true"
    client.models.download(name, "1", download_path=tmp_path)
    files = {file.name for file in tmp_path.rglob("*")}
    assert {"model.safetensors", "config.json", "model_card.json"} <= files


def test_the_runs_artifacts_are_downloaded(
    client: Any, streamed: dict[str, Any], tmp_path: Path
) -> None:
    client.jobs.download(streamed["name"], download_path=tmp_path)
    log = next(tmp_path.rglob("std_log.txt")).read_text()
    assert "train_loss=" in log
    assert "Completed." in log
    client.jobs.download(streamed["name"], download_path=tmp_path, output_name="registered_model")
    assert list(tmp_path.rglob("model.safetensors"))


def test_a_runs_metadata_is_updated_and_archived_through_run_history(
    client: Any, streamed: dict[str, Any]
) -> None:
    job = client.jobs.get(streamed["name"])
    job.tags = {"team": "xbox"}
    assert client.jobs.create_or_update(job).tags["team"] == "xbox"
    assert not client.jobs.show_services(streamed["name"]), "no interactive service runs here"
    client.jobs.archive(streamed["name"])
    assert streamed["name"] not in [job.name for job in client.jobs.list()]
    client.jobs.restore(streamed["name"])


def test_data_is_uploaded_versioned_and_found(client: Any, conversations: Path) -> None:
    from azure.ai.ml.entities import Data

    name = f"data-{uuid.uuid4().hex[:8]}"
    for version in ("1", "2"):
        made = client.data.create_or_update(
            Data(name=name, path=str(conversations), type="uri_file", tags={"n": version})
        )
        assert made.version == version
    assert client.data.get(name, label="latest").version == "2"
    client.data.archive(name, version="2")
    assert [data.version for data in client.data.list(name)] == ["1"]
    assert {one.name: one.type for one in client.data.list()}[name] == "uri_file"


def test_connections_without_a_target_are_made_and_a_missing_one_is_told_as_azure_does(
    client: Any,
) -> None:
    from azure.ai.ml.entities import OpenAIConnection, SerpConnection
    from azure.core.exceptions import ResourceNotFoundError

    for made in (
        SerpConnection(name="serp", api_key="k"),
        OpenAIConnection(name="oai", api_key="k"),
    ):
        assert client.connections.create_or_update(made).target == ""
    assert {one.name for one in client.connections.list()} >= {"serp", "oai"}
    with pytest.raises(ResourceNotFoundError, match="Connection none can't be found in this work"):
        client.connections.get("none")
    with pytest.raises(ResourceNotFoundError, match="/serverlessEndpoints/none' under resource"):
        client.serverless_endpoints.get("none")


def test_a_workspace_is_diagnosed_and_its_keys_are_synchronized(
    another_foundry: MakeFoundry,
) -> None:
    from azure.ai.ml import MLClient

    foundry = another_foundry()
    hub = foundry.hub.rsplit("/", 1)[-1]
    mine = MLClient(foundry.credential, foundry.subscription, foundry.group, enable_telemetry=False)
    before: Any = mine.workspaces.begin_diagnose(hub).result()
    assert before.storage_account_results == []
    mine.workspaces.begin_sync_keys(hub).result()
    foundry.platform.ok("DELETE", foundry.storage, version="2023-05-01")
    after: Any = mine.workspaces.begin_diagnose(hub).result()
    (found,) = after.storage_account_results
    assert (found.level, found.code) == ("Error", "ResourceNotFound")


def test_what_never_holds_anything_here_lists_as_empty(client: Any) -> None:
    for lists in (client.batch_endpoints, client.components, client.schedules):
        assert list(lists.list()) == []


def test_an_endpoint_is_made_read_and_deleted(client: Any, streamed: dict[str, Any]) -> None:
    from azure.ai.ml.entities import ServerlessEndpoint
    from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

    project = client.workspaces.get(client.workspace_name)
    name = f"ml-{uuid.uuid4().hex[:8]}"
    model = client.models.get(streamed["name"], "1")
    made = client.serverless_endpoints.begin_create_or_update(
        ServerlessEndpoint(name=name, model_id=model.id)
    ).result()
    assert made.scoring_uri == f"https://{name}.{project.location}.models.ai.azure.com"
    assert client.serverless_endpoints.get(name).provisioning_state == "succeeded"
    assert name in [endpoint.name for endpoint in client.serverless_endpoints.list()]
    keys = client.serverless_endpoints.get_keys(name)
    assert len(keys.primary_key) == 32
    with pytest.raises(HttpResponseError, match="You must first delete your model deployment"):
        _delete(client, streamed)
    client.serverless_endpoints.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        client.serverless_endpoints.get(name)


def _delete(client: Any, streamed: dict[str, Any]) -> None:
    from azure.ai.ml._restclient.arm_ml_service import MachineLearningServicesMgmtClient

    with MachineLearningServicesMgmtClient(
        client._credential, client.subscription_id, api_version="2024-10-01"
    ) as generated:
        generated.model_versions.delete(
            client.resource_group_name, client.workspace_name, streamed["name"], "1"
        )


def test_metrics_are_read_by_the_generated_run_history_client(
    foundry: Foundry, trained: Trained, client: Any
) -> None:
    from azure.ai.ml._restclient.runhistory import RunHistoryClient
    from azure.ai.ml._restclient.runhistory import models as shapes

    with RunHistoryClient(
        credential=foundry.credential, endpoint="https://eastus2.api.azureml.ms"
    ) as runs:
        where = (foundry.subscription, foundry.group, foundry.project.rsplit("/", 1)[-1])
        losses: Any = runs.metrics.get_full_fidelity_metric(
            *where,
            trained.name,
            shapes.RetrieveFullFidelityMetricRequest(metric_name="train_loss"),
        )
        assert [value.step for value in losses.value] == list(range(1, 13))
        assert all(float(value.data["train_loss"]) > 0 for value in losses.value)


def test_the_generated_client_lists_the_model_registry_newest_first_in_pages(
    foundry: Foundry, trained: Trained, streamed: dict[str, Any], client: Any
) -> None:
    from azure.ai.ml._restclient.model_dataplane import ModelDataplaneClient

    with ModelDataplaneClient(
        credential=foundry.credential, endpoint="https://eastus2.api.azureml.ms"
    ) as registry:
        where = (foundry.subscription, foundry.group, foundry.project.rsplit("/", 1)[-1])
        links: list[str] = []

        def keep_link(answer: Any) -> None:
            links.append(answer.http_response.json().get("nextLink", ""))

        def page(token: str | None) -> list[Any]:
            # The client reads one page; its `skip_token` asks for the next.
            where_from: Any = {"skip_token": token, "count": 1, "order_by": "CreatedAtDesc"}
            return list(registry.models.list(*where, **where_from, raw_response_hook=keep_link))

        [newest] = page(None)
        [next_one] = page(parse_qs(urlsplit(links[0]).query)["$skipToken"][0])
        assert newest.created_time > next_one.created_time
        [mine] = registry.models.list(*where, run_id=trained.name)
        version = client.models.get(mine.name, str(mine.version))
        assert (mine.id, mine.is_archived) == (f"{mine.name}:{mine.version}", False)
        assert (mine.kv_tags, mine.url) == (version.tags, version.path)
        assert version.job_name == trained.name
        assert not list(registry.models.list(*where, run_id="nobody"))


def test_the_registry_knows_the_base_models(foundry: Foundry) -> None:
    from azure.ai.ml import MLClient

    registry = MLClient(foundry.credential, registry_name="azureml", enable_telemetry=False)
    model = registry.models.get("Phi-4-mini-instruct", label="latest")
    assert model.version == "1"
    assert (model.tags or {})["maas-finetuning"] == "true"
    assert {"Phi-4", "Phi-4-mini-instruct"} <= {model.name for model in registry.models.list()}


def test_anothers_model_is_served_once_the_project_is_subscribed_to_it(client: Any) -> None:
    from azure.ai.ml.entities import MarketplaceSubscription, ServerlessEndpoint
    from azure.core.exceptions import HttpResponseError

    model = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"
    wanted = ServerlessEndpoint(name=f"llama-{uuid.uuid4().hex[:8]}", model_id=model)
    with pytest.raises(HttpResponseError, match="make a marketplace subscription to"):
        client.serverless_endpoints.begin_create_or_update(wanted)
    subscription = MarketplaceSubscription(name="llama", model_id=model)
    made = client.marketplace_subscriptions.begin_create_or_update(subscription).result()
    assert made.as_dict()["status"] == "subscribed"
    served = client.serverless_endpoints.begin_create_or_update(wanted).result()
    assert served.model_id == model
    client.serverless_endpoints.begin_delete(wanted.name).wait()


def test_usages_are_listed(
    foundry: Foundry, credentials: dict[str, ClientSecretCredential]
) -> None:
    from azure.ai.ml import MLClient

    # A developer's role on the group doesn't reach what belongs to the subscription.
    owner = MLClient(credentials["platform"], foundry.subscription, enable_telemetry=False)
    (usage,) = owner.compute.list_usage(location="eastus2")
    assert usage.limit == 0


def test_a_running_job_is_canceled(client: Any, conversations: Path) -> None:
    from azure.ai.ml import Input, Output
    from azure.ai.ml.entities._job.finetuning.custom_model_finetuning_job import (
        CustomModelFineTuningJob,
    )

    name = f"cancel-{uuid.uuid4().hex[:8]}"
    job = CustomModelFineTuningJob(
        task="ChatCompletion",
        model=Input(
            type="mlflow_model", path="azureml://registries/azureml/models/Phi-4-mini-instruct"
        ),
        training_data=Input(type="uri_file", path=str(conversations)),
        validation_data=None,
        hyperparameters={"num_train_epochs": "10"},
        outputs={"registered_model": Output(type="mlflow_model", name=name)},
        name=name,
        experiment_name="stories",
    )
    client.jobs.create_or_update(job)
    client.jobs.begin_cancel(name).result()
    assert client.jobs.get(name).status in ("CancelRequested", "Canceled")
