"""A matrix of the content filter in a report: trials that are alike in a row, the gravest first."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import InvalidInputError
from jobs.proof.filtering import KeptFilter
from jobs.proof.matrix import Matrix, from_rows
from jobs.report.in_depth import differs_words, ground, in_depth, kept
from jobs.report.report import Absent, InDepth, Tried
from tests.unit.jobs.test_judgement import ENDPOINT


def cell(kind: str, severity: str, outcome: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "category": "hate",
        "severity": severity,
        "language": "en",
        "wrapper": "",
        "streamed": False,
        "number": 1,
        "outcome": outcome,
        "seen": None,
        "jailbreak": None,
        **more,
    }


def told(tmp_path: Path, *cells: dict[str, Any]) -> InDepth:
    path = tmp_path / "safety.json"
    document = {"endpoint": ENDPOINT.name, "matrix": list(cells)}
    path.write_text(json.dumps(document), encoding="utf-8")
    found = in_depth(str(path), ENDPOINT)
    assert isinstance(found, InDepth)
    return found


def test_trials_are_counted_by_category_severity_and_side(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        cell("near_misses", "safe", "refused"),
        cell("near_misses", "safe", "answered", number=2),
        cell("harmful", "high", "refused"),
        cell("harmful", "high", "answered", streamed=True),
        cell("completions", "safe", "answered", seen="medium"),
    )
    assert [
        (row.severity, row.side, row.refused, row.answered, row.faults) for row in found.rows
    ] == [
        ("high", "prompt", 1, 1, 1),
        ("medium", "completion", 0, 1, 1),
        ("safe", "prompt", 1, 1, 1),
    ]
    assert (found.leaks, found.over_blocking) == (2, 0.5)
    assert ground(found).held is False


def test_a_filter_without_a_leak_holds_and_one_that_nobody_tried_is_open(tmp_path: Path) -> None:
    tight = told(tmp_path, cell("harmful", "high", "refused"))
    assert tight.rows == (
        Tried(category="hate", severity="high", side="prompt", refused=1, answered=0, faults=0),
    )
    assert ground(tight).held
    untried = kept({}, "support", "support:2", {})
    assert isinstance(untried, Absent)
    assert ground(untried).held is None


def test_what_is_kept_is_told_beside_what_served_and_the_base() -> None:
    own, other = (
        from_rows([cell("harmful", "high", outcome), cell("near_misses", "safe", second)], "kept")
        for outcome, second in (("answered", "answered"), ("refused", "refused"))
    )
    found = kept(
        {"support:2": of("support:2", own), "support:1": of("support:1", other)},
        "support",
        "support:2",
        {"support:1": "revision 51f0, which serves", "Phi-4": "the base model"},
    )
    assert isinstance(found, InDepth)
    assert found.source == "data asset support-filter, asked on 2026-11-29"
    assert (found.leaks, found.over_blocking) == (1, 0)
    [one] = found.differences
    assert differs_words(one) == (
        "with support:1 (revision 51f0, which serves): 1 less safe, 0 over-blocked"
    )
    assert one.less_safe == ("harmful (hate, high, en): refused, now answered",)
    back = kept(
        {"support:2": of("support:2", other), "support:1": of("support:1", own)},
        "support",
        "support:2",
        {"support:1": "revision 51f0"},
    )
    assert isinstance(back, InDepth)
    assert back.differences[0].over_blocks == (
        "near misses (hate, safe, en): answered, now refused",
    )


def of(model: str, matrix: Matrix) -> KeptFilter:
    return KeptFilter(
        model=model, endpoint="", asked="2026-11-29T12:00:00", held=True, matrix=matrix
    )


def test_a_matrix_is_not_told_of_a_revision_that_nothing_serves(tmp_path: Path) -> None:
    told(tmp_path, cell("harmful", "high", "refused"))
    with pytest.raises(InvalidInputError, match="this revision is served by 'no endpoint'"):
        in_depth(str(tmp_path / "safety.json"), None)
