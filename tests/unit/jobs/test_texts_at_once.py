"""What is counted for many texts at once is what is counted for each alone."""

import re
from collections import Counter
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dataset.conversations import Conversation, read_conversations
from jobs.dataset.english import COMMONEST, read_as_english
from jobs.dataset.lint import Wish, lint
from jobs.dataset.scripts import SCRIPTS, characters, characters_of_each, dominant, dominant_of_each
from jobs.dataset.tokens import TEMPLATE_TOKENS, Estimator, estimate
from jobs.dataset.triples import similarity

WORDS = (
    *("the", "The", "pleases", "thex", "x", "console", "the\0", "the\1", "9", "", "?!", "e\u0301"),
    *(
        "ſo",
        "iſ",
        "İt",
        "\u212a",
        "STRASSE",
        "straße",
        "é",
        "नमस्ते",
        "दुनिया",
        "१२",
        "漢字",
        "かな",
        "カ",
    ),
    *(
        "ไทย",
        "မြန်မာ",
        "ខ្មែរ",
        "ລາວ",
        "བོད",
        "한국어",
        "привет",
        "سلام",
        "🎮",
        "👩‍👩‍👧",
        "𠮷",
        "𐍈",
        "\U0003fffe",
    ),
    *COMMONEST[:6],
)
SPACES = (
    " ",
    "  ",
    "\n",
    "\t",
    "\x1d",
    "\x0b",
    "\x85",
    "\u00a0",
    "\u2003",
    "\u2028",
    "\u3000",
    "",
    "-",
)
TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SPACES)), max_size=80).map(
        lambda pairs: "".join(word + space for word, space in pairs)
    ),
)
CONVERSATIONS = st.lists(st.lists(TEXTS, min_size=1, max_size=4), max_size=6)


@settings(deadline=None)
@given(CONVERSATIONS)
def test_english_is_told_by_one_word_in_eight_of_the_beginnings(
    conversations: list[list[str]],
) -> None:
    def plain(texts: list[str]) -> bool:
        words = " ".join(text[:300] for text in texts).lower().split()
        return sum(word in COMMONEST for word in words) * 8 >= len(words) > 0

    assert read_as_english(conversations).tolist() == [plain(texts) for texts in conversations]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_scripts_are_counted_and_named_alike_for_many_texts_and_for_one(texts: list[str]) -> None:
    counts = characters_of_each(texts)
    alone = [characters([text]) for text in texts]
    assert counts.sum(axis=1).tolist() == [len(text) for text in texts]
    rows: list[list[int]] = counts.tolist()
    assert [+Counter(dict(zip(SCRIPTS, row, strict=True))) for row in rows] == [
        +one for one in alone
    ]
    assert dominant_of_each(texts, counts) == [dominant(one) for one in alone]


@settings(deadline=None)
@given(CONVERSATIONS, st.sampled_from(["", "Phi-4-mini-instruct", "Phi-3-mini-4k-instruct"]))
def test_tokens_are_estimated_alike_for_many_conversations_and_for_one(
    conversations: list[list[str]], model: str
) -> None:
    together, one_by_one = Estimator(model), Estimator(model)
    low, high = together.add(conversations)
    for texts in conversations:
        one_by_one.add([texts])
    alone = [estimate(texts, model) for texts in conversations]
    assert list(zip(low.tolist(), high.tolist(), strict=True)) == alone
    assert together.tokens() == one_by_one.tokens()


def test_signs_alone_are_a_fifth_of_a_token_at_least_and_one_at_most() -> None:
    low, high = TEMPLATE_TOKENS
    assert estimate(["?" * 100], "") == (20 + low, 100 + high + 1)


def test_spaces_and_signs_count_as_the_letters_that_they_stand_between() -> None:
    # Nine Cyrillic letters of ten (the tenth is an emoji) take nine tenths of two spaces: 10.8 at
    # 0.214 to 0.390 tokens, an emoji of 1 to 4, and 2 to 5 of the template.
    assert estimate(["привет мир 🎮"], "Phi-4-mini-instruct") == (5, 14)


LETTER = "[\u3000-\u9fff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]"
WORD = re.compile(rf"{LETTER}|(?:(?!{LETTER})[^\x00-\x20])+")


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_similarity_is_the_jaccard_index_of_word_triples(one: str, other: str) -> None:
    def triples(text: str) -> set[tuple[str, ...]]:
        words = [*WORD.findall(text.casefold()), "first end", "second end"]
        return {tuple(words[at : at + 3]) for at in range(len(words) - 2)} or {()}

    first, second = triples(one), triples(other)
    assert similarity(one, other) == len(first & second) / len(first | second)


CHAT = '{"messages":[{"role":"user","content":"%s"},{"role":"assistant","content":"fine"}]%s}'
SECRET = "AccountKey=" + "q1W2e3R4t5Y6u7I8o9P0" * 3
LINES = st.sampled_from(
    (
        *(CHAT % (text, "") for text in ("a", "नमस्ते", "\\u00e9", SECRET, 'say \\"tool_calls\\"')),
        *(
            CHAT % (text, "")
            for text in ("", "  ", "\\u0000", "\\ud800", "<|end|>", "call 98412 34567")
        ),
        *(CHAT % ("b", more) for more in (',"split":"a"', ',"tools":[]', ',"n":1e999', ",")),
        CHAT.replace("fine", "call") % ("c", "") * 2,
        " " + CHAT % ("d", "") + "\r",
        CHAT.replace('"content":"fine"', '"tool_calls":[]') % ("e", ""),
        CHAT.replace('"fine"', '[{"type":"text","text":"x"}]') % ("f", ""),
        CHAT.replace('"role":"user"', '"role":"system"') % ("g", ""),
        *("", "{", "[]", '{"messages":[]}'),
    )
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12))
def test_a_pass_hands_on_the_conversations_that_a_reader_of_the_file_finds(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    data = "\n".join(lines).encode()
    path = tmp_path_factory.getbasetemp() / "read.jsonl"
    path.write_bytes(data)
    handed: list[Conversation] = []
    lint(BytesIO(data), Wish(), read=handed.extend)
    found = list(read_conversations(path))
    assert [told(one) for one in handed] == [told(one) for one in found]
    assert [one.beyond_texts for one in handed] == [one.beyond_texts for one in found]


def told(one: Conversation) -> tuple[int, list[tuple[str, str]]]:
    return one.line, [(message.role, message.content) for message in one.messages]


@settings(deadline=None)
@given(st.lists(LINES, max_size=12))
def test_what_is_said_of_a_line_does_not_hang_on_what_else_is_in_its_block(
    lines: list[str],
) -> None:
    def said(some: list[str]) -> Counter[tuple[str, str, str]]:
        found = lint(BytesIO("\n".join(some).encode()), Wish()).remarks.kept
        return Counter((one.rule, one.path, one.message) for one in found if one.rule != "FT-D005")

    alone = Counter[tuple[str, str, str]]()
    for line in lines:
        alone += said([line + "\n"]) if line else said(["", ""]) - said([""])
    assert said([*lines, "[]"]) == alone + said(["[]"])
