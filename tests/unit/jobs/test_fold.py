"""Lines on a terminal that is narrower than they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.terminal.fold import fold, width


def test_a_row_goes_on_under_its_last_column_that_leaves_room() -> None:
    line = "Checks   pass        Phi-4-mini-instruct fine-tunes in eastus2; no date is published"
    assert fold(line, 60).split("\n") == [
        "Checks   pass        Phi-4-mini-instruct fine-tunes in",
        "                     eastus2; no date is published",
    ]


def test_a_sentence_goes_on_four_cells_in() -> None:
    assert fold("one two three", 8) == "one two\n    three"


def test_an_address_is_left_whole_so_that_it_can_be_copied() -> None:
    address = "https://xbox-support.eastus2.models.ai.azure.com"
    assert address in fold(f"serving at {address}", 30).split("\n")[1]


def test_colours_take_no_room() -> None:
    line = "\x1b[31merror\x1b[0m of ten"
    assert fold(line, 12) == line


def test_without_a_terminal_nothing_is_folded() -> None:
    assert fold("a " * 200, None) == "a " * 200


@given(st.text(alphabet="ab क ी漢", max_size=80), st.integers(20, 60))
def test_no_word_is_broken_and_none_is_lost(text: str, columns: int) -> None:
    folded = fold(text, columns)
    assert folded.split() == text.split()
    for line in folded.split("\n"):
        assert width(line) <= columns or len(line.split()) == 1


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_what_fits_is_left_alone(columns: int) -> None:
    assert (
        fold("a table   with columns\n  and more", columns) == "a table   with columns\n  and more"
    )
