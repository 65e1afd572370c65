"""Each rule about specs and the catalogue: a file that it finds, and one that it doesn't."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from jobs.errors import InvalidInputError
from jobs.findings import Finding
from jobs.read.examine import checked, examine
from jobs.rules import RULES
from jobs.spec import content_hash, load
from tests.unit.jobs.spec_texts import (
    COMMAND,
    JOB,
    TODAY,
    alone,
    conversation,
    endpoint,
    evaluation,
    job,
    judged,
    rules_of,
    swept,
)

CASES: dict[str, tuple[str, str]] = {
    "FT-S001": (job("{epochs: 3,", "{epochs: 3"), job()),
    "FT-S002": (job("", "name: again\n"), job("", "display_name: again\n")),
    "FT-S003": (job("", f"tags: {'[' * 70}{']' * 70}\n"), job("", "tags: {a: b}\n")),
    "FT-S004": (job("epochs", "epocs"), job("epochs", "num_train_epochs")),
    "FT-S005": (job("training_data: train.jsonl\n", ""), job("validation_data: valid.jsonl\n", "")),
    "FT-S006": (job("epochs: 3", "epochs: three"), job("epochs: 3", 'epochs: "3"')),
    "FT-S007": (job("2e-5", "-2e-5"), job("2e-5", "1e-6")),
    "FT-S008": (
        job("type: finetuning", "type: finetune"),
        job("type: finetuning", "type: FineTuning"),
    ),
    "FT-S010": ("# nothing here\n", f"# a comment\n---\n{JOB}"),
    "FT-S011": (
        endpoint().replace("registered_model }}", "registered_model }"),
        endpoint().replace("${{ finetuning", "${{finetuning"),
    ),
    "FT-S012": (
        endpoint().replace("${{ finetuning.xbox-support", "${{ finetuning.xbox"),
        endpoint(),
    ),
    "FT-S013": (
        job(
            "azureml://registries/azureml/models/Phi-4-mini-instruct",
            "${{ finetuning.b.registered_model }}",
        )
        + "---\n"
        + JOB.replace("name: xbox-support", "name: b").replace(
            "azureml://registries/azureml/models/Phi-4-mini-instruct",
            "${{ finetuning.xbox-support.registered_model }}",
        ),
        JOB
        + "---\n"
        + JOB.replace("name: xbox-support", "name: b").replace(
            "azureml://registries/azureml/models/Phi-4-mini-instruct",
            "${{ finetuning.xbox-support.registered_model }}",
        ),
    ),
    "FT-S014": (
        evaluation().replace(
            "${{ serverless_endpoint.xbox-support }}", "${{ finetuning.xbox-support }}"
        ),
        evaluation(),
    ),
    "FT-S015": (f"{JOB}---\n{JOB}", f"{JOB}---\n{JOB.replace('name: xbox-support', 'name: b')}"),
    "FT-S016": (
        job("epochs: 3", "epochs: 3, num_train_epochs: 3"),
        job("epochs: 3", "num_train_epochs: 3"),
    ),
    "FT-S017": (job("train.jsonl", "trian.jsonl"), job("train.jsonl", "./train.jsonl")),
    "FT-S018": ("model: Phi-4\nname: x\ntraining_file: local:./train.jsonl\n", job()),
    "FT-S019": (job("", "status: Completed\n"), job("", "display_name: Completed\n")),
    "FT-S020": (
        job(
            "name: xbox-support\n",
            "",
        ).replace("{registered_model: {}}", "{}"),
        job(),
    ),
    "FT-S021": (job("name: xbox-support\n", "name: xbox support\n"), job()),
    "FT-S022": (
        endpoint("content_safety: disabled\n"),
        endpoint("content_safety: disabled\njustification: a red-team target, ticket 4711\n"),
    ),
    "FT-S023": (
        job("validation_data: valid.jsonl", "validation_data: {path: valid.jsonl, split: 0.2}"),
        job("validation_data: valid.jsonl", "validation_data: {split: 0.2}"),
    ),
    "FT-S024": (
        endpoint("smoke_tests: [{expect: {min_chars: 3}}]\n"),
        endpoint("smoke_tests: [{prompt: Hello, expect: {min_chars: 3}}]\n"),
    ),
    "FT-S025": (
        evaluation('gates: {token_f1: "over 0.6"}\n'),
        evaluation('gates: {token_f1: ">= 60 %"}\n'),
    ),
    "FT-S026": (
        job("", "ignore: [{rule: FT-S004, reason: we like it}]\n"),
        job("", "ignore: [{rule: FT-D021, reason: we like it}]\n"),
    ),
    "FT-S027": (
        job("", "ignore: [{rule: FT-D021, reason: soon gone, until: 2026-11-22}]\n"),
        job("", "ignore: [{rule: FT-D021, reason: soon gone, until: 2026-11-23}]\n"),
    ),
    "FT-S028": (
        job("", "ignore: [{rule: FT-C008, reason: we know better}]\n"),
        job("epochs: 3", "epochs: 20") + "ignore: [{rule: FT-C008, reason: we know better}]\n",
    ),
    "FT-S029": (job("epochs: 3", "epochs: 3, adam_beta1: 0.8"), job()),
    "FT-S030": (
        endpoint('smoke_tests: [{prompt: Hi, expect: {matches: "(a"}}]\n'),
        endpoint('smoke_tests: [{prompt: Hi, expect: {matches: "(a)"}}]\n'),
    ),
    "FT-S032": (
        job("", f"description: AccountKey={'q1W2e3R4t5Y6u7I8o9P0' * 4}aB3d+/==\n"),
        job("", f"description: AccountKey={'a' * 86}==\n"),
    ),
    "FT-S033": (job("train.jsonl", "train.json"), job()),
    "FT-S034": (
        "model: Phi-4\nname: x\ntraining_file: train.jsonl\nmethod: {type: dpo}\n",
        "model: Phi-4\nname: x\ntraining_file: train.jsonl\nmethod: {type: supervised}\n",
    ),
    "FT-S035": (
        COMMAND + "distribution: {type: pytorch, worker_count: 2}\n",
        COMMAND + "distribution: {type: tensorflow, worker_count: 2}\n",
    ),
    "FT-S036": (job("epochs: 3", "n_epochs: 3"), job()),
    "FT-S037": (
        endpoint("tags: {foundry-tune.proof: forged}\n"),
        endpoint("tags: {foundry_tune: theirs}\n"),
    ),
    "FT-S038": (
        job("azureml://registries/azureml/models/Phi-4-mini-instruct", "microsoft/Phi-4-mini"),
        job("azureml://registries/azureml/models/Phi-4-mini-instruct", "Phi-4-mini-instruct"),
    ),
    "FT-S039": (
        job("training_data: train.jsonl", "training_data: {path: train.jsonl, type: uri_folder}"),
        job("training_data: train.jsonl", "training_data: {path: train.jsonl, type: uri_file}"),
    ),
    "FT-S040": (job("", "compute: azureml:gpu\n"), job("", "display_name: gpu\n")),
    "FT-S041": (job("train.jsonl", "azureml:support-train:7"), job("train.jsonl", "./train.jsonl")),
    "FT-S042": (
        evaluation("metrics: [valid_format]\n"),
        evaluation('metrics: [valid_format]\nformat: {matches: "[0-9]+"}\n'),
    ),
    "FT-S045": (endpoint("budget: {max_usd: 5}\n"), alone("budget: {max_usd: 5}\n")),
    "FT-S043": (
        evaluation("labels: [refund]\n"),
        evaluation("metrics: [accuracy]\n"),
    ),
    "FT-S046": (
        evaluation("compare_with: [base]\n"),
        evaluation("compare_with: [base]\nbase: phi-base\n"),
    ),
    "FT-S047": (
        evaluation("custom_metrics: {brief: metrics.py:breif}\n"),
        evaluation("custom_metrics: {brief: metrics.py:brief}\n"),
    ),
    "FT-S048": (evaluation("slices: [regoin]\n"), evaluation("slices: [length, system]\n")),
    "FT-S049": (
        swept("{parameters: {learning_rate: []}}"),
        swept("{parameters: {learning_rate: [2e-5]}}"),
    ),
    "FT-S050": (
        swept(
            "{method: halving, trials: 60, parameters: {learning_rate: {min: 1e-6, max: 1e-4}, "
            "epochs: [1, 2, 4]}}"
        ),
        swept(
            "{method: halving, trials: 57, parameters: {learning_rate: {min: 1e-6, max: 1e-4}, "
            "epochs: [1, 2, 4]}}"
        ),
    ),
    "FT-S051": (
        swept("{parameters: {epochs: [1, 2]}}").replace("validation_data: valid.jsonl\n", ""),
        swept("{parameters: {epochs: [1, 2]}}"),
    ),
    "FT-S052": (
        judged("endpoint: phi, rubric: rubrik.md"),
        judged("endpoint: phi, rubric: rubric.md"),
    ),
    "FT-S053": (
        judged("endpoint: phi, rubric: rubric.md", "compare_with: [phi]\n"),
        judged("endpoint: phi, rubric: rubric.md", "compare_with: [other]\n"),
    ),
    "FT-C001": (job("Phi-4-mini-instruct", "Phi-4-mini-instrukt"), job()),
    "FT-C002": (job("Phi-4-mini-instruct", "Phi-4-reasoning"), job()),
    "FT-C003": (job("Phi-4-mini-instruct", "Phi-3-mini-4k-instruct"), job()),
    "FT-C005": (alone("location: westeurope\n"), alone("location: Sweden Central\n")),
    "FT-C006": (
        endpoint("location: eastus2\n", before=job("Phi-4-mini-instruct", "Phi-4")),
        endpoint("location: eastus2\n"),
    ),
    "FT-C008": (job("epochs: 3", "epochs: 11"), job("epochs: 3", "epochs: 10")),
    "FT-C009": (
        job("{name: xbox-support}", "{name: xbox_support}"),
        job("{name: xbox-support}", "{name: xbox-support-2}"),
    ),
    "FT-C010": (
        alone(model="azureml://registries/azureml/models/Phi-4/versions/8"),
        alone(model="azureml://locations/eastus2/workspaces/x/models/m/versions/8"),
    ),
    "FT-C011": (
        job("chat_completion", "text_completion"),
        job("task: chat_completion", "task: ChatCompletion"),
    ),
}
"""Rule → a spec that it finds, and one that looks alike and is right."""

ON_A_DAY: dict[str, tuple[str, date, date]] = {
    "FT-C004": (
        job("Phi-4-mini-instruct", "Phi-3-mini-4k-instruct"),
        date(2025, 6, 1),
        date(2025, 1, 1),
    ),
    "FT-C007": (
        job("Phi-4-mini-instruct", "Phi-3.5-mini-instruct").replace("2e-5", "1e-3"),
        date(2025, 1, 1),
        TODAY,  # the near miss below has the rate in range
    ),
}
ELSEWHERE = {"FT-S009", "FT-S031", "FT-S044", "FT-C012", "FT-C013"}
"""Rules that need more than a spec: tested below, in test_cost.py and in test_prices.py."""


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_its_case_and_not_the_near_miss(rule: str, folder: Path) -> None:
    found, near_miss = CASES[rule]
    assert rule in rules_of(folder, found)
    assert rule not in rules_of(folder, near_miss)


def test_a_model_is_warned_about_before_it_retires_and_not_long_before(folder: Path) -> None:
    text, soon, long_before = ON_A_DAY["FT-C004"]
    assert "FT-C004" in rules_of(folder, text, soon)
    assert "FT-C004" not in rules_of(folder, text, long_before)


def test_a_learning_rate_is_held_to_the_models_own_range(folder: Path) -> None:
    text, day, _ = ON_A_DAY["FT-C007"]
    assert "FT-C007" in rules_of(folder, text, day)
    assert "FT-C007" not in rules_of(folder, text.replace("1e-3", "2e-4"), day)


def test_an_unreadable_spec_is_a_finding(folder: Path) -> None:
    found = examine([folder / "no-such.yaml"], on=TODAY).findings
    assert [finding.rule for finding in found] == ["FT-S009"]
    assert "no such file" in found[0].message


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("epochs=5", True),
        ("hyperparameters.epochs=5", False),
        ("finetuning.xbox-support.hyperparameters.epochs=5", False),
        ("name=x", True),  # both documents have a name
        ("serverless_endpoint.name=x", False),
        ("no equals sign", True),
    ],
)
def test_an_override_has_to_meet_one_field(argument: str, found: bool, folder: Path) -> None:
    spec = folder / "spec.yaml"
    spec.write_text(endpoint(), encoding="utf-8")
    rules = {f.rule for f in examine([spec], on=TODAY, overrides=[argument]).findings}
    assert ("FT-S031" in rules) is found


REGISTRY = "azureml://registries/azureml/models/Phi-4-mini-instruct"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("microsoft/Phi-4-mini-instruct", REGISTRY),
        ("azureml:Phi-4-mini-instruct:1", REGISTRY),
        ("azureml://registry/azureml/models/Phi-4-mini-instruct", REGISTRY),
        (f"{REGISTRY}/label/latest", f"{REGISTRY}/labels/latest"),
        ("azureml:/registries/azureml/models/Phi-4-mini-instruct", REGISTRY),
        ("https://ai.azure.com/explore/models/Phi-4-mini-instruct/version/1/registry/x", REGISTRY),
        ("./Phi-4-mini-instruct", REGISTRY),
        ("azureml://registries/azureml/models/<model-name>", "/models/<name>"),
        ("${MODEL_ID}", "/models/<name>"),
        ("gpt-4o-mini", "azureml://registries/<registry>/models/<name>"),
        ("Phi-4-mini-instrukt", "Did you mean 'Phi-4-mini-instruct'?"),
    ],
)
def test_a_wrong_model_id_is_told_with_the_id_that_was_meant(
    written: str, meant: str, folder: Path
) -> None:
    (found,) = wrong_ids(folder, job(REGISTRY, f"'{written}'"))
    assert (found.line, found.path) == (4, "model")
    assert meant in found.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("microsoft/Phi-4", "azureml://registries/azureml/models/Phi-4"),
        ("azureml:mine@latest", "azureml:mine:<version>"),
        ("azureml:<model>:1", "'<model>' was never filled in"),
    ],
)
def test_an_endpoints_model_id_is_parsed_as_well(written: str, meant: str, folder: Path) -> None:
    (found,) = wrong_ids(folder, alone(model=f"'{written}'"))
    assert meant in found.message
    assert wrong_ids(folder, alone(model="azureml:mine:3")) == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("azureml:<data-name>:1", "'<data-name>' was never filled in"),
        ("azureml:support-train", "azureml:<name>:<version>"),
        ("azureml://registry/r/data/d/versions/1", "azureml://registries/r/data/d/versions/1"),
        ("https://example.org", "or a local file"),
    ],
)
def test_a_wrong_data_id_is_told_with_what_was_meant(
    written: str, meant: str, folder: Path
) -> None:
    (found,) = wrong_ids(folder, job("train.jsonl", f"'{written}'"))
    assert found.path == "training_data"
    assert meant in found.message


def wrong_ids(folder: Path, text: str) -> list[Finding]:
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    found = examine([folder / "spec.yaml"], on=TODAY).findings
    return [finding for finding in found if finding.rule == "FT-S038"]


@pytest.mark.parametrize(
    "text",
    [
        COMMAND + "compute: local\n",
        COMMAND + "code: git+https://github.com/Azure/azureml-examples\n",
        COMMAND + "inputs: {rows: {path: 'azureml:rows:1', path_on_compute: /rows}}\n",
        COMMAND + "inputs: {rows: {path: 'azureml:rows:1', datastore: store}}\n",
        COMMAND + "inputs: {model: {path: model, type: mlflow_model}}\n",
        COMMAND + "outputs: {model: {type: custom_model, name: m, version: 3}}\n",
        COMMAND.replace("azureml:prepare:1", "{image: python, inference_config: {}}"),
        COMMAND.replace("azureml:prepare:1", "{image: python, datastore: store}"),
        COMMAND.replace("azureml:prepare:1", "{image: python, properties: {a: b}}"),
        COMMAND.replace("azureml:prepare:1", "{image: python, conda_file: 'https://a.b/c'}"),
        job("", "model_provider: azure_open_ai\n"),
        job("epochs: 3", "epochs: 3, adam_beta1: 0.8"),
        job("", "identity: {type: managed}\n"),
        job("", "resources: {instance_types: [Standard_NC24ads_A100_v4]}\n"),
        job("chat_completion", "question_answering"),
        endpoint("smoke_tests: [{prompt: Hi, seed: 3}]\n"),
    ],
)
def test_what_apply_cant_do_is_an_error_at_its_place(text: str, folder: Path) -> None:
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    found = [f for f in examine([folder / "spec.yaml"], on=TODAY).findings if f.rule == "FT-S040"]
    assert len(found) == 1
    assert found[0].line > 0


def test_local_files_of_a_command_job_are_looked_for(folder: Path) -> None:
    text = COMMAND.replace("azureml:prepare:1", "{image: python, conda_file: ./no.yaml}")
    text += "code: ./no-code\ninputs: {rows: {type: uri_file, path: no.csv}, own: {path: .}}\n"
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    missing = [
        f.path for f in examine([folder / "spec.yaml"], on=TODAY).findings if f.rule == "FT-S017"
    ]
    assert sorted(missing) == ["code", "environment.conda_file", "inputs.rows.path"]


def test_a_folder_is_not_read_as_a_file(folder: Path) -> None:
    (folder / "parts").mkdir()
    for rule, written in (("FT-S017", "parts"), ("FT-S039", "{path: parts, type: uri_folder}")):
        text = job("training_data: train.jsonl", f"training_data: {written}")
        assert rule in rules_of(folder, text)


def test_a_file_called_a_folder_is_read_all_the_same(folder: Path) -> None:
    (folder / "train.jsonl").write_text("{broken\n" * 60, encoding="utf-8")
    text = job("training_data: train.jsonl", "training_data: {path: train.jsonl, type: uri_folder}")
    assert {"FT-S039", "FT-D009"} <= rules_of(folder, text)


def test_a_bare_name_asks_for_the_same_revision_as_its_registry_id(folder: Path) -> None:
    hashes = set[str]()
    for model in (REGISTRY, "Phi-4-mini-instruct", "phi-4-mini-instruct"):
        (folder / "spec.yaml").write_text(job(REGISTRY, model), encoding="utf-8")
        hashes.add(content_hash(load(folder / "spec.yaml").specs[0]))
    assert len(hashes) == 1


def test_an_azd_file_without_its_data_says_what_is_missing(folder: Path) -> None:
    (folder / "spec.yaml").write_text("name: x\nmodel: Phi-4-mini-instruct\n", encoding="utf-8")
    found = examine([folder / "spec.yaml"], on=TODAY).findings
    assert ("FT-S005", "training_data") in {(f.rule, f.path) for f in found}


def test_a_clean_story_has_no_findings(folder: Path) -> None:
    assert rules_of(folder, evaluation()) == set()


def test_a_typo_hides_no_other_mistake_of_its_document(folder: Path) -> None:
    text = job("epochs", "epocs").replace("Phi-4-mini-instruct", "Phi-3-mini-4k-instruct")
    (folder / "train.jsonl").write_text("{broken\n" * 60, encoding="utf-8")
    assert {"FT-S004", "FT-C003", "FT-D009", "FT-D002"} <= rules_of(folder, text)


def test_a_document_with_a_typo_is_offered_once_to_whom_looks_for_one(folder: Path) -> None:
    text = endpoint(before=job("epochs", "epocs")).replace(
        "finetuning.xbox-support.", "finetuning.zzz."
    )
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    (found,) = [
        f for f in examine([folder / "spec.yaml"], on=TODAY).findings if f.rule == "FT-S012"
    ]
    assert found.message.endswith(" There is: finetuning.xbox-support.")


def test_what_a_typo_leaves_out_is_not_guessed_at(folder: Path) -> None:
    few = "".join(conversation(number) for number in range(12))
    (folder / "train.jsonl").write_text(few, encoding="utf-8")
    whole = job("epochs: 3", "epochs: 1")
    assert "FT-D063" in rules_of(folder, whole)
    # Nobody knows how many epochs were meant, so nobody counts its steps.
    assert "FT-D063" not in rules_of(folder, whole.replace("epochs", "epocs"))


@pytest.mark.parametrize("rule", [rule for rule in CASES if RULES[rule].severity == "error"])
def test_an_error_is_refused_before_azure_is_reached_or_left_to_preflight_which_refuses_it(
    rule: str, folder: Path
) -> None:
    spec = folder / "spec.yaml"
    spec.write_text(CASES[rule][0], encoding="utf-8")
    if rule in {"FT-C002", "FT-C003", "FT-C005"}:
        assert rule not in {finding.rule for finding in opened(spec)}
    else:
        with pytest.raises(InvalidInputError) as refused:
            opened(spec)
        assert rule in {finding.rule for finding in refused.value.findings}


def opened(spec: Path) -> Sequence[Finding]:
    return checked([str(spec)], on=TODAY, strict=False).findings
