"""How good the answers are, measured on held-out conversations: three metrics.

The metrics are the usual ones of question answering and summarising. Text is normalised as SQuAD's
evaluation does (case, punctuation, English articles, spaces) for exact match and token F1; ROUGE-L
compares the longest common subsequence of words, case-folded. Each is a mean over conversations.
"""

import codecs
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.foundry.inference import Messages

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


@dataclass(frozen=True, slots=True)
class Question:
    """A held-out conversation without its last answer, and that answer."""

    messages: Messages
    expected: str


def questions(content: bytes) -> list[Question]:
    """The conversations of a JSONL file's bytes that end with an answer."""
    found: list[Question] = []
    # By bytes: a text may hold U+2028, which ends a line for str.splitlines and not for JSONL.
    for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        if not line.strip():
            continue
        messages: list[dict[str, Any]] = json.loads(line)["messages"]
        asked = [{"role": m["role"], "content": m["content"]} for m in messages[:-1]]
        found.append(Question(asked, str(messages[-1]["content"])))
    return found


def score(
    answers: Sequence[str], expected: Sequence[str], metrics: Sequence[str]
) -> dict[str, float]:
    """The mean of each metric over all pairs; 0 where there is none."""
    pairs = list(zip(answers, expected, strict=True))
    return {
        name: sum(METRICS[name](said, wanted) for said, wanted in pairs) / len(pairs)
        if pairs
        else 0.0
        for name in metrics
    }


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


METRICS: dict[str, Callable[[str, str], float]] = {
    "exact_match": exact_match,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
}


def normalize(text: str) -> str:
    """The text without case, punctuation, English articles and extra spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(c for c in folded if not unicodedata.category(c).startswith("P"))
    return " ".join(_ARTICLES.sub(" ", plain).split())


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
