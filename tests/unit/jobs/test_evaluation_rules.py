"""Rules about what evaluations ask, compare with and hold, each at its place."""

from pathlib import Path

import pytest

from jobs.read.examine import examine
from tests.unit.jobs.spec_texts import (
    EVALUATION,
    TODAY,
    endpoint,
    evaluation,
    judged,
    rules_of,
)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('gates: {token_f1: "> base"}\n', "'base' is not in compare_with."),
        (
            'compare_with: [served]\ngates: {token_f1: "> servd"}\n',
            "'servd' is not in compare_with. It names served. Did you mean 'served'?",
        ),
        (
            'compare_with: [base]\nmetrics: [macro_f1]\ngates: {macro_f1: "> base"}\n',
            "macro_f1 is no share that each question has one of, so it can't be paired.",
        ),
        ('gates: {chrf: "0.5"}\n', "'chrf' is not measured here."),
        (
            'metrics: [length]\nconfident: true\ngates: {length: "< 90"}\n',
            "length is no mean of shares, so 'confident' has no interval for it.",
        ),
        (
            'confident: true\ngates: {token_f1: "== 0.5"}\n',
            "no interval shows that a mean is one number.",
        ),
    ],
)
def test_a_gate_that_nothing_measures_is_told_where_it_stands(
    written: str, why: str, folder: Path
) -> None:
    spec = folder / "spec.yaml"
    spec.write_text(evaluation(written), encoding="utf-8")
    [found] = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S025"]
    assert found.message.startswith(why)
    assert found.line == evaluation(written).count("\n")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (
            "compare_with: [base]\n",
            "no endpoint is named that base means. Write base: an endpoint. "
            "It serves the model before its training.",
        ),
        ("base: phi\n", "has no effect without base in compare_with."),
        ("base: phi\ncompare_with: [base, base]\n", "'base' is there twice."),
        ("compare_with: [xbox-support]\n", "'xbox-support' is what is measured;"),
        (
            "compare_with: [base]\nbase: ${{ serverless_endpoint.xbox-support }}\n",
            "'xbox-support' is what is measured;",
        ),
    ],
)
def test_a_comparison_with_nobody_is_told_where_it_stands(
    written: str, why: str, folder: Path
) -> None:
    spec = folder / "spec.yaml"
    spec.write_text(evaluation(written), encoding="utf-8")
    [found] = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S046"]
    assert found.message.startswith(why)
    assert found.line > 0


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("brief: metrics.py:brief", ""),
        ("brief: metrics.py:defaults", ""),
        ("brief: metrics.py:any", ""),
        ("token_f1: metrics.py:brief", "'token_f1' is a metric already."),
        ("Brief-1: metrics.py:brief", "'Brief-1' is no name of a metric"),
        ("brief: metrics.py", "'metrics.py' is no function. Write metrics.py:politeness."),
        ("brief: metrics.yaml:brief", "'metrics.yaml:brief' is no function."),
        ("brief: azureml:metrics.py:brief", "'azureml:metrics.py:brief' is no function."),
        ("brief: metric.py:brief", "'metric.py' can't be read: there is no such file."),
        ("brief: test.py:brief", "test.py:1 is not Python: "),
        ("brief: metrics.py:breif", "metrics.py has no function 'breif'. Did you mean 'brief'?"),
        ("brief: metrics.py:later", "metrics.py has no function 'later'."),
        ("brief: metrics.py:two", "metrics.py:3 doesn't take three."),
        ("brief: metrics.py:named", "metrics.py:6 doesn't take three."),
    ],
)
def test_a_metric_of_ones_own_is_looked_for_and_not_run(
    written: str, why: str, folder: Path
) -> None:
    (folder / "test.py").write_text("def brief(:\n", encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(evaluation(f"custom_metrics: {{{written}}}\n"), encoding="utf-8")
    found = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S047"]
    assert [f.message[: len(why)] for f in found] == ([why] if why else [])
    assert all(f.line for f in found)


def test_a_gate_holds_a_metric_of_ones_own_and_no_other(folder: Path) -> None:
    own = "custom_metrics: {brief: metrics.py:brief}\ncompare_with: [served]\nconfident: true\n"
    assert "FT-S025" not in rules_of(folder, evaluation(own + 'gates: {brief: "> served"}\n'))
    assert "FT-S025" in rules_of(folder, evaluation(own + 'gates: {breif: "> served"}\n'))
    assert "FT-S025" in rules_of(folder, evaluation(own + 'gates: {brief: ">= 1.5"}\n'))


def test_an_endpoint_of_the_file_that_serves_a_base_is_offered_as_base(folder: Path) -> None:
    spec = folder / "spec.yaml"
    base = "---\ntype: serverless_endpoint\nname: phi\nmodel: Phi-4-mini-instruct\n"
    spec.write_text(evaluation("compare_with: [base]\n") + base, encoding="utf-8")
    [found] = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S046"]
    assert found.message.endswith("Write base: ${{ serverless_endpoint.phi }}.")


def test_served_and_a_named_endpoint_are_compared_with(folder: Path) -> None:
    text = evaluation('compare_with: [served, other]\ngates: {token_f1: ">= served - 0.02"}\n')
    assert rules_of(folder, text) & {"FT-S025", "FT-S040", "FT-S046"} == set()


@pytest.mark.parametrize(
    ("gates", "why"),
    [
        ('{leaks: "<= 0"}', "'leaks' is no measure of the filter. There is over_blocking."),
        ('{over_blocking: ">= 0.1"}', "'>= 0.1' can't be held."),
        ('{over_blocking: "0.1"}', "'0.1' can't be held."),
        ('{over_blocking: "<= 7"}', "'<= 7' is out of reach"),
        ('{over_blocking: "<= 10 %"}', ""),
    ],
)
def test_a_gate_of_the_filter_is_read_where_it_stands(gates: str, why: str, folder: Path) -> None:
    spec = folder / "spec.yaml"
    spec.write_text(endpoint(f"safety_gates: {gates}\n"), encoding="utf-8")
    found = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S025"]
    assert [f.message[: len(why)] for f in found] == ([why] if why else [])


def test_what_is_deleted_first_can_not_be_compared_with(folder: Path) -> None:
    compared = f"---\n{EVALUATION}compare_with: [served]\n"
    assert "FT-S046" in rules_of(folder, endpoint("rollout: recreate\n") + compared)
    assert "FT-S046" not in rules_of(folder, endpoint() + compared)


PHI = "endpoint: phi, rubric: rubric.md"


@pytest.mark.parametrize(
    ("judge", "extra", "why"),
    [
        (PHI, "", ""),
        (f"{PHI}, scale: [0, 100], repeats: 1, temperature: 0", "", ""),
        (f"{PHI}, scale: [5, 1]", "", "a scale is two whole numbers"),
        (f"{PHI}, scale: [1, 2, 3]", "", "a scale is two whole numbers"),
        (f"{PHI}, scale: [0, 101]", "", "a scale is two whole numbers"),
        (f"{PHI}, scale: []", "", "a scale is two whole numbers"),
        (f"{PHI}, temperature: 0", "", "at temperature 0 each repeat says the same"),
        ("endpoint: xbox-support, rubric: rubric.md", "", "'xbox-support' is what is measured;"),
        (
            'endpoint: "${{ serverless_endpoint.xbox-support }}", rubric: rubric.md',
            "",
            "'xbox-support' is what is measured;",
        ),
        ("endpoint: phi, rubric: rubrik.md", "", "'rubrik.md' can't be read: there is no such"),
        ("endpoint: phi, rubric: azureml:rubric:1", "", "'azureml:rubric:1' is no local file."),
        ("endpoint: phi, rubric: empty.md", "", "'empty.md' is empty."),
        (PHI, "base: phi\ncompare_with: [base]\n", "'phi' is compared with"),
        (PHI, "custom_metrics: {judge: metrics.py:brief}\n", "'judge' is a metric already."),
        (PHI, 'gates: {judge: ">= 4"}\n', "'>= 4' is out of reach: judge is a share"),
        (PHI, 'confident: true\ngates: {judge: ">= 0.7"}\n', ""),
        (PHI, 'compare_with: [served]\ngates: {judge: ">= served - 0.1"}\n', ""),
    ],
)
def test_a_judge_that_can_not_judge_is_told_where_it_stands(
    judge: str, extra: str, why: str, folder: Path
) -> None:
    (folder / "empty.md").write_text("\n", encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(judged(judge, extra), encoding="utf-8")
    rules = {"FT-S025", "FT-S047", "FT-S052", "FT-S053"}
    found = [f for f in examine([spec], on=TODAY).findings if f.rule in rules]
    assert [f.message[: len(why)] for f in found] == ([why] if why else [])
    assert all(f.line and f.column for f in found)


def test_an_evaluation_has_one_judge(folder: Path) -> None:
    spec = folder / "spec.yaml"
    twice = f"metrics: [{{judge: {{{PHI}}}}}, {{judge: {{{PHI}}}}}]\n"
    spec.write_text(evaluation(twice), encoding="utf-8")
    [found] = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S052"]
    assert found.path == "metrics[1].judge"
    assert found.message.startswith("an evaluation has one judge.")


@pytest.mark.parametrize(
    ("rubric", "place", "why"),
    [
        (b"Be fair.\n\n- 7: perfect\n", ":3:3", "describes 7, which is not on the scale 1 to 5."),
        (b"**0** \xe2\x80\x93 useless\n", ":1:3", "describes 0, which is not on"),
        (b"| Score 6 | perfect |\n| Score 9: x\n", ":2:9", "describes 9, which is not on"),
        (b"Fine.\nCaf\xe9\n", ":2:4", "is no UTF-8 text."),
        (b"-" * 30_000 + b"\n" + b"*" * 30_000 + b"\n", "", ""),
        (b"5: right\n1. Read it.\n2024 was a year: so what\n10) x\n", "", ""),
    ],
)
def test_a_rubric_is_read_line_by_line(rubric: bytes, place: str, why: str, folder: Path) -> None:
    (folder / "rubric.md").write_bytes(rubric)
    spec = folder / "spec.yaml"
    spec.write_text(judged(PHI), encoding="utf-8")
    found = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S052"]
    assert [
        (f.place.removeprefix(str(folder / "rubric.md")), f.message[: len(why)]) for f in found
    ] == ([(place, why)] if why else [])


def test_a_secret_in_a_rubric_is_told_and_not_shown(folder: Path) -> None:
    key = "sk-" + "proj-" + "a1B2c3D4e5F6g7H8i9J0" * 2
    (folder / "rubric.md").write_text(f"Be fair.\nUse {key}\n", encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(judged(PHI), encoding="utf-8")
    [found] = [f for f in examine([spec], on=TODAY).findings if f.rule == "FT-S032"]
    assert found.place.endswith("rubric.md:2:5")
    assert key not in found.message


def test_whoever_is_measured_and_not_who_judges_says_what_was_trained(folder: Path) -> None:
    spec = folder / "spec.yaml"
    reference = 'endpoint: "${{ serverless_endpoint.phi }}", rubric: rubric.md'
    first = f"---\ntype: evaluation\nname: e\nmetrics: [{{judge: {{{reference}}}}}]\n"
    text = endpoint() + "---\ntype: serverless_endpoint\nname: phi\nmodel: Phi-4\n" + first
    text += "endpoint: ${{ serverless_endpoint.xbox-support }}\ndata: test.jsonl\n"
    spec.write_text(text, encoding="utf-8")
    specs = examine([spec], on=TODAY)
    assert [f for f in specs.findings if f.severity == "error"] == []
    assert specs.data["finetuning.xbox-support"].of("test")
    dangling = text.replace("serverless_endpoint.phi }}", "serverless_endpoint.phy }}")
    assert "FT-S012" in rules_of(folder, dangling)
