"""A matrix of the content filter in a report: trials that are alike in a row, the gravest first."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import InvalidInputError
from jobs.report.in_depth import ground, in_depth
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
    untried = in_depth("", ENDPOINT)
    assert isinstance(untried, Absent)
    assert ground(untried).held is None


def test_a_matrix_is_not_told_of_a_revision_that_nothing_serves(tmp_path: Path) -> None:
    told(tmp_path, cell("harmful", "high", "refused"))
    with pytest.raises(InvalidInputError, match="this revision is served by 'no endpoint'"):
        in_depth(str(tmp_path / "safety.json"), None)
