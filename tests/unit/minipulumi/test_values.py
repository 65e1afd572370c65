"""Marks of secrets survive the way through the provider."""

from hypothesis import given, settings
from hypothesis import strategies as st

from minipulumi.values import (
    SECRET,
    SIGNATURE,
    Props,
    annotate,
    from_struct,
    plain,
    to_struct,
)

NAMES = st.text("abc", min_size=1, max_size=3)
LEAVES = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("xyz", max_size=4)


def _secrets(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return inner.map(lambda value: {SIGNATURE: SECRET, "value": value})


VALUES = st.recursive(
    LEAVES | _secrets(LEAVES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(NAMES, VALUES, max_size=4)


@settings(deadline=None)
@given(MAPS)
def test_a_struct_is_read_as_it_was_written(value: Props) -> None:
    assert from_struct(to_struct(value)) == value


@settings(deadline=None)
@given(MAPS)
def test_what_was_secret_is_secret_again(value: Props) -> None:
    assert annotate(plain(value), value) == value


@settings(deadline=None)
@given(MAPS)
def test_marking_changes_no_value(value: Props) -> None:
    assert plain(annotate(plain(value), value)) == plain(value)


def test_a_secret_among_others_keeps_a_changed_list_secret() -> None:
    secret = {SIGNATURE: SECRET, "value": "a"}
    assert annotate(["x"], ["b", secret]) == [{SIGNATURE: SECRET, "value": "x"}]
