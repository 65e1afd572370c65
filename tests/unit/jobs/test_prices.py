"""A team's price list: which one counts, what is wrong with it, and what rests on it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jobs.cli import main
from jobs.spec.schema import prices_schema
from tools.spec_page import PRICES_EXAMPLE

LIST = """\
as_of: 2026-10-01
models:
  Phi-4: {hosting_per_hour: 9}
  Phi-4-mini-instruct:
    training_per_million_tokens: 3
    hosting_per_hour: 0.8
    input_per_million_tokens: 0.1
    output_per_million_tokens: 0.4
"""
STORY = """\
type: finetuning
name: one
model: azureml://registries/azureml/models/Phi-4-mini-instruct
training_data: train.jsonl
validation_data: {split: 0.2}
---
type: serverless_endpoint
name: one
model: ${{ finetuning.one.registered_model }}
"""
ALONE = """\
type: serverless_endpoint
name: plain
model: azureml://registries/azureml/models/Phi-4
smoke_tests: [{prompt: Does it work?, max_tokens: 1000}]
"""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a price list at its root, and a spec two folders below it."""
    (tmp_path / "team" / ".git").mkdir(parents=True)
    folder = tmp_path / "team" / "jobs" / "specs"
    folder.mkdir(parents=True)
    turns = [
        [{"role": role, "content": f"{role} {n * 7919}"} for role in ("user", "assistant")]
        for n in range(60)
    ]
    text = "".join(json.dumps({"messages": messages}) + "\n" for messages in turns)
    (folder / "train.jsonl").write_text(text, encoding="utf-8")
    (folder / "spec.yaml").write_text(STORY, encoding="utf-8")
    (tmp_path / "team" / "prices.yaml").write_text(LIST, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "team")
    return tmp_path / "team"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> "Said":
    return Said(capsys)


class Said:
    """What a command says, as JSON."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self.captured = captured

    def cost(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The first document's cost."""
        assert main(["cost", *(arguments or ("jobs/specs/spec.yaml",)), "-o", "json"]) == code
        return json.loads(self.captured.readouterr().out)["costs"][0]

    def origins(self, *arguments: str) -> dict[str, str]:
        """Where each kind of price comes from."""
        lines = self.cost(*arguments)["lines"]
        return {price["unit"]: price["from"] for line in lines for price in line["prices"]}

    def findings(self, file: str) -> list[tuple[str, int, int, str]]:
        """Place and rule of each finding."""
        assert main(["validate", "--no-data", file, "-o", "json"]) == 3
        found = json.loads(self.captured.readouterr().out)["findings"]
        return [(one["file"], one["line"], one["column"], one["rule"]) for one in found]


def test_the_nearest_list_above_the_spec_counts_and_each_price_has_its_line(
    team: Path, said: Said
) -> None:
    assert said.origins() == {
        "1M training tokens": "prices.yaml:5, as of 2026-10-01",
        "hour": "prices.yaml:6, as of 2026-10-01",
        "1M tokens read": "prices.yaml:7, as of 2026-10-01",
        "1M tokens written": "prices.yaml:8, as of 2026-10-01",
    }
    cost = said.cost()
    assert cost["lines"][1]["high"] == pytest.approx(0.8)
    assert cost["high"] is not None, "every price is known, and none a floor"
    (team / "jobs" / "prices.yaml").write_text(LIST.replace("0.8", "2"), encoding="utf-8")
    assert said.origins()["hour"] == "jobs/prices.yaml:6, as of 2026-10-01"
    assert said.cost()["lines"][1]["high"] == pytest.approx(2)


def test_a_specs_own_price_wins_and_what_it_lacks_is_the_teams_then_the_catalogues(
    team: Path, said: Said
) -> None:
    own = "budget: {max_usd: 9, prices: {hosting_per_hour: 5, source: mine, as_of: 2026-11-01}}\n"
    (team / "jobs/specs/spec.yaml").write_text(own + STORY, encoding="utf-8")
    text = LIST.replace("    output_per_million_tokens: 0.4\n", "")
    (team / "prices.yaml").write_text(text, encoding="utf-8")
    assert said.origins() == {
        "1M training tokens": "prices.yaml:5, as of 2026-10-01",
        "hour": "jobs/specs/spec.yaml:1, as of 2026-11-01, from mine",
        "1M tokens read": "prices.yaml:7, as of 2026-10-01",
        "1M tokens written": "the catalogue",
    }


