"""Every shape of command job that azureml-examples have, accepted, or refused at its own field.

The documents are written here after the shapes of `cli/jobs` in Azure/azureml-examples (MIT), each
under the name of the file whose fields it has. azure-ai-ml loads all of them.
"""

import warnings
from pathlib import Path
from typing import Any

import pytest

from jobs.read.examine import examine

HEAD = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\n"
IMAGE = "environment: {image: library/python:latest}\n"
CURATED = "environment: azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest\n"
CLUSTER = "compute: azureml:cpu-cluster\n"

ACCEPTED = {
    "basics/hello-world": f'command: echo "hi"\n{IMAGE}',
    "basics/hello-world-org": (
        f'command: echo "hi"\n{IMAGE}{CLUSTER}tags: {{hello: world}}\ndisplay_name: hi\n'
        "experiment_name: hi\ndescription: |\n  # A job\n"
    ),
    "basics/hello-world-env-var": (
        f"command: echo $hi\n{IMAGE}{CLUSTER}environment_variables: {{hi: there}}\n"
    ),
    "basics/hello-world-input": (
        "command: |\n  echo ${{inputs.text}}\n  echo ${{inputs.number}}\n"
        f"{IMAGE}inputs: {{text: hi, number: 42}}\n{CLUSTER}"
    ),
    "basics/hello-world-output": f"command: echo hi > ./outputs/hi.txt\n{IMAGE}{CLUSTER}",
    "basics/hello-world-output-data": (
        f"command: echo hi > ${{{{outputs.said}}}}/hi.txt\noutputs:\n  said:\n{IMAGE}{CLUSTER}"
    ),
    "basics/hello-code": f"command: ls\ncode: src\n{IMAGE}{CLUSTER}",
    "basics/hello-git": f"command: pip install pygit2; python run.py\ncode: src\n{IMAGE}",
    "basics/hello-model-as-input (a file as code)": f"command: ls\ncode: src/run.py\n{CURATED}",
    "basics/hello-data-uri-folder": (
        "command: ls ${{inputs.rows}}\ncode: src\ninputs:\n"
        f"  rows: {{type: uri_folder, path: 'azureml:rows@latest', mode: ro_mount}}\n{CURATED}"
    ),
    "basics/hello-dataset": (
        "command: ls ${{inputs.rows}}\ninputs:\n"
        "  rows: {type: uri_folder, path: 'azureml:rows:1', mode: download}\n"
        "environment: azureml://registries/azureml/environments/sklearn-1.0/labels/latest\n"
    ),
    "basics/hello-iris-datastore-file": (
        "command: cat ${{inputs.rows}}\ninputs:\n  rows:\n    type: uri_file\n"
        f"    path: azureml://datastores/workspaceblobstore/paths/rows/a.csv\n{CURATED}{CLUSTER}"
    ),
    "basics/hello-iris-file": (
        "command: cat ${{inputs.rows}}\ninputs:\n"
        f"  rows: {{type: uri_file, path: 'https://acme.blob.core.windows.net/a/b.csv'}}\n{CURATED}"
    ),
    "basics/hello-iris-folder": (
        "command: ls ${{inputs.rows}}\ninputs:\n"
        "  rows: {type: uri_folder, path: 'wasbs://a@acme.blob.core.windows.net/b'}\n"
        f"{CURATED}"
    ),
    "basics/hello-iris-literal": (
        "command: echo ${{inputs.rows}}\n"
        f"inputs: {{rows: 'https://acme.blob.core.windows.net/a/b.csv'}}\n{CURATED}"
    ),
    "basics/hello-local-file-as-input": (
        "command: cat ${{inputs.rows}}\n"
        f"inputs: {{rows: {{type: uri_file, path: ./data/rows.csv}}}}\n{CURATED}{CLUSTER}"
    ),
    "basics/hello-local-folder-as-input": (
        f"command: ls ${{{{inputs.rows}}}}\ninputs: {{rows: {{path: ./data}}}}\n{CURATED}{CLUSTER}"
    ),
    "basics/hello-custom_model_inline": (
        "command: ls ${{inputs.model}}\ninputs:\n"
        f"  model: {{type: custom_model, path: 'azureml:mine@latest', mode: ro_mount}}\n{CURATED}"
    ),
    "basics/hello-model-as-output": (
        "command: cp -r ${{inputs.model}} ${{outputs.copy}}\ninputs:\n"
        "  model: {type: mlflow_model, path: 'azureml:mine:1'}\n"
        f"outputs: {{copy: {{type: custom_model, name: copied, mode: upload}}}}\n{CURATED}"
    ),
    "basics/hello-interactive": (
        f"command: sleep 900\n{CURATED}{CLUSTER}services:\n"
        "  code: {type: vs_code, nodes: all}\n"
        "  lab: {type: jupyter_lab, nodes: all}\n  board: {type: tensor_board, log_dir: logs}\n"
    ),
    "single-step/dask/nyctaxi": (
        "code: src\ncommand: python run.py ${{inputs.rows}} ${{outputs.out}}\n"
        "inputs: {rows: {path: 'wasbs://a@acme.blob.core.windows.net/b/', mode: ro_mount}}\n"
        "outputs:\n  out:\n"
        "environment: {image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04, "
        f"conda_file: conda.yml}}\n{CLUSTER}resources: {{instance_count: 4}}\n"
        "distribution: {type: pytorch}\n"
    ),
    "single-step/pytorch/cifar-distributed": (
        f"code: src\ncommand: python run.py\n{CURATED}{CLUSTER}resources: {{instance_count: 2}}\n"
        "distribution: {type: pytorch, process_count_per_instance: 2}\n"
    ),
    "single-step/tensorflow/mnist-distributed": (
        f"code: src\ncommand: python run.py\n{CURATED}{CLUSTER}resources: {{instance_count: 2}}\n"
        "distribution: {type: tensorflow, worker_count: 2}\n"
    ),
    "single-step/tensorflow/mnist-distributed-horovod": (
        f"code: src\ncommand: python run.py\n{CURATED}"
        "resources: {instance_type: Standard_NC6s_v3}\n"
        "distribution: {type: mpi, process_count_per_instance: 2}\n"
    ),
    "single-step/scikit-learn/iris/job-docker-context": (
        "code: src\ncommand: python run.py\nenvironment: {build: {path: docker-context}}\n"
    ),
    "single-step/scikit-learn/iris-notebook": (
        "code: src\ncommand: |\n  pip install papermill\n  papermill a.ipynb outputs/b.ipynb\n"
        f"environment: {{image: python, conda_file: {{dependencies: [python=3.10]}}}}\n{CLUSTER}"
        "queue_settings: {job_tier: spot, priority: low}\nidentity: {type: user_identity}\n"
    ),
}

