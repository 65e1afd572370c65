"""docs/fidelity.md claims nothing without a witness, and every witness exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WITNESSES = ROOT / "tests" / "integration" / "emulator"
ROW = re.compile(r"^\| (?P<claim>.+?) \| (?P<how>[a-z]+) \| (?P<note>.+?) \|$", re.M)


def rows() -> list[tuple[str, str, str]]:
    text = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    return [(row["claim"], row["how"], row["note"]) for row in ROW.finditer(text)]


def test_every_row_says_how_faithful_it_is() -> None:
    assert len(rows()) > 20
    assert {how for _, how, _ in rows()} - {"how"} <= {"real", "emulated", "absent"}


@pytest.mark.parametrize(
    ("claim", "note"), [(claim, note) for claim, how, note in rows() if how == "real"]
)
def test_a_real_claim_has_a_witness(claim: str, note: str) -> None:
    witnesses = re.findall(r"`([\w/]+\.py)::(\w+)`", note)
    assert witnesses, f"'{claim}' names no witness"
    for file, test in witnesses:
        source = (WITNESSES / file).read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file} has no {test}"
