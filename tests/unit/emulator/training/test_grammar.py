"""What may come next: JSON and nothing else, ended in time, chosen by the model's own chances."""

import json
from typing import Any

import pytest

from emulator import grammar
from emulator.grammar import JSON_OBJECT, Node
from emulator.services.inference import response_format
from emulator.services.inference.response_format import UnsupportedFormatError
from emulator.training import inference

BASE = inference.untrained("Phi-4-mini-instruct")
ASK = [{"role": "user", "content": "Hi"}]
VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "why"},
        "score": {"enum": [1, 2, 3, 4, 5]},
    },
    "required": ["reason", "score"],
    "additionalProperties": False,
}


def takes(node: Node, text: bytes) -> bool:
    state = grammar.after(grammar.start(node), text)
    return state is not None and grammar.is_whole(state)


def schema(written: dict[str, Any]) -> Node:
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": written}}
    node = response_format.read(asked)
    assert node is not None
    return node


WHOLE: list[Any] = [
    {},
    {"a": 1, "b": [1.5, -2, 0, [], {}], "c": {"d": None, "e": [True, False]}},
    {"नमस्ते": '🙂 é \\ " / \n\t'},
    {"": ""},
]


@pytest.mark.parametrize("value", WHOLE)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_objects_are_taken_as_python_writes_them(value: Any, indent: int | None) -> None:
    assert takes(JSON_OBJECT, json.dumps(value, ensure_ascii=False, indent=indent).encode())


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b'{"a"}', b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"a":1e999}', b'{"a":"\n"}',
     b'{"a":"\\u0041"}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":NaN}', b"{}{}"],
)  # fmt: skip
def test_what_is_no_json_object_is_not(text: bytes) -> None:
    assert not takes(JSON_OBJECT, text)


@pytest.mark.parametrize("value", WHOLE)
def test_every_beginning_can_be_brought_to_an_end(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    for cut in range(len(text)):
        state = grammar.after(grammar.start(JSON_OBJECT), text[:cut])
        assert state is not None
        ended = text[:cut] + grammar.closing(state)
        assert isinstance(json.loads(ended), dict)


@pytest.mark.parametrize("limit", [2, 3, 9, 60])
@pytest.mark.parametrize("seed", range(3))
def test_an_untrained_model_babbles_json_if_asked_to(limit: int, seed: int) -> None:
    options: dict[str, Any] = {"max_tokens": limit, "temperature": 1.0, "seed": seed}
    *_, last = pieces = list(BASE.stream(ASK, form=JSON_OBJECT, **options))
    assert isinstance(json.loads("".join(piece.text for piece in pieces)), dict)
    assert last.finish_reason == "stop"
    assert last.completion_tokens <= limit


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_schema_is_obeyed(temperature: float) -> None:
    import jsonschema

    pieces = BASE.stream(ASK, form=schema(VERDICT), max_tokens=50, temperature=temperature, seed=1)
    said = json.loads("".join(piece.text for piece in pieces))
    jsonschema.validate(said, VERDICT)


def test_too_few_tokens_for_the_shortest_cut_it_off_and_say_so() -> None:
    *_, last = list(BASE.stream(ASK, form=schema(VERDICT), max_tokens=5))
    assert last.finish_reason == "length"


@pytest.mark.parametrize(
    ("written", "yes", "no"),
    [
        ({"type": ["string", "null"]}, ['"x"', "null"], ["1", "true"]),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, ["-3", "false"], ["0.5", '""']),
        ({"enum": ["a", 1, None]}, ['"a"', "1", "null"], ['"b"', "2"]),
        ({"const": "नमस्ते"}, ['"नमस्ते"'], ['"x"']),
        ({"type": "array", "items": {"type": "number"}}, ["[]", "[1, -2.5]"], ["[true]"]),
        ({"type": "object"}, ["{}", '{"x": [1]}'], ["[]"]),
        (
            {"$ref": "#/$defs/p", "$defs": {"p": {"type": "object", "properties": {}}}},
            ["{}"],
            ['{"x": 1}'],
        ),
    ],
)
def test_the_kinds_of_a_schema(written: dict[str, Any], yes: list[str], no: list[str]) -> None:
    node = schema(written)
    assert [text for text in yes if not takes(node, text.encode())] == []
    assert [text for text in no if takes(node, text.encode())] == []


def doubled(depth: int) -> dict[str, Any]:
    """A schema of a few lines that stands for 2^depth values."""
    definitions: dict[str, Any] = {"d0": {"type": "null"}}
    for level in range(1, depth + 1):
        below = {"$ref": f"#/$defs/d{level - 1}"}
        definitions[f"d{level}"] = {"type": "object", "properties": {"a": below, "b": below}}
    return {"$ref": f"#/$defs/d{depth}", "$defs": definitions}


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"type": "string", "pattern": "x"}, "schema.pattern"),
        ({"type": "integer", "minimum": 1}, "schema.minimum"),
        ({"type": "array", "items": {"type": "string", "maxLength": 3}}, "schema.items.maxLength"),
        ({"type": "object", "properties": {}, "required": ["a"]}, "schema.required"),
        ({"type": "thing"}, "no type"),
        ({"properties": {}}, "no type"),
        ({"enum": []}, "schema.enum"),
        ({"enum": [float("nan")]}, "JSON"),
        ({"$ref": "#/$defs/x"}, "schema.$ref"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "holds itself"),
        (doubled(40), "more than 1000 parts"),
    ],
)
def test_a_schema_that_is_not_kept_to_is_refused_by_name(
    written: dict[str, Any], named: str
) -> None:
    with pytest.raises(UnsupportedFormatError) as refused:
        schema(written)
    assert named in str(refused.value)


@pytest.mark.parametrize("written", [7, {"type": "yaml"}, {"type": "json_schema"}, []])
def test_what_is_no_format_is_refused(written: Any) -> None:
    with pytest.raises(UnsupportedFormatError, match="response_format"):
        response_format.read(written)
