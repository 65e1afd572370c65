"""Fault rules in a file: taken as they are written, or refused with their place."""

from pathlib import Path

import pytest

from emulator.rehearsal.fault_file import read
from emulator.words import UsageError

RULES = """\
# The second PUT of a job is lost.
- match: {method: PUT, path: /jobs/, after: 1}
  do: {lose_answer: true}
- do: {status: 503}
"""


def test_rules_are_those_of_the_control_port(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(RULES)
    assert read(str(file)) == [
        {"match": {"method": "PUT", "path": "/jobs/", "after": 1}, "do": {"lose_answer": True}},
        {"do": {"status": 503}},
    ]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("match: {}\n", "1:1", "a list of rules"),
        ("", "1:1", "a list of rules"),
        ("- do: {status: 503}\n- 7\n", "2:3", "`match` and `do`"),
        ("- match: {path: x}\n  do: {statsu: 503}\n", "2:8", "no statsu"),
        ("- do:\n    status: 200\n", "2:5", "a status from 400 to 599"),
        ("- match: {path: '('}\n  do: {drop: true}\n", "1:3", "not a regular expression"),
        ("- match: [\n", "2:1", "expected"),
        ("- do: {delay: !!python/name:os.system x}\n", "1:15", "could not determine"),
    ],
)
def test_what_cannot_be_a_rule_is_said_where(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        read(str(file))
    assert str(refused.value).startswith(f"{file}:{place}: ")
    assert said in str(refused.value)
