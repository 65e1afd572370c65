"""What a command job may ask for, and how its command is filled in."""

from typing import Any

import pytest

from emulator.services.machinelearningservices import command
from emulator.state.errors import AzureError
from emulator.state.json_text import merge_patch

BODY: dict[str, Any] = {
    "command": "python train.py ${{inputs.data}} --rate ${{inputs.rate}} ${{outputs.model}}",
    "environmentId": "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
    "inputs": {
        "data": {"jobInputType": "uri_file", "uri": "azureml:data:1"},
        "rate": {"jobInputType": "literal", "value": "0.5"},
    },
    "outputs": {"model": {"jobOutputType": "custom_model", "assetName": "m"}},
    "resources": {"instanceType": "Standard_DS3_v2", "instanceCount": 1},
    "limits": {"jobLimitsType": "Command", "timeout": "PT1H"},
    "environmentVariables": {"A": "b"},
}


def test_a_body_of_azure_ai_ml_is_read() -> None:
    read = command.read(BODY)
    assert read.inputs["data"].mode == "ReadOnlyMount"
    assert (read.inputs["data"].asset, read.inputs["rate"].value) == ("data", "0.5")
    assert (read.outputs["model"].name, read.outputs["model"].mode) == ("m", "ReadWriteMount")
    assert (read.timeout, read.variables, read.distribution) == (3600, {"A": "b"}, None)


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"command": " "}, 400, "'command' is required"),
    ({"environmentId": None}, 400, "'environmentId' is required"),
    ({"command": "echo ${{inputs.typo}}"}, 400, "does not contain 'typo'"),
    ({"command": "echo ${{outputs.typo}}"}, 400, "does not contain 'typo'"),
    ({"command": "echo ${{search_space.x}}"}, 400, "neither an input nor an output"),
    ({"inputs": {"rate": None}}, 400, "does not contain 'rate'"),
    ({"inputs": {"a-b": {"jobInputType": "literal"}}}, 400, "letters, digits and _"),
    ({"inputs": {"data": {"jobInputType": "parquet"}}}, 400, "'parquet' is not a jobInputType"),
    ({"inputs": {"data": {"uri": None}}}, 400, "'inputs.data.uri' is required"),
    ({"inputs": {"data": {"mode": "EvalMount"}}}, 501, "the mode 'EvalMount'"),
    ({"inputs": {"rate": {"value": 5}}}, 400, "must be a string"),
    ({"outputs": {"model": {"jobOutputType": "x"}}}, 400, "'x' is not a jobOutputType"),
    ({"outputs": {"model": {"mode": "Direct"}}}, 501, "the mode 'Direct'"),
    ({"limits": {"timeout": "1 hour"}}, 400, "ISO 8601"),
    ({"limits": {"timeout": "PT0S"}}, 400, "above zero"),
    ({"environmentVariables": {"A=": "b"}}, 400, "no name of a variable"),
    ({"environmentVariables": {"A": 1}}, 400, "must be a string"),
    ({"resources": {"instanceType": "a100"}}, 400, "not an instance type"),
    ({"resources": {"instanceCount": 2}}, 501, "on 2 machines"),
    ({"resources": {"properties": {"local": {}}}}, 501, "compute 'local'"),
    (
        {"distribution": {"distributionType": "PyTorch", "processCountPerInstance": 8}},
        501,
        "more than one process",
    ),
    ({"distribution": {"distributionType": "Ray"}}, 501, "a distribution of type 'Ray'"),
]


@pytest.mark.parametrize(("change", "status", "words"), REFUSED)
def test_what_cannot_be_is_refused_by_name(change: dict[str, Any], status: int, words: str) -> None:
    body = merge_patch(BODY, change)
    if change.get("inputs", {}).get("rate", 0) is None:
        body["inputs"]["rate"] = None  # azure-ai-ml sends a null for an input without a value
    with pytest.raises(AzureError) as refused:
        command.read(body)
    assert refused.value.status == status
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("PT90S", 90), ("PT1H30M", 5400), ("P1D", 86400), ("P1DT1M", 86460), ("PT1.5S", 1.5)],
)
def test_a_duration_is_read_with_its_fraction(duration: str, seconds: float) -> None:
    assert command.seconds_of(duration) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1H", "PT5", "P1Y", "PT-1S"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert command.seconds_of(text) is None


def test_paths_and_values_fill_in_a_command_and_an_optional_part_goes_with_its_input() -> None:
    line = "run ${{inputs.data}} $[[--seed ${{ inputs.seed }}]] > ${{outputs.out}}"
    given = {"data": "/in put", "seed": None}
    assert command.filled_in(line, given, {"out": "/out"}) == "run /in put  > /out"
    assert "--seed 7" in command.filled_in(line, given | {"seed": "7"}, {"out": "/out"})