def test_a_spec_names_another_list_relative_to_itself(team: Path, said: Said) -> None:
    (team / "agreed.yaml").write_text(LIST.replace("0.8", "7"), encoding="utf-8")
    setting = ("jobs/specs/spec.yaml", "--set", "finetuning.one.budget.max_usd=9", "--set")
    named = (*setting, "budget.prices=../../agreed.yaml")
    assert said.origins(*named)["hour"] == "jobs/specs/../../agreed.yaml:6, as of 2026-10-01"
    gone = main(["cost", *setting, "budget.prices=../agreed.yaml"])
    assert gone == 3
    assert (
        "'../agreed.yaml' can't be read: there is no such file." in said.captured.readouterr().err
    )


def test_no_list_above_the_repository_counts(team: Path, said: Said) -> None:
    (team / "prices.yaml").rename(team.parent / "prices.yaml")
    assert set(said.origins().values()) == {"the catalogue"}
    (team / ".git").rmdir()
    assert said.origins()["hour"] == "../prices.yaml:6, as of 2026-10-01"


@pytest.mark.parametrize("mode", [0o1777, 0o777])
def test_a_folder_that_everybody_shares_is_not_looked_into(
    mode: int, team: Path, said: Said
) -> None:
    (team / "jobs").chmod(mode)
    (team / "jobs" / "prices.yaml").write_text(LIST, encoding="utf-8")
    shared = mode & 0o1000
    found = said.origins()["hour"]
    assert found == ("the catalogue" if shared else "jobs/prices.yaml:6, as of 2026-10-01")


