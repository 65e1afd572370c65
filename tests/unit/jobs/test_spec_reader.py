"""The YAML reader: YAML 1.2, places, bounds."""

import math

import pytest

from jobs.spec.reader import MAX_DEPTH, read, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-5", 2e-5),
        ("1E+3", 1000.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("010", 10),
        ("0o10", 8),
        ("0xff", 255),
        ("+7", 7),
        ("no", "no"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2026-12-31", "2026-12-31"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1e", "1e"),
        ("1.2.3", "1.2.3"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_quotes_make_text() -> None:
    trees, problems = read(b"a: '2e-5'\nb: \"true\"\nc: |\n  no\n")
    assert trees[0].value == {"a": "2e-5", "b": "true", "c": "no\n"}
    assert problems == []


def test_values_keys_and_parents_have_places() -> None:
    (tree,), _ = read("# x\nनाम: {a: [1, {b: 2}]}\n".encode())
    assert tree.locate(("नाम", "a", 1, "b")) == (2, 18)
    assert tree.locate(("नाम", "a", 1, "b"), key=True) == (2, 15)
    assert tree.locate(("नाम", "a", 1, "missing", "deep")) == (2, 14)


def test_merge_keys_work_and_own_keys_win() -> None:
    (tree,), problems = read(b"d: &d {x: 1, y: 2}\ne: {<<: *d, y: 3}\nf: {<<: [*d, {z: 4}]}\n")
    assert tree.value["e"] == {"x": 1, "y": 3}
    assert tree.value["f"] == {"x": 1, "y": 2, "z": 4}
    assert tree.locate(("e", "x")) == (1, 11)
    assert problems == []


def test_places_are_the_same_once_a_trees_nodes_were_let_go() -> None:
    data = b"---\na: {b: 1}\n--- # empty\n---\nc:\n  - d: 2\n...\n---\ne: [f\n"
    trees, problems = read(data)
    assert [tree.value for tree in trees] == [{"a": {"b": 1}}, None, {"c": [{"d": 2}]}]
    assert problems, (
        "the last document has an error; those before it have their places all the same"
    )
    paths = [("a", "b"), (), ("c", 0, "d")]
    before = [tree.locate(path) for tree, path in zip(trees, paths, strict=True)]
    for tree in trees:
        tree.release()
    assert [tree.locate(path) for tree, path in zip(trees, paths, strict=True)] == before
    assert before[0] == (2, 8)
    assert before[2] == (6, 8)


def test_a_duplicate_key_is_named_with_both_places() -> None:
    _, problems = read(b"a: 1\nb: 2\na: 3\n")
    assert [(p.rule, p.line, p.column) for p in problems] == [("FT-S002", 3, 1)]
    assert "line 1" in problems[0].message


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"- " * 100_000,
        b"? " * 100_000,
        b"-\t" * 100_000,
        ("[" * 100_000).encode("utf-16"),
        b"".join(b" " * n + b"a:\n" for n in range(300)),
        b"a: &a [*a]",
        b"a: &a ["
        + b"x, " * 50
        + b"]\n"
        + b"".join(
            b"b%d: &b%d [%s]\n" % (n, n, b"*b%d, " % (n - 1) * 50 if n else b"*a, " * 50)
            for n in range(9)
        ),
    ],
    ids=["flow", "dashes", "questions", "tabs", "utf-16", "indent", "circle", "laughs"],
)
def test_depth_circles_and_bombs_are_bounded(data: bytes) -> None:
    _, problems = read(data)
    assert [problem.rule for problem in problems] in (["FT-S003"], ["FT-S001"])


def test_what_is_just_deep_enough_is_read() -> None:
    trees, problems = read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(trees) == 1
    assert problems == []


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"a: [1,\nb", 3, 1),
        (b"a: 1\nb: \x00", 2, 4),
        (b"a: 1\nb: \xff", 2, 4),
        (b"a: !!python/object:os.system x", 1, 4),
        (b"? [1]\n: 2", 1, 3),
    ],
)
def test_what_is_no_yaml_has_a_place(data: bytes, line: int, column: int) -> None:
    _, problems = read(data)
    assert [(p.rule, p.line, p.column) for p in problems] == [("FT-S001", line, column)]


def test_a_byte_order_mark_and_utf_16_are_read() -> None:
    assert read(b"\xef\xbb\xbfa: 1")[0][0].value == {"a": 1}
    assert read("a: ये".encode("utf-16"))[0][0].value == {"a": "ये"}
