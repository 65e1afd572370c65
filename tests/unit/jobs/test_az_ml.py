"""What `az ml` takes is taken as it is; what is exported loads with azure-ai-ml's own loaders."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_a_training_is_exported_as_a_job_whose_program_takes_it(
    tmp_path: Path, loaders: tuple[Callable[..., Any], Callable[..., Any]]
) -> None:
    """Everything at once: functions of one's own, a folder as model, every kind of field."""
    (tmp_path / "losses.py").write_text("def mine(logits, targets): return logits\n")
    (tmp_path / "tiny").mkdir()
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / "tiny" / name).write_text("{}")
    for name in ("t.jsonl", "v.jsonl"):
        row = {"messages": [{"role": r, "content": r} for r in ("user", "assistant")]}
        (tmp_path / name).write_text(json.dumps(row) + "\n")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "type: training\nname: ours\nmodel: tiny\ntraining_data: t.jsonl\n"
        "validation_data: {path: v.jsonl, mode: download}\nmethod: full\n"
        "loss: {name: custom, function: ./losses.py:mine}\ngradient_clipping: null\n"
        "optimizer: {name: adamw, betas: [0.9, 0.95]}\nearly_stopping: {}\n"
        "layers: {freeze: [model.embed_tokens*]}\ncheckpoints: {every: 10, resume: false}\n"
        "distribution: {type: pytorch, process_count_per_instance: 4}\ntags: {team: a}\n"
        "resources: {instance_type: Standard_NC96ads_A100_v4}\nlimits: {timeout: 60}\n"
        "budget: {max_usd: 3}\noutputs: {registered_model: {name: tuned}}\n"
    )
    assert main(["export", "--az-ml", str(spec), "--to", str(tmp_path / "out")]) == 0
    job = quietly(loaders[0], tmp_path / "out" / "ours.training.yaml")
    assert job.command == (
        "python train.py --config train.yaml --set model=${{inputs.model}} "
        "--set training_data=${{inputs.training_data}} "
        "--set validation_data=${{inputs.validation_data}} --set output=${{outputs.model}}"
    )
    kinds = {name: given.type for name, given in job.inputs.items()}
    assert kinds == {
        "model": "uri_folder",
        "training_data": "uri_file",
        "validation_data": "uri_file",
    }
    assert (job.outputs["model"].type, job.outputs["model"].name) == ("custom_model", "tuned")
    assert job.distribution.process_count_per_instance == 4
    assert (job.limits.timeout, job.tags) == (60, {"team": "a"})
    packages = job.environment.conda_file["dependencies"][2]["pip"]
    assert "torch==2.15.0" in packages
    code = tmp_path / "out" / "ours.code"
    told = yaml.safe_load((code / "train.yaml").read_text())
    assert told["loss"] == {"name": "custom", "function": "losses.py:mine"}
    assert (told["early_stopping"], told["gradient_clipping"]) == ({}, None)
    assert "learning_rate" not in told  # the program's own default
    inputs = [f"model={tmp_path}/tiny", f"training_data={tmp_path}/t.jsonl"]
    given = [
        word for one in (*inputs, f"validation_data={tmp_path}/v.jsonl") for word in ("--set", one)
    ]
    checked = subprocess.run(
        [sys.executable, "train.py", "--config", "train.yaml", "--check", *given],
        capture_output=True,
        text=True,
        check=False,
        cwd=code,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "train.yaml: in order; 1 rows to learn from\n"


def test_two_ways_to_write_a_training_are_the_same_code(tmp_path: Path) -> None:
    codes: list[str] = []
    for lines in ("loss: focal\n", "loss: {name: focal, gamma: 2.0}\nepochs: 1\nlora: {}\n"):
        spec = tmp_path / "spec.yaml"
        spec.write_text(
            "type: training\nname: ours\nmodel: Phi-4-mini-instruct\ntraining_data: t.jsonl\n"
            f"resources: {{instance_type: Standard_NC24ads_A100_v4}}\n{lines}"
        )
        assert main(["export", "--az-ml", str(spec), "--to", str(tmp_path / "out")]) == 0
        codes.append((tmp_path / "out" / "ours.code" / "train.yaml").read_text())
    assert codes == ["loss:\n  name: focal\n"] * 2


def test_an_online_endpoint_serves_what_a_training_registers(tmp_path: Path) -> None:
    (tmp_path / "serve").mkdir()
    (tmp_path / "serve" / "score.py").write_text("def init(): pass\ndef run(raw_data): return 1\n")
    row = {"messages": [{"role": role, "content": role} for role in ("user", "assistant")]}
    (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "type: training\nname: ours\nmodel: Phi-4-mini-instruct\ntraining_data: t.jsonl\n"
        "resources: {instance_type: Standard_NC24ads_A100_v4}\n---\n"
        "type: online_endpoint\nname: ours\nmodel: ${{ training.ours.registered_model }}\n"
        "code_configuration: {code: serve, scoring_script: score.py}\n"
        "environment: azureml:serving:1\ninstance_type: Standard_DS3_v2\n"
    )
    story = load(spec)
    assert [found for found in story.findings if found.severity == "error"] == []
    desired = read(story.chapters)
    (hosting,) = desired.hostings
    assert hosting.made_by is desired.runnings[0]
    assert (hosting.model, desired.runnings[0].models) == ("ours", ("ours",))
    assert desired.runnings[0].note.startswith("about 11 of the 80 GiB of its A100")
