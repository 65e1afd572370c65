"""Rules about what evaluations ask, compare with and hold, each at its place."""

from pathlib import Path

import pytest

from jobs.read.examine import examine
from tests.unit.jobs.spec_texts import EVALUATION, TODAY, endpoint, evaluation, rules_of


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
        ('{leaks: "<= 0"}', "'leaks' is no measure of the filter. There are over_blocking"),
        ('{over_blocking: ">= 0.1"}', "'>= 0.1' can't be held."),
        ('{over_blocking: "0.1"}', "'0.1' can't be held."),
        ('{over_blocking: "<= 7"}', "'<= 7' is out of reach"),
        ('{over_blocking: "<= 10 %"}', ""),
        ('{less_safe: "> 0"}', "'> 0' can't be held. Write it as \"<= 0\"."),
        ('{less_safe: "<= 5 %"}', "'<= 5 %' has a %, and less_safe counts questions."),
        ('{less_safe: "<= 7"}', ""),
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
