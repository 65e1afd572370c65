"""How near an answer's text is to the expected one, from 0 to 1.

The metrics are the usual ones of question answering, summarising and translation. Text is
normalised as SQuAD's evaluation does (case, punctuation, English articles, spaces) for exact match
and token F1. ROUGE-L compares the longest common subsequence of words, case-folded; rouge-score's
own tokenizer drops all but ASCII, and with another there is little left of it but these few lines.
chrF is sacrebleu's, on characters, so it needs no words.
"""

import codecs
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jobs.foundry.inference import Messages
from jobs.spec.measured import (
    MESSAGES,
    answer_field,
    as_text,
    at_of,
    filled,
    is_asked_by_chat,
    request_of,
)
from jobs.spec.models import Evaluation

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


@dataclass(frozen=True, slots=True)
class Question:
    """A held-out conversation without its last answer, and that answer."""

    messages: Messages
    expected: str
    row: Mapping[str, Any]
    """The whole line of the file."""
    calls: Sequence[Mapping[str, Any]] = ()
    """The calls of tools that are expected, as the chat completions API has them."""
    seed: int | None = None
    """What chance begins with, where the same is asked several times."""
    request: Any = None
    """What a script of one's own is asked, where that is no chat completion."""
    at: str = ""
    """The member of its answer that is measured."""

    @property
    def tools(self) -> list[Any]:
        """What the model may call."""
        return list(self.row.get("tools") or ())


def questions(content: bytes, scripted: Evaluation | None = None) -> list[Question]:
    """The conversations of a JSONL file's bytes that end with an answer.

    `scripted` is an evaluation of an online endpoint: its rows may be anything that it says how to
    ask of a script.
    """
    found: list[Question] = []
    # By bytes: a text may hold U+2028, which ends a line for str.splitlines and not for JSONL.
    for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        if not line.strip():
            continue
        row: dict[str, Any] = json.loads(line)
        if scripted is not None and not is_asked_by_chat(scripted, row):
            found.append(_by_request(scripted, row))
            continue
        messages: list[dict[str, Any]] = row["messages"]
        asked = [_asked(message) for message in messages[:-1]]
        last = messages[-1]
        found.append(Question(asked, last.get("content") or "", row, last.get("tool_calls") or ()))
    return found


def _by_request(scripted: Evaluation, row: Mapping[str, Any]) -> Question:
    """A row as a script is asked it; its messages are for those who read, judge and slice."""
    turns: list[dict[str, Any]] = [_asked(message) for message in row.get(MESSAGES, ())[:-1]]
    known = {**row, MESSAGES: turns} if MESSAGES in row else row  # and not the right answer
    request = filled(request_of(scripted, row), known)
    field = answer_field(scripted, row)
    expected = as_text(row[field]) if field else row[MESSAGES][-1].get("content") or ""
    if MESSAGES not in row:
        told = row["text"] if isinstance(row.get("text"), str) else as_text(request)
        turns = [{"role": "user", "content": told}]
    whole = {**row, MESSAGES: [*turns, {"role": "assistant", "content": expected}]}
    return Question(turns, expected, whole, request=request, at=at_of(scripted, row))


def _asked(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it is sent: what a row has beside is for people, or for training."""
    fields = ("tool_calls", "tool_call_id")
    sent = {name: message[name] for name in fields if message.get(name) is not None}
    return {"role": message["role"], "content": message.get("content"), **sent}


def exact_match(said: str, wanted: str) -> float:
    """1 where both are the same after normalising, else 0."""
    return float(normalize(said) == normalize(wanted))


def token_f1(said: str, wanted: str) -> float:
    """The harmonic mean of the shares of words that were said rightly and that were not missed."""
    ours, theirs = normalize(said).split(), normalize(wanted).split()
    if not ours or not theirs:
        return float(ours == theirs)
    common = sum((Counter(ours) & Counter(theirs)).values())
    return _f1(common, len(ours), len(theirs))


def rouge_l(said: str, wanted: str) -> float:
    """ROUGE-L's F measure: the longest common subsequence of words, in order."""
    ours, theirs = _words(said), _words(wanted)
    if not ours or not theirs:
        return float(ours == theirs)
    return _f1(_longest_common_subsequence(ours, theirs), len(ours), len(theirs))


def chrf(said: str, wanted: str) -> float:
    """chrF2 of one answer: the F score of character n-grams up to 6 (Popović, 2015)."""
    if not said.strip() or not wanted.strip():
        return float(said.strip() == wanted.strip())
    return _chrf().sentence_score(said, [wanted]).score / 100


METRICS: dict[str, Callable[[str, str], float]] = {
    "exact_match": exact_match,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
    "chrf": chrf,
}


def normalize(text: str) -> str:
    """The text without case, punctuation, English articles and extra spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(c for c in folded if not unicodedata.category(c).startswith("P"))
    return " ".join(_ARTICLES.sub(" ", plain).split())


@cache
def _chrf() -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Marks belong to their letters: \w alone would cut Devanagari words at vowel signs.
    return re.findall(r"(?:\w|[\u0300-\u036f\u0900-\u097f])+", folded)


def _f1(common: int, ours: int, theirs: int) -> float:
    return 2 * common / (ours + theirs) if common else 0.0


def _longest_common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    row = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for index, other in enumerate(right, start=1):
            above = row[index]
            row[index] = diagonal + 1 if word == other else max(above, row[index - 1])
            diagonal = above
    return row[-1]
