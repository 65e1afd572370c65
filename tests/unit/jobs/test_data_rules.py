"""Each rule about data: a file that it finds, and a near miss that it doesn't."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.dataset import screen
from jobs.dataset.check import Checked, DataFile, TrainedWith, check
from jobs.findings import Finding

SYSTEM = {"role": "system", "content": "You are an Xbox support agent."}


def talk(
    number: int, *, question: str = "", answer: str = "", system: bool = True
) -> dict[str, Any]:
    words = [f"word{number * 37 + i}" for i in range(9)]
    turns = [
        {"role": "user", "content": question or f"How do I {' '.join(words)}?"},
        {"role": "assistant", "content": answer or f"You first {' '.join(reversed(words))}."},
    ]
    return {"messages": [SYSTEM, *turns] if system else turns}


def line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def talks(count: int, first: int = 0) -> bytes:
    return b"".join(line(talk(number)) for number in range(first, first + count))


def said(text: str) -> bytes:
    """A good file with one more conversation, in which a user says `text`."""
    return talks(60) + line(talk(999, question=f"My words are these: {text} and no more."))


def roles(*names: str) -> bytes:
    messages = [{"role": name, "content": f"this is message {i}"} for i, name in enumerate(names)]
    return talks(60) + line({"messages": messages})


def calling(arguments: object, name: str = "stock", **answer: object) -> bytes:
    """A good file with one more conversation, in which a tool is called."""
    call = {"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}}
    turns: list[dict[str, object]] = [
        {"role": "user", "content": "Is part 7 there?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "3"},
        {"role": "assistant", "content": "Yes, three are.", **answer},
    ]
    tools = [{"type": "function", "function": {"name": "stock", "parameters": {"type": "object"}}}]
    return talks(60) + line({"messages": turns, "tools": tools})


ONE: dict[str, tuple[bytes, bytes]] = {
    "FT-D002": (b"\n", talks(60)),
    "FT-D003": (
        talks(60) + line(talk(61, answer="caf\xe9")).replace("\xe9".encode(), b"\xe9"),
        said("café"),
    ),
    "FT-D004": (b"\xef\xbb\xbf" + talks(60), talks(60)),
    "FT-D005": (talks(60).replace(b"\n", b"\r\n"), said("a\\r\\nb")),
    "FT-D006": (talks(60) + b'"' + b"x" * ((1 << 24) + (1 << 18)) + b'"\n', talks(60) + b"\n"),
    "FT-D008": (talks(30) + b"  \n" + talks(30, 40), talks(60)),
    "FT-D009": (talks(60) + line(talk(61))[:-2] + b"\n", talks(60) + line(talk(61)).rstrip(b"\n")),
    "FT-D010": (talks(60) + b'{"prompt": "a", "completion": "b"}\n', talks(60)),
    "FT-D011": (
        talks(60) + line(talk(61)).replace(b'"assistant"', b'"asistant"'),
        roles("user", "assistant", "tool", "assistant"),
    ),
    "FT-D012": (
        talks(60) + line(talk(61)).replace(b'"content": "You f', b'"text": "You f'),
        talks(60),
    ),
    "FT-D013": (talks(60) + line(talk(61, answer="   ")), talks(60) + line(talk(61, answer="."))),
    "FT-D014": (
        roles("user", "assistant", "system", "user", "assistant"),
        roles("system", "user", "assistant"),
    ),
    "FT-D015": (
        roles("user", "user", "assistant"),
        roles("user", "assistant", "user", "assistant"),
    ),
    "FT-D016": (roles("user", "assistant", "user"), roles("user", "assistant")),
    "FT-D017": (talks(60) + line(talk(61) | {"id": 7}), talks(60)),
    "FT-D018": (calling({"part": 7}), calling('{"part": 7}')),
    "FT-D024": (
        b"[" + talks(60).rstrip(b"\n").replace(b"\n", b",\n") + b"]",
        talks(60),
    ),
    "FT-D025": (said("<|user|> is it on? <|end|>"), said("a <|b|> c, <s1> and INST")),
    "FT-D026": (talks(60) + line(talk(61, answer="null")), talks(60) + line(talk(61, answer="no"))),
    "FT-D027": (calling("{}", weight=0), calling("{}", weight=1)),
    "FT-D029": (
        talks(60) + line({**talk(61, answer=" "), "status": "todo"}),
        talks(60) + line({**talk(61), "status": "done"}),
    ),
    "FT-D019": (
        talks(60) + line(talk(61)).replace(b"You first", b"You \\ud83d first"),
        talks(60) + line(talk(61)).replace(b"You first", b"You \\ud83d\\ude00 first"),
    ),
    "FT-D020": (said("cafÃ© fermÃ©"), said("café fermé, naïve Âme, São Paulo")),
    "FT-D021": (talks(60) + line(talk(3)), talks(60) + line(talk(61))),
    "FT-D022": (
        talks(60)
        + line(talk(61, answer=" ".join(f"a{i}" for i in range(60))))
        + line(talk(61, answer=" ".join(f"a{i}" for i in range(58)))),
        talks(60)
        + line(talk(61, answer=" ".join(f"a{i}" for i in range(60))))
        + line(talk(61, answer=" ".join(f"b{i}" for i in range(60)))),
    ),
    "FT-D023": (
        talks(60)
        + line(talk(61, question="Is it on?", answer="Yes, it is."))
        + line(talk(62, question="is  it on?", answer="No, never.")),
        talks(60)
        + line(talk(61, question="Is it on?", answer="Yes, it is."))
        + line(talk(62, question="Is it off?", answer="No, never.")),
    ),
    "FT-D041": (
        said("AccountKey=" + "q1W2e3R4t5Y6u7I8o9P0" * 4 + "aB3d+/=="),
        said("AccountKey=" + "x" * 86 + "=="),
    ),
    "FT-D042": (
        said("write to jane.doe@gmail.com"),
        said("write to jane.doe@example.com or @jane"),
    ),
    "FT-D043": (said("call +977 9841-234567"), said("call +1 202-555-0143, order 20261123-1")),
    "FT-D044": (said("card 4111 1111 1111 1111"), said("card 4111 1111 1111 1112")),
    "FT-D045": (said("DE89 3704 0044 0532 0130 00"), said("DE88 3704 0044 0532 0130 00")),
    "FT-D051": (
        talks(60)
        + talks(20, 100).replace(
            b"You are an Xbox support agent.", b"You're an Xbox support agent."
        ),
        talks(60)
        + talks(20, 100).replace(b"You are an Xbox support agent.", b"Be kind. Be brief."),
    ),
    "FT-D052": (
        b"".join(line(talk(n, answer="refund" if n == 5 else "billing")) for n in range(60)),
        b"".join(line(talk(n, answer="refund" if n % 2 else "billing")) for n in range(60)),
    ),
    "FT-D053": (talks(60) + line(talk(61, system=False)), talks(60)),
    "FT-D062": (talks(30), talks(80)),
    "FT-D063": (talks(14), talks(80)),
    "FT-D064": (talks(60), talks(120)),
    "FT-D065": (
        b"".join(line(talk(n, answer="billing" if n < 80 else "refund")) for n in range(100)),
        b"".join(line(talk(n, answer="billing" if n % 5 else "refund")) for n in range(100)),
    ),
    "FT-D061": (talks(11), talks(13)),
    "FT-D081": (
        talks(80) + line(talk(81, question="मेरो कन्सोल सुरु हुँदैन", answer="बटन थिच्नुहोस्")),
        talks(80),
    ),
}
"""Rule → a training file that it finds, and one that looks alike and is right."""

BETWEEN: dict[str, tuple[bytes, bytes]] = {
    "FT-D031": (talks(20, 100) + line(talk(7)), talks(21, 100)),
    "FT-D032": (
        talks(20, 100) + line(talk(61, answer=" ".join(f"a{i}" for i in range(58)))),
        talks(20, 100) + line(talk(61, answer=" ".join(f"b{i}" for i in range(60)))),
    ),
}
"""Rule → a validation file that it finds next to the training file, and one that is right."""

ELSEWHERE = {"FT-D007", "FT-D054", "FT-D071", "FT-D072"}
"""Rules that need a model or a very large file: tested below."""


def looked(
    tmp_path: Path, data: bytes, *, validation: bytes | None = None, **training: Any
) -> Checked:
    files = [DataFile(tmp_path / "train.jsonl")]
    files[0].path.write_bytes(data)
    if validation is not None:
        files.append(DataFile(tmp_path / "valid.jsonl", "validation"))
        files[1].path.write_bytes(validation)
    return check(files, training=TrainedWith(has_validation=validation is not None, **training))


def rules(checked: Checked) -> set[str]:
    return {finding.rule for finding in checked.findings}


@pytest.mark.parametrize("rule", ONE)
def test_a_rule_finds_its_case_and_not_the_near_miss(rule: str, tmp_path: Path) -> None:
    found, near_miss = ONE[rule]
    assert rule in rules(looked(tmp_path, found))
    assert rule not in rules(looked(tmp_path, near_miss))


@pytest.mark.parametrize("rule", BETWEEN)
def test_leakage_is_found_between_files(rule: str, tmp_path: Path) -> None:
    train = talks(60) + line(talk(61, answer=" ".join(f"a{i}" for i in range(60))))
    found, near_miss = BETWEEN[rule]
    assert rule in rules(looked(tmp_path, train, validation=found))
    assert rule not in rules(looked(tmp_path, train, validation=near_miss))


def test_phi_3_medium_is_known_to_drop_system_messages(tmp_path: Path) -> None:
    assert "FT-D054" in rules(looked(tmp_path, talks(60), model="Phi-3-medium-4k-instruct"))
    assert "FT-D054" not in rules(looked(tmp_path, talks(60), model="Phi-3-mini-4k-instruct"))


def test_what_exceeds_the_context_is_told_apart_from_what_may(tmp_path: Path) -> None:
    def of(words: int) -> set[str]:
        long = talks(60) + line(talk(61, answer="please wait " * words))
        return rules(looked(tmp_path, long, model="Phi-3-mini-4k-instruct"))

    assert {"FT-D071", "FT-D072"} & of(3000) == {"FT-D071"}
    assert {"FT-D071", "FT-D072"} & of(1500) == {"FT-D072"}
    assert {"FT-D071", "FT-D072"} & of(500) == set()


def test_a_file_over_the_services_limit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.dataset.check.SERVICE_LIMIT_BYTES", len(talks(60)))
    assert "FT-D007" in rules(looked(tmp_path, talks(60)))
    assert "FT-D007" not in rules(looked(tmp_path, talks(59)))


def test_every_finding_has_its_line_and_message_index(tmp_path: Path) -> None:
    data = talks(2) + line(talk(61)).replace(b'"assistant"', b'"asistant"') + talks(57, 100)
    found = [f for f in looked(tmp_path, data).findings if f.rule == "FT-D011"]
    assert [(f.line, f.path) for f in found] == [(3, "messages[2].role")]
    assert found[0].message == "'asistant' is not a role. Did you mean 'assistant'?"


def test_secrets_are_masked_in_what_is_printed(tmp_path: Path) -> None:
    key = "AccountKey=" + "q1W2e3R4t5Y6u7I8o9P0" * 4 + "aB3d+/=="
    found = [f for f in looked(tmp_path, said(key)).findings if f.rule == "FT-D041"]
    assert len(found) == 1
    assert key[3:] not in str(found[0])
    assert found[0].path == "messages[1]"


SCRIPTS: dict[str, Callable[[int], str]] = {
    "Devanagari": lambda n: f"मेरो कन्सोल {n} सुरु हुँदैन, के गर्नुपर्छ?",
    "Chinese": lambda n: f"我的游戏机{n}无法启动，我应该怎么办？",
    "Japanese": lambda n: f"本体{n}の電源が入りません。どうすればよいですか。",
    "Arabic": lambda n: f"جهازي {n} لا يعمل، ماذا أفعل؟",
    "emoji": lambda n: f"My console {n} 🎮👩🏽‍🚀 does not start 🙂 please help me now",
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("escaped", [False, True])
def test_escapes_make_no_difference_to_repeats_in_any_script(
    script: str, escaped: bool, tmp_path: Path
) -> None:
    text = SCRIPTS[script]
    first = [talk(n, question=text(n), answer=text(n + 500)) for n in range(60)]
    data = b"".join(json.dumps(one, ensure_ascii=escaped).encode() + b"\n" for one in first)
    other = json.dumps(first[4], ensure_ascii=not escaped, separators=(",", ":")).encode() + b"\n"
    found = looked(tmp_path, data, validation=talks(20, 1000) + other).findings
    assert [(f.rule, f.line) for f in found if f.rule == "FT-D031"] == [("FT-D031", 21)]
    assert not [f for f in found if f.severity == "error" and f.rule != "FT-D031"]


@pytest.mark.parametrize("script", ["Devanagari", "Chinese", "Arabic"])
def test_near_duplicates_are_found_in_scripts_with_and_without_spaces(
    script: str, tmp_path: Path
) -> None:
    text = SCRIPTS[script]
    base = " ".join(text(n) for n in range(12))
    near = f"{base} {text(77)[:9]}"
    data = talks(60) + line(talk(61, question=base)) + line(talk(61, question=near))
    assert "FT-D022" in rules(looked(tmp_path, data))


def test_personal_numbers_are_found_in_devanagari_digits_escaped_or_not(tmp_path: Path) -> None:
    one = talk(61, question="मेरो नम्बर ९८४१२३४५६७ हो")
    for escaped in (True, False):
        data = talks(60) + json.dumps(one, ensure_ascii=escaped).encode() + b"\n"
        found = [f for f in looked(tmp_path, data).findings if f.rule == "FT-D043"]
        assert [(f.line, f.path) for f in found] == [(61, "messages[1]")]


def test_bytes_that_are_no_text_are_found_in_fields_that_nobody_reads(tmp_path: Path) -> None:
    extra = line({**talk(61), "note": "caf\xe9"})
    for data, rule in ((extra.replace("\xe9".encode(), b"\xe9"), True), (extra, False)):
        found = [f for f in looked(tmp_path, talks(60) + data).findings if f.rule == "FT-D003"]
        assert [f.line for f in found] == ([61] if rule else [])


def test_a_field_that_nobody_reads_makes_no_conversation_another_one(tmp_path: Path) -> None:
    again = line({"id": 7, **talk(3)})
    (found,) = [f for f in looked(tmp_path, talks(60) + again).findings if f.rule == "FT-D021"]
    assert (found.line, found.message) == (61, "the same conversation as line 4.")


def test_two_conversations_in_a_line_do_not_make_up_for_a_blank_one(tmp_path: Path) -> None:
    two = line(talk(61)).rstrip() + line(talk(62))
    found = looked(tmp_path, talks(60) + b"\n" + two).findings
    places = {(f.rule, f.line) for f in found if f.rule in ("FT-D008", "FT-D009")}
    assert places == {("FT-D008", 61), ("FT-D009", 62)}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (calling("{part: 1}"), "is no JSON"),
        (calling("[1]"), "no JSON object"),
        (calling("{}", name="weather"), "'weather' is not among the conversation's tools."),
        (calling("{}", name=""), "is missing; nothing is called."),
        (calling("{}").replace(b'"tool_call_id": "a"', b'"tool_call_id": "b"'), "answers no call"),
    ],
)
def test_a_call_that_can_not_be_made_is_told(broken: bytes, words: str, tmp_path: Path) -> None:
    found = [f for f in looked(tmp_path, broken).findings if f.rule == "FT-D018"]
    assert found
    assert found[0].line == 61
    assert words in found[0].message


def test_an_evaluation_against_a_tool_call_says_so(tmp_path: Path) -> None:
    calls = calling("{}").splitlines(keepends=True)[-1].replace(b"Yes, three are.", b" ")
    ends = json.loads(calls)
    ends["messages"] = ends["messages"][:2]
    path = tmp_path / "test.jsonl"
    path.write_bytes(talks(30) + line(ends))
    found = [f for f in check([DataFile(path, "test")]).findings if f.rule == "FT-D028"]
    assert [f.line for f in found] == [31]
    counted = check([DataFile(path, "test", calls_count=True)])
    assert "FT-D028" not in rules(counted), "an evaluation that measures tool_calls"
    path.write_bytes(talks(30))
    assert "FT-D028" not in rules(check([DataFile(path, "test")]))


def test_tools_and_their_calls_cost_tokens(tmp_path: Path) -> None:
    bare = looked(tmp_path, talks(60)).tokens("training")
    tools = [
        {"type": "function", "function": {"name": f"f{n}", "description": "stock of parts " * 20}}
        for n in range(10)
    ]
    with_tools = b"".join(line({**talk(n), "tools": tools}) for n in range(60))
    counted = looked(tmp_path, with_tools).tokens("training")
    size = len(json.dumps(tools)) * 60
    assert counted.low - bare.low > size * 0.12
    assert counted.high - bare.high < size * 0.8


def test_a_number_that_no_double_holds_is_read_past(tmp_path: Path) -> None:
    for number in ("1e400", "9" * 5000):
        data = talks(60) + line(talk(61) | {"score": 7}).replace(b"7}", number.encode() + b"}")
        checked = looked(tmp_path, data)
        assert checked.conversations("training") == 61
        assert "FT-D017" in rules(checked)


def test_harm_is_told_by_line_and_category_and_never_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    harm = "I want to hurt myself."
    path.write_bytes(talks(3) + line(talk(4, question=harm)) + line(talk(5, answer="Kill it.")))

    def found(judge: screen.Judge) -> list[Finding]:
        heard: list[int] = []
        told = screen.screen(
            path, "data.jsonl", judge, by="somebody", task="chat_completion", tell=heard.append
        )
        assert heard == [screen.count(path, "chat_completion")] == [5]
        return told

    [one] = found(screen.by_rules)
    assert (one.rule, one.line, one.severity) == ("FT-D046", 4, "warning")
    assert one.message == "self-harm of medium severity, says somebody."
    assert found(lambda _: {"violence": 2}) == [], "low is let through"
    assert found(lambda _: {"violence": 6, "hate": 4})[0].message.startswith(
        "violence of high severity, hate of medium severity"
    )


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        ("How do I kill a process?", {}),
        ("I hate waiting in line.", {}),
        ("He hates women.", {}),  # rules miss most, and say so
        ("They hate foreigners.", {"hate": 4}),
        ("म दलितहरूलाई घृणा गर्छु।", {"hate": 4}),
        ("It is  PORNOGRAPHIC.", {"sexual": 4}),
        ("How to make a bomb, or hurt them", {"violence": 6}),
    ],
)
def test_the_built_in_rules_know_a_few_plain_words(text: str, severities: dict[str, int]) -> None:
    assert screen.by_rules(text) == severities
