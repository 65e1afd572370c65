"""`models` and `forecast`: their day is the first on which validate and the emulator refuse."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from emulator.services.machinelearningservices import catalogue, finetuning
from emulator.services.machinelearningservices.catalogue import BaseModel
from emulator.state.errors import AzureError
from jobs.catalog.catalog import Model, Row, catalog
from jobs.catalog.forecast import ends_of
from jobs.catalog.objections import ending_objection, lifecycle_objection
from jobs.cli import main

DAY = timedelta(days=1)
DATED = [model for model in catalog().models if model.finetune.retired or model.serve.retired]


def test_every_row_that_has_an_end_is_held_to_it_below() -> None:
    assert len(DATED) >= 10
    assert catalog().model("Meta-Llama-3.1-8B-Instruct") in DATED


@pytest.mark.parametrize("model", DATED, ids=lambda model: model.name)
def test_the_day_is_the_first_on_which_validate_refuses(model: Model) -> None:
    for end in ends_of(model, trains=True, serves=True)[:2]:
        assert end.on is not None
        purpose: Literal["finetune", "serve"] = (
            "finetune" if end.what == "new fine-tuning" else "serve"
        )
        before = lifecycle_objection(model.name, purpose, end.on - DAY)
        after = lifecycle_objection(model.name, purpose, end.on)
        assert before is None or before.rule == "FT-C004"
        assert after is not None
        assert after.rule == "FT-C003"
        assert end.todo


NAMELESS = {"tsuzumi-7b"}
"""No document gives its registry id: nobody can name it in a request, here or there."""


def test_the_emulator_has_every_row_that_can_be_named_in_a_request() -> None:
    nameless = {model.name for model in catalog().models if model.id is None}
    unknown = {model.name for model in catalog().models if catalogue.find(model.name) is None}
    assert unknown == nameless == NAMELESS


@pytest.mark.parametrize(
    "model",
    [model for model in catalog().models if model.name not in NAMELESS],
    ids=lambda model: model.name,
)
def test_the_day_is_the_first_on_which_the_emulator_refuses(model: Model) -> None:
    """By the door that jobs go through; endpoints over HTTPS as well, in the integration tests."""
    base = catalogue.find(model.name)
    assert base is not None
    [tunes] = ends_of(model, trains=True)
    _held(tunes.on, lambda day: _tuning_is_refused(base, day))
    for tuned in (False, True):
        served = base.served(tuned=tuned)
        made, answers = ends_of(model, serves=True, tuned=tuned)
        _held(made.on, lambda day, served=served: served.refusal_of_new_use(day) is not None)
        _held(answers.on, lambda day, served=served: served.stage(day) == "Retired")


def _held(day: date | None, is_refused: Callable[[date], bool]) -> None:
    """Refused from that day on and not the day before; where there is none, never."""
    assert not is_refused(day - DAY if day else date(2999, 12, 31))
    if day:
        assert is_refused(day)


def _tuning_is_refused(base: BaseModel, day: date) -> bool:
    details = {
        "modelProvider": "Custom",
        "taskType": "ChatCompletion",
        "model": {"uri": base.uri},
        "trainingData": {"uri": "azureml:data:1"},
    }
    properties = {"jobType": "FineTuning", "fineTuningDetails": details}
    try:
        finetuning.read(properties, job="job", region=base.finetune_regions[0], today=day)
    except AzureError as refusal:
        return "can't be fine-tuned any more" in refusal.message
    return False


def test_what_was_tuned_ends_on_its_own_day_where_a_document_gives_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No row has such a day yet: here one has."""
    name, own_day = "Phi-3-mini-4k-instruct", date(2026, 8, 30)
    model, base = catalog().model(name), catalogue.find(name)
    assert model is not None
    assert base is not None
    terms = msgspec.structs.replace(model.serve, tuned_retired=own_day)
    model = msgspec.structs.replace(model, serve=terms)
    known = msgspec.structs.replace(catalog(), models=(model,))
    monkeypatch.setattr("jobs.catalog.objections.catalog", lambda: known)
    monkeypatch.setattr("jobs.catalog.catalog.catalog", lambda: known)
    served = replace(base, tuned_retired=own_day).served(tuned=True)

    assert [end.on for end in ends_of(model, serves=True)] == [date(2025, 6, 30), base.retired]
    assert [end.on for end in ends_of(model, serves=True, tuned=True)] == [own_day, own_day]
    for day, refused in ((own_day - DAY, False), (own_day, True)):
        objection = lifecycle_objection(name, "serve", day, tuned=True)
        assert (objection is not None and objection.rule == "FT-C003") is refused
        assert (served.refusal_of_new_use(day) is not None) is refused
        assert (served.stage(day) == "Retired") is refused
    assert base.served(tuned=False) is base

    assert main(["models", "--date", "2026-01-01"]) == 0
    assert "no; tuned until 2026-08-30" in capsys.readouterr().out
    assert main(["models", "-o", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["models"]
    assert row["tuned_refused_from"]["answers"] == "2026-08-30"
    assert row["refused_from"]["answers"] == "2025-08-30"


def test_an_end_is_warned_of_from_120_days_before() -> None:
    name, end = "Phi-3-mini-4k-instruct", date(2025, 8, 30)
    assert ending_objection(name, end - 121 * DAY, tuned=True) is None
    near = ending_objection(name, end - 120 * DAY, tuned=True)
    gone = ending_objection(name, end, tuned=True)
    assert near is not None
    assert gone is not None
    assert "answer 404 from 2025-08-30 on, in 120 days" in near.message
    assert "Phi-4-mini-instruct" in near.next_step
    assert "answer 404 since 2025-08-30" in gone.message
    assert ending_objection("Phi-4", end, tuned=False) is None
    assert ending_objection("nobodys", end, tuned=False) is None


def test_a_row_has_the_date_of_its_document() -> None:
    known = catalog()
    rows: list[Row] = [*known.not_finetunable, *known.prices]
    for model in known.models:
        rows += [model, model.context_tokens, model.finetune, model.serve]
        rows += [model.learning_rate, model.batch_size]
    for row in rows:
        assert f"{row.as_of}" in known.sources[row.source], row


def test_models_finds_by_name_region_and_day(capsys: pytest.CaptureFixture[str]) -> None:
    def names(*words: str) -> set[str]:
        assert main(["models", *words, "-o", "json"]) == 0
        return {one["name"] for one in json.loads(capsys.readouterr().out)["models"]}

    assert "Phi-4-mini-instruct" in names("phi", "--now", "--date", "2026-11-27")
    assert "Phi-3-mini-4k-instruct" not in names("--now", "--date", "2025-06-30")
    assert "Phi-3-mini-4k-instruct" in names("--now", "--date", "2025-06-29")
    assert names("--region", "West US 3") >= {"Llama-3.3-70B-Instruct"}
    assert names("nonesuch") == set()
    assert main(["models"]) == 0
    assert "FINE-TUNED" in capsys.readouterr().out


def test_forecast_says_the_day_and_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "type: finetuning\nname: x\nmodel: Phi-3-mini-4k-instruct\n"
        "training_data: azureml:x:1\nvalidation_data: azureml:y:1\n---\n"
        "type: serverless_endpoint\nname: x\nmodel: ${{ finetuning.x.registered_model }}\n",
        encoding="utf-8",
    )
    assert main(["forecast", str(spec), "--date", "2025-06-01", "-o", "json"]) == 0
    ends = json.loads(capsys.readouterr().out)["ends"]
    assert [(one["document"], one["what"], one["refused_from"]) for one in ends] == [
        ("finetuning.x", "new fine-tuning", "2025-06-30"),
        ("serverless_endpoint.x", "new endpoints", "2025-06-30"),
        ("serverless_endpoint.x", "answers", "2025-08-30"),
    ]
    assert main(["forecast", str(spec), "--date", "2025-06-01"]) == 0
    said = capsys.readouterr().out
    assert "2025-06-30 (29 days)" in said
    assert "Phi-4-mini-instruct" in said