def test_outside_of_a_repository_your_home_is_the_last_folder(
    team: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    (team / ".git").rmdir()
    monkeypatch.setenv("HOME", str(team))
    assert said.origins()["hour"] == "prices.yaml:6, as of 2026-10-01"
    monkeypatch.setenv("HOME", str(team / "jobs"))
    assert said.origins()["hour"] == "the catalogue"


WRONG: dict[str, tuple[str | bytes, list[tuple[int, int, str]]]] = {
    "an unknown model": (LIST.replace("Phi-4-mini", "Phi-4-mni"), [(4, 3, "FT-S044")]),
    "a model twice": (
        LIST.replace("Phi-4:", "azureml://registries/azureml/models/phi-4-mini-instruct:"),
        [(4, 3, "FT-S044")],
    ),
    "an unknown unit": (LIST.replace("hosting_per_hour: 0", "per_hour: 0"), [(6, 5, "FT-S004")]),
    "less than nothing": (LIST.replace("0.8", "-0.8"), [(6, 23, "FT-S007")]),
    "not a number": (LIST.replace("0.8", "a lot"), [(6, 23, "FT-S006")]),
    "no number at all": (LIST.replace("0.8", ".nan"), [(6, 23, "FT-S007")]),
    "true": (LIST.replace("0.8", "true"), [(6, 23, "FT-S006")]),
    "no day": (LIST.replace("as_of: 2026-10-01\n", ""), [(1, 1, "FT-S005")]),
    "a day that is none": (LIST.replace("2026-10-01", "2026-13-01"), [(1, 8, "FT-S007")]),
    "no mapping": ("- as_of\n", [(1, 1, "FT-S010")]),
    "nothing": ("# later\n", [(1, 1, "FT-S010")]),
    "two documents": (f"{LIST}---\n{LIST}", [(10, 1, "FT-S044")]),
    "a key twice": (f"{LIST}as_of: 2026-11-01\n", [(9, 1, "FT-S002")]),
    "not UTF-8": (LIST.encode().replace(b"0.8", b"\xff"), [(6, 23, "FT-S001")]),
    "no YAML": (LIST.replace("{hosting", "[hosting"), [(3, 30, "FT-S001")]),
}


@pytest.mark.parametrize("why", WRONG)
def test_what_is_wrong_with_a_list_is_told_with_place_and_rule(
    why: str, team: Path, said: Said
) -> None:
    written, expected = WRONG[why]
    content = written if isinstance(written, bytes) else written.encode()
    (team / "prices.yaml").write_bytes(content)
    places = [("prices.yaml", *place) for place in expected]
    assert said.findings("jobs/specs/spec.yaml") == places
    assert said.findings("prices.yaml") == places, "and alone"
    assert main(["cost", "jobs/specs/spec.yaml"]) == 3, "no cost rests on half a list"
    assert main(["forecast", "jobs/specs/spec.yaml"]) == 0, "which has no use for prices"


def test_what_is_no_file_is_told_and_not_passed_over(team: Path, said: Said) -> None:
    (team / "prices.yaml").unlink()
    (team / "prices.yaml").mkdir()
    assert said.findings("jobs/specs/spec.yaml") == [("prices.yaml", 0, 0, "FT-S009")]


def test_a_list_that_several_specs_share_is_found_fault_with_once(team: Path, said: Said) -> None:
    (team / "jobs/specs/other.yaml").write_text(ALONE, encoding="utf-8")
    (team / "prices.yaml").write_text(LIST.replace("0.8", "-0.8"), encoding="utf-8")
    assert said.findings(".") == [("prices.yaml", 6, 23, "FT-S007")]


def test_a_list_is_no_spec(team: Path, said: Said) -> None:
    assert main(["validate", "--no-data", "."]) == 0, "nor is it in a folder of specs"
    assert main(["plan", "prices.yaml"]) == 2
    assert "prices.yaml is a price list, and nothing to make." in said.captured.readouterr().err
    assert team


def test_an_endpoint_of_a_model_from_elsewhere_is_held_to_its_own_budget(
    team: Path, said: Said
) -> None:
    spec = team / "jobs/specs/spec.yaml"
    spec.write_text(f"{ALONE}budget: {{max_usd: 1, covers: everything}}\n", encoding="utf-8")
    cost = said.cost()
    assert (cost["verdict"], cost["budget_max_usd"]) == ("within", 1)
    assert [line["what"] for line in cost["lines"]] == ["smoke tests and probes"]
    dear = LIST.replace("hosting_per_hour: 9", "output_per_million_tokens: 9999")
    (team / "prices.yaml").write_text(dear, encoding="utf-8")
    over = said.cost(code=5)
    assert over["verdict"] == "perhaps over"
    assert over["lines"][0]["prices"][1]["from"] == "prices.yaml:3, as of 2026-10-01"


def test_a_projects_model_is_paid_by_the_hour_whoever_trained_it(team: Path, said: Said) -> None:
    model = "azureml:support:3"
    text = ALONE.replace("azureml://registries/azureml/models/Phi-4", model)
    budget = "budget: {max_usd: 1, hosting_hours: 24, covers: everything}\n"
    (team / "jobs/specs/spec.yaml").write_text(text + budget, encoding="utf-8")
    assert "hosting" in said.cost(code=5)["not_covered"]
    units = "{hosting_per_hour: 1, input_per_million_tokens: 1, output_per_million_tokens: 1}"
    listed = f"{LIST}  {model}: {units}\n"
    (team / "prices.yaml").write_text(listed, encoding="utf-8")
    cost = said.cost(code=5)
    assert cost["lines"][0]["what"] == "hosting"
    assert (cost["lines"][0]["high"], cost["verdict"]) == (24, "over")


def test_a_trainings_budget_is_meant_where_its_endpoint_can_have_none(
    team: Path, said: Said
) -> None:
    cost = said.cost("jobs/specs/spec.yaml", "--set", "budget.max_usd=20")
    assert (cost["document"], cost["budget_max_usd"]) == ("finetuning.one", 20)
    spec = team / "jobs/specs/spec.yaml"
    spec.write_text(f"{STORY}budget: {{max_usd: 5}}\n", encoding="utf-8")
    assert said.findings("jobs/specs/spec.yaml") == [("jobs/specs/spec.yaml", 10, 1, "FT-S045")]


def test_the_schema_takes_the_documents_example_and_no_misspelled_unit(
    team: Path, said: Said
) -> None:
    from jobs.spec.reader import read

    validator: Any = jsonschema.Draft202012Validator(prices_schema())
    validator.check_schema(prices_schema())
    (team / "prices.yaml").write_text(PRICES_EXAMPLE, encoding="utf-8")
    assert main(["validate", "prices.yaml"]) == 0
    good = read(PRICES_EXAMPLE.encode())[0][0].value
    assert validator.is_valid(good)
    wrongs: tuple[dict[str, Any], ...] = (
        {"as_of": None},
        {"models": {"Phi-4": {"per_hour": 1}}},
        {"models": {"Phi-4": {"hosting_per_hour": -1}}},
        {"prices": {}},
    )
    for wrong in wrongs:
        assert not validator.is_valid({**good, **wrong}), wrong
    said.captured.readouterr()
    assert main(["schema", "prices"]) == 0
    assert json.loads(said.captured.readouterr().out) == prices_schema()
