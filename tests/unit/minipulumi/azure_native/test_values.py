"""Marks of secrets survive the way through the provider."""

from hypothesis import given, settings
from hypothesis import strategies as st

from minipulumi.azure_native.values import (
    SECRET,
    SIGNATURE,
    Json,
    from_struct,
    mark_like,
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
def test_a_struct_is_read_as_it_was_written(value: Json) -> None:
    assert from_struct(to_struct(value)) == value


@settings(deadline=None)
@given(MAPS)
def test_what_was_secret_is_secret_again(value: Json) -> None:
    assert mark_like(value, plain(value)) == value


@settings(deadline=None)
@given(MAPS)
def test_marking_changes_no_value(value: Json) -> None:
    assert plain(mark_like(value, plain(value))) == plain(value)


def test_a_secret_among_others_keeps_a_changed_list_secret() -> None:
    secret = {SIGNATURE: SECRET, "value": "a"}
    assert mark_like(["b", secret], ["x"]) == [{SIGNATURE: SECRET, "value": "x"}]
