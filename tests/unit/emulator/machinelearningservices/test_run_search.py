"""MLflow's filter, order and pages, on values."""

from typing import Any

import pytest

from emulator.services.machinelearningservices.run_search import (
    Facts,
    in_order,
    page,
    read_filter,
)
from emulator.state.errors import AzureError

RUN: Facts = {
    "metrics": {"loss": 0.25, "error rate": 2.0},
    "params": {"optimizer": "sgd", "epochs": "10"},
    "tags": {"team": "xbox", "mlflow.user": "ada"},
    "attributes": {"status": "FINISHED", "run_name": "By_Hand", "start_time": 1000},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("metrics.loss < 0.5", True),
        ("metric.loss >= 0.26", False),
        ("metrics.`error rate` = 2", True),
        ("metrics.loss < 0.5 AND params.optimizer = 'sgd'", True),
        ("metrics.loss < 0.5 and params.optimizer != 'sgd'", False),
        ("tags.mlflow.user = \"ada\" and tags.team LIKE 'xb%'", True),
        ("tags.team LIKE 'XB%'", False),
        ("tags.team ILIKE 'XB%'", True),
        ("status = 'FINISHED'", True),
        ("attributes.status = 'FAILED'", False),
        ("attributes.start_time > 999", True),
        ("run_name LIKE 'By_Hand'", True),
        ("run_name LIKE 'By*'", False),
        ("params.absent = 'x'", False),
        ("params.absent != 'x'", False),
    ],
)
def test_a_filter_is_all_of_its_comparisons(text: str, expected: bool) -> None:
    assert all(comparison.holds(RUN) for comparison in read_filter(text)) is expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("metrics.loss IN (1, 2)", "NotEmulated"),
        ("metrics.loss < 0.5 OR metrics.loss > 1", "INVALID_PARAMETER_VALUE"),
        ("datasets.name = 'x'", "NotEmulated"),
        ("loss", "NotEmulated"),
    ],
)
def test_what_a_filter_can_not_say_is_refused(text: str, code: str) -> None:
    with pytest.raises(AzureError) as refused:
        read_filter(text)
    assert refused.value.code == code


def test_a_number_is_not_compared_with_a_text() -> None:
    (comparison,) = read_filter("metrics.loss = 'small'")
    with pytest.raises(AzureError):
        comparison.holds(RUN)


def test_runs_are_ordered_by_several_keys_and_what_lacks_one_comes_last() -> None:
    runs: list[tuple[str, float | None]] = [("a", 2), ("b", None), ("c", 1), ("d", 2)]

    def facts(run: tuple[str, float | None]) -> Facts:
        found: dict[str, Any] = {} if run[1] is None else {"loss": run[1]}
        return {"metrics": found, "attributes": {"run_name": run[0]}}

    def names(*orders: str) -> str:
        return "".join(name for name, _ in in_order(runs, orders, facts))

    assert names("metrics.loss ASC") == "cadb"
    assert names("metrics.loss DESC", "run_name DESC") == "dacb"
    assert names() == "abcd"
    with pytest.raises(AzureError):
        names("metrics.loss DOWN")


def test_pages_follow_each_other_to_the_end() -> None:
    first, token = page(list(range(5)), {"max_results": 2}, 1000)
    second, more = page(list(range(5)), {"max_results": 2, "page_token": token}, 1000)
    third, end = page(list(range(5)), {"max_results": 2, "page_token": more}, 1000)
    assert ([*first, *second, *third], end) == ([0, 1, 2, 3, 4], "")
    for wrong in ({"max_results": 0}, {"max_results": 50_001}, {"page_token": "x"}):
        with pytest.raises(AzureError):
            page([1], wrong, 1000)
