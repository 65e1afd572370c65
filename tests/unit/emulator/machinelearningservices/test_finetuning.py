"""What a fine-tuning job may ask for: the model, its region, its dates, its hyperparameters."""

from datetime import date
from typing import Any

import pytest

from emulator.services.machinelearningservices import finetuning
from emulator.services.machinelearningservices.finetuning import FineTuning
from emulator.state.errors import AzureError

BEFORE_RETIREMENT = date(2025, 6, 1)
NOW = date(2026, 11, 1)


def job(**details: Any) -> dict[str, Any]:
    return {
        "jobType": "FineTuning",
        "fineTuningDetails": {
            "taskType": "chatCompletion",
            "modelProvider": "Custom",
            "model": {
                "jobInputType": "mlflow_model",
                "uri": "azureml://registries/azureml/models/Phi-4-mini-instruct",
            },
            "trainingData": {
                "jobInputType": "uri_file",
                "uri": "azureml://datastores/workspaceblobstore/paths/LocalUpload/1/train.jsonl",
            },
            **details,
        },
        "outputs": {"registered_model": {"jobOutputType": "mlflow_model", "assetName": "xbox"}},
    }


def model(name: str) -> dict[str, Any]:
    uri = f"azureml://registries/azureml/models/{name}"
    return {"model": {"jobInputType": "mlflow_model", "uri": uri}}


def read(body: dict[str, Any], region: str = "eastus2", today: date = NOW) -> FineTuning:
    return finetuning.read(body, job="job-1", region=region, today=today)


def inner(refused: AzureError) -> str:
    info: list[dict[str, Any]] = refused.extra["additionalInfo"]
    return next(entry["info"]["value"]["code"] for entry in info if entry["type"] == "InnerError")


def test_defaults_come_from_the_model() -> None:
    asked = read(job())
    assert asked.hyperparameters == {
        "num_train_epochs": "1",
        "per_device_train_batch_size": "1",
        "learning_rate": "0.0003",
    }
    assert asked.model_version == "1"
    assert asked.validation_data is None


def test_phi_3_trains_in_east_us_2_only_and_the_service_says_so_in_its_words() -> None:
    phi3 = job(**model("Phi-3-mini-4k-instruct/versions/14"))
    assert read(phi3, today=BEFORE_RETIREMENT).model.name == "Phi-3-mini-4k-instruct"
    with pytest.raises(AzureError) as refused:
        read(phi3, region="westus", today=BEFORE_RETIREMENT)
    assert (
        refused.value.message
        == "Phi-3-mini-4k-instruct : Serverless FineTuning not supported in westus."
    )
    assert inner(refused.value) == "ModelNotSupportedByMaaS"


def test_a_retired_model_is_refused_with_its_date_and_its_successor() -> None:
    with pytest.raises(AzureError, match=r"retired on 2025-08-30.*Phi-4-mini-instruct") as refused:
        read(job(**model("Phi-3-mini-4k-instruct")))
    assert inner(refused.value) == "ModelRetired"


def test_a_deprecated_model_takes_no_new_job() -> None:
    with pytest.raises(AzureError, match="deprecated on 2025-06-30"):
        read(job(**model("Phi-3-mini-4k-instruct")), today=date(2025, 7, 15))


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"modelProvider": "AzureOpenAI"}, "only 'Custom'"),
        ({"taskType": "TextCompletion"}, "use 'ChatCompletion'"),
        (model("Phi-9"), "no model 'Phi-9'"),
        (model("Phi-4/versions/99"), "no version '99'"),
        (model("Phi-3.5-vision-instruct"), "retired"),
        ({"model": {"uri": "phi"}}, "not the id of a model"),
        ({"model": {"uri": "azureml:mine:1"}}, "model of a workspace"),
        ({"trainingData": None}, "required"),
        ({"trainingData": {"uri": "train.jsonl"}}, "not the id or path"),
        ({"hyperParameters": {"epochs": "3"}}, "'epochs' is not a hyperparameter"),
        ({"hyperParameters": {"num_train_epochs": 3}}, "must be a string"),
        ({"hyperParameters": {"num_train_epochs": "0"}}, "from 1 to 10"),
        ({"hyperParameters": {"num_train_epochs": "2.5"}}, "from 1 to 10"),
        ({"hyperParameters": {"per_device_train_batch_size": "33"}}, "from 1 to 32"),
        ({"hyperParameters": {"learning_rate": "-1"}}, "greater than 0"),
        ({"hyperParameters": {"learning_rate": "nan"}}, "greater than 0"),
        ({"hyperParameters": {"learning_rate": "fast"}}, "not a number"),
    ],
)
def test_the_service_refuses(details: dict[str, Any], said: str) -> None:
    with pytest.raises(AzureError) as refused:
        read(job(**details))
    assert (refused.value.status, refused.value.code) == (400, "UserError")
    assert said in refused.value.message


def test_a_learning_rate_outside_the_models_tags_is_refused() -> None:
    phi3 = job(**model("Phi-3-mini-4k-instruct"), hyperParameters={"learning_rate": "0.001"})
    with pytest.raises(AzureError, match="5e-07 to 5e-05"):
        read(phi3, today=BEFORE_RETIREMENT)


def test_managed_compute_is_refused_by_name() -> None:
    with pytest.raises(AzureError, match="managed compute is not emulated"):
        read({**job(), "resources": {"instanceTypes": ["Standard_NC24"]}})


def test_the_models_name_is_cleaned_as_the_service_does() -> None:
    body = {**job(), "outputs": {"registered_model": {"assetName": "xbox_support.v1"}}}
    assert read(body).output_name == "xbox-support-v1"
    assert read({**job(), "outputs": None}).output_name == "job-1"