REFUSED = {
    "single-step/gpu_perf/gpu_perf_job": (
        "code: src\ncommand: ./run.sh\nenvironment: file:./env.yml\n",
        {("FT-S040", "environment")},
    ),
    "basics/hello-model-as-input": (
        "command: ls ${{inputs.model}}\n"
        f"inputs: {{model: {{type: mlflow_model, path: data}}}}\n{CURATED}",
        {("FT-S040", "inputs.model.path")},
    ),
    "single-step/pytorch (code of a repository)": (
        f"command: ls\ncode: git+https://github.com/acme/code\n{CURATED}",
        {("FT-S040", "code")},
    ),
    "single-step (compute local)": (
        f"command: ls\ncompute: local\n{IMAGE}",
        {("FT-S040", "compute")},
    ),
    "basics/hello-model-as-output (a version)": (
        f"command: ls\noutputs: {{model: {{type: custom_model, name: m, version: 2}}}}\n{CURATED}",
        {("FT-S040", "outputs.model.version")},
    ),
    "environments in place (routes of serving)": (
        "command: ls\nenvironment:\n  image: python\n  inference_config:\n"
        "    liveness_route: {port: 8000, path: /}\n    readiness_route: {port: 8000, path: /}\n"
        "    scoring_route: {port: 8000, path: /}\n",
        {("FT-S040", "environment.inference_config")},
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shapes")
    for name in (
        "src/run.py",
        "data/rows.csv",
        "docker-context/Dockerfile",
        "conda.yml",
        "env.yml",
    ):
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text("image: python\n" if name == "env.yml" else "a: b\n")
    return made


@pytest.fixture(scope="module")
def load_job() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import azure.ai.ml

    return azure.ai.ml.load_job  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


SHAPES = [
    *((name, text, set[tuple[str, str]]()) for name, text in ACCEPTED.items()),
    *((name, *refused) for name, refused in REFUSED.items()),
]


@pytest.mark.parametrize(("name", "text", "refused"), SHAPES, ids=[shape[0] for shape in SHAPES])
def test_what_azure_ai_ml_loads_is_accepted_or_refused_by_name(
    name: str, text: str, refused: set[tuple[str, str]], folder: Path, load_job: Any
) -> None:
    spec = folder / "job.yaml"
    spec.write_text(HEAD + text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert load_job(spec).type == "command", name
    errors = {(f.rule, f.path) for f in examine([spec]).findings if f.severity == "error"}
    assert errors == refused
