"""What `az ml` takes is taken as it is; what is exported loads with azure-ai-ml's own loaders."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.cli import main
from jobs.plan.desired import read
from jobs.spec import KINDS, Command, FineTuning, ServerlessEndpoint, load
from jobs.spec.dialects import READ_ONLY
from jobs.spec.shape import fields_of

SPECS = Path(__file__).parents[2] / "data" / "specs"
JOBS = sorted(path.name for path in SPECS.glob("az-*.yaml") if "endpoint" not in path.name)


@pytest.fixture(scope="module")
def loaders() -> tuple[Callable[..., Any], Callable[..., Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml import load_job, load_serverless_endpoint  # pyright: ignore[reportUnknownVariableType]

    return load_job, load_serverless_endpoint  # pyright: ignore[reportUnknownVariableType]


def quietly(loader: Callable[..., Any], path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return loader(path)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_of_az_ml_is_accepted_and_exported_to_the_same_job(
    name: str, tmp_path: Path, loaders: tuple[Callable[..., Any], Callable[..., Any]]
) -> None:
    original = quietly(loaders[0], SPECS / name)
    story = load(SPECS / name)
    assert [f for f in story.findings if f.severity == "error"] == []
    assert main(["export", "--az-ml", str(SPECS / name), "--to", str(tmp_path)]) == 0
    (exported,) = tmp_path.glob("*.yaml")
    again = quietly(loaders[0], exported)
    for field in ("name", "display_name", "experiment_name", "tags", "properties", "compute"):
        assert getattr(again, field) == getattr(original, field), field
    spec = story.specs[0]
    if isinstance(spec, FineTuning):
        assert again.task.lower() == original.task.lower()
        assert again.model.path == original.model.path
        if spec.model_provider == "custom":
            assert original.hyperparameters is None or (
                original.hyperparameters.items() <= again.hyperparameters.items()
            )
        else:
            assert vars(again.hyperparameters) == vars(original.hyperparameters)
    elif isinstance(spec, Command):
        assert again.command == original.command
        assert set(again.inputs) == set(original.inputs)
        assert again.distribution == original.distribution
        assert again.resources == original.resources


def test_an_endpoint_of_az_ml_is_accepted_and_exported(
    tmp_path: Path, loaders: tuple[Callable[..., Any], Callable[..., Any]]
) -> None:
    original = quietly(loaders[1], SPECS / "az-endpoint.yaml")
    story = load(SPECS / "az-endpoint.yaml")
    assert story.findings == ()
    assert isinstance(story.specs[0], ServerlessEndpoint)
    assert main(["export", "--az-ml", str(SPECS / "az-endpoint.yaml"), "--to", str(tmp_path)]) == 0
    (exported,) = tmp_path.glob("*.yaml")
    again = quietly(loaders[1], exported)
    assert (again.name, again.model_id, again.tags) == (
        original.name,
        original.model_id,
        original.tags,
    )


def test_our_own_shape_loads_after_the_export(
    tmp_path: Path, loaders: tuple[Callable[..., Any], Callable[..., Any]]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "type: finetuning\nname: ours\nmodel: Phi-4-mini-instruct\ntraining_data: t.jsonl\n"
        "hyperparameters: {epochs: 3, learning_rate: 1e-4}\n"
        "budget: {max_usd: 3}\n",
        encoding="utf-8",
    )
    (tmp_path / "t.jsonl").write_text("{}\n", encoding="utf-8")
    assert main(["export", "--az-ml", str(spec), "--to", str(tmp_path / "out")]) == 0
    job = quietly(loaders[0], tmp_path / "out" / "ours.finetuning.yaml")
    assert job.model.path == "azureml://registries/azureml/models/Phi-4-mini-instruct"
    assert job.hyperparameters["learning_rate"] == "0.0001"
    assert job.hyperparameters["num_train_epochs"] == "3"


@pytest.mark.parametrize("task", ["chat_completion", "text_completion"])
def test_split_data_is_exported_as_the_two_files_that_apply_would_upload(
    task: str, tmp_path: Path, loaders: tuple[Callable[..., Any], Callable[..., Any]]
) -> None:
    rows = [
        {"prompt": f"q{n}", "completion": f"a{n} b{n}"}
        if task == "text_completion"
        else {"messages": [{"role": r, "content": f"{r} {n}"} for r in ("user", "assistant")]}
        for n in range(40)
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"type: finetuning\nname: ours\ntask: {task}\nmodel: Phi-4-mini-instruct\n"
        "training_data: t.jsonl\nvalidation_data: {split: 0.25, seed: 7}\n"
    )
    assert main(["export", "--az-ml", str(spec), "--to", str(tmp_path / "out")]) == 0
    job = quietly(loaders[0], tmp_path / "out" / "ours.finetuning.yaml")
    parts = [Path(data.path).name for data in (job.training_data, job.validation_data)]
    assert parts == ["ours.train.jsonl", "ours.validation.jsonl"]
    exported = [(tmp_path / "out" / part).read_text().splitlines() for part in parts]
    assert [len(lines) for lines in exported] == [30, 10]
    assert sorted(map(json.loads, [*exported[0], *exported[1]]), key=str) == sorted(rows, key=str)
    (wanted,) = read(load(spec).chapters).trainings
    assert [data.path.read_text().splitlines() for data in wanted.data] == exported


def test_azds_yaml_is_translated_with_notes() -> None:
    story = load(SPECS / "azd-openai.yaml")
    assert {f.severity for f in story.findings} == {"note"}
    spec = story.specs[0]
    assert isinstance(spec, FineTuning)
    assert (spec.name, spec.epochs, spec.batch_size) == ("support", 3, 2)
    assert spec.training_path == "./train.jsonl"
    assert spec.tags == {"stage": "dev"}
    assert spec.registered_model_name == "support"
    said = " ".join(str(finding) for finding in story.findings)
    assert "seed" in said
    assert "extra_body" in said


def test_every_field_that_az_ml_knows_is_known_here(
    loaders: tuple[Callable[..., Any], Callable[..., Any]],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml._schema._finetuning.azure_openai_finetuning import (
            AzureOpenAIFineTuningSchema,
        )
        from azure.ai.ml._schema._finetuning.custom_model_finetuning import (
            CustomModelFineTuningSchema,
        )
        from azure.ai.ml._schema.job.command_job import CommandJobSchema
        from azure.ai.ml.constants._common import BASE_PATH_CONTEXT_KEY
        from azure.ai.ml.entities import ServerlessEndpoint as TheirEndpoint

        schemas: list[tuple[str, Any]] = [
            ("finetuning", AzureOpenAIFineTuningSchema),
            ("finetuning", CustomModelFineTuningSchema),
            ("command", CommandJobSchema),
        ]
        declared = [vars(base).get("__annotations__", {}) for base in TheirEndpoint.__mro__]
        fields = {"serverless_endpoint": {n for names in declared for n in names if n[0] != "_"}}
        for kind, schema in schemas:
            theirs = schema(context={BASE_PATH_CONTEXT_KEY: "."}).fields
            named = {field.data_key or name for name, field in theirs.items()}
            fields[kind] = fields.get(kind, set()) | named
    for kind, names in fields.items():
        assert names - fields_of(KINDS[kind]).keys() - set(READ_ONLY[kind]) == set(), kind


def test_a_sweep_is_refused_by_name_and_not_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "type: finetuning\nname: support\nmodel: Phi-4-mini-instruct\n"
        "training_data: train.jsonl\nvalidation_data: valid.jsonl\n"
        "sweep: {parameters: {epochs: [1, 2]}}\n",
        encoding="utf-8",
    )
    assert main(["export", "--az-ml", str(spec)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "finetuning.support: az ml sweeps command jobs only" in said.err
