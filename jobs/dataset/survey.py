"""What is in the data as a whole: prompts, answers, languages, lengths.

A second look, at all of a small file and at an even sample of a large one: what is asked here are
shares, not lines.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobs.dataset.conversations import Conversation, read_conversations
from jobs.dataset.lint import Task
from jobs.dataset.privacy import masked, private_in
from jobs.dataset.remarks import Remark, Remarks
from jobs.dataset.scripts import characters, dominant, title
from jobs.dataset.tokens import NO_TOKENS, Estimator, Tokenizer, Tokens, estimate

SAMPLE = 20_000
_LABEL_LENGTH = 40


@dataclass(slots=True)
class Survey:
    """What was found in a file, or in a sample of it."""

    conversations: int = 0
    system_prompts: Counter[str] = field(default_factory=Counter[str])
    without_system: list[int] = field(default_factory=list[int])
    labels: Counter[str] = field(default_factory=Counter[str])
    """Short last answers."""
    label_order: list[str] = field(default_factory=list[str])
    scripts: Counter[str] = field(default_factory=Counter[str])
    lines_of_script: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    answers: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """What was answered to a first question, and where."""
    lengths: list[int] = field(default_factory=list[int])
    """Characters of each conversation."""
    token_counts: list[int] = field(default_factory=list[int])
    """Tokens of each conversation (the middle, where there is an interval)."""
    turns: Counter[int] = field(default_factory=Counter[int])
    tokens: Tokens = NO_TOKENS
    sampled: bool = False

    @property
    def has_labels(self) -> bool:
        """Whether the answers are labels: nearly all short, and few different ones."""
        return (
            self.conversations >= 20
            and sum(self.labels.values()) >= 0.9 * self.conversations
            and len(self.labels) <= max(2, min(50, self.conversations // 5))
        )


def survey(
    path: Path,
    conversations: int,
    remarks: Remarks,
    *,
    task: Task = "chat_completion",
    model: str = "",
    tokenizer: Tokenizer | None = None,
    context: int | None = None,
) -> Survey:
    """Look at a file of so many usable conversations, and say what is wrong with the whole."""
    step = max(1, -(-conversations // SAMPLE))
    found = Survey(sampled=step > 1)
    estimator = Estimator(model, 1 / step)
    exact_low = exact_high = 0
    for one in _every(step, read_conversations(path, task)):
        _take_in(found, one, remarks)
        texts = [message.content for message in one.messages]
        if tokenizer:
            low, high = next(tokenizer.count([texts]))
            exact_low, exact_high = exact_low + low, exact_high + high
        else:
            estimator.add(texts)
            low, high = estimate(texts, model)
        found.token_counts.append((low + high) // 2)
        if context:
            _too_long(remarks, one.line, low, high, context)
    if tokenizer:
        basis = tokenizer.basis + (f" in a sample ({1 / step:.0%})" if step > 1 else "")
        spread = 0.05 if step > 1 else 0
        low, high = int(exact_low * step * (1 - spread)), int(exact_high * step * (1 + spread))
        found.tokens = Tokens(low, high, basis)
    else:
        found.tokens = estimator.tokens()
    _system_prompts(found, remarks)
    _labels(found, remarks)
    _scripts(found, remarks)
    return found


def is_sorted_by_label(found: Survey) -> bool:
    """Whether labels come in blocks, so that the file's end has some that its beginning has not."""
    order = found.label_order
    if not found.has_labels or len(found.labels) < 2:
        return False
    cut = len(order) * 8 // 10
    head, tail = Counter(order[:cut]), Counter(order[cut:])
    missing = [label for label in tail if label not in head]
    unseen = sum(tail[label] for label in missing)
    return unseen * 5 >= len(order) - cut


def _take_in(found: Survey, one: Conversation, remarks: Remarks) -> None:
    found.conversations += 1
    found.turns[len(one.turns)] += 1
    system = one.system
    if system is None:
        found.without_system.append(one.line)
    elif len(found.system_prompts) < 5000 or system in found.system_prompts:
        found.system_prompts[system] += 1
    answer = one.messages[-1].content
    if len(answer) <= _LABEL_LENGTH:
        found.labels[answer.strip()] += 1
        found.label_order.append(answer.strip())
    counts = characters(one.turns)
    found.lengths.append(sum(map(len, (message.content for message in one.messages))))
    script = dominant(counts)
    if script:
        found.scripts[script] += 1
        lines = found.lines_of_script.setdefault(script, [])
        if len(lines) < 20:
            lines.append(one.line)
    _contradiction(found, one, answer, remarks)
    for index, message in enumerate(one.messages):
        if broken := _MOJIBAKE.search(message.content):
            text = f"reads like text that was decoded wrongly: '{broken[0]}'."
            remarks.add(Remark("FT-D020", one.line, f"messages[{index}].content", text))
            break
    _other_digits(one, remarks)
    if found.conversations <= 1000:
        _unused_fields(one, remarks)


def _contradiction(found: Survey, one: Conversation, answer: str, remarks: Remarks) -> None:
    question = " ".join(one.messages[-2].content.casefold().split()) if len(one.turns) == 2 else ""
    if not question:
        return
    key = f"{one.system or ''}\0{question}"
    before = found.answers.setdefault(key, (one.line, answer))
    if before[0] != one.line and before[1].strip() != answer.strip():
        text = f"the same question as line {before[0]}, and another answer."
        remarks.add(Remark("FT-D023", one.line, f"messages[{len(one.messages) - 1}].content", text))


_MOJIBAKE = re.compile(
    "\ufffd|[ÃÂ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[™œ“”˜¦]|à¤[\x80-\xbf]|Ø[§-¹]Ù"
)


_OTHER_DIGITS = re.compile("[०-९٠-٩۰-۹](?:[ -]?[०-९٠-٩۰-۹]){8}")
"""Nine Devanagari or Arabic digits: `lint` looks at bytes, where these cost too much to find."""


def _other_digits(one: Conversation, remarks: Remarks) -> None:
    for index, message in enumerate(one.messages):
        if not message.content.isascii() and _OTHER_DIGITS.search(message.content):
            for item in private_in(message.content.encode()):
                if item.rule == "FT-D043":
                    shown = masked(message.content.encode()[item.start : item.end].decode())
                    text = f"holds {item.kind}: {shown}"
                    remarks.add(Remark(item.rule, one.line, f"messages[{index}]", text))
                    return


def _unused_fields(one: Conversation, remarks: Remarks) -> None:
    import msgspec

    if "FT-D017" in remarks.counts:
        return
    value = msgspec.json.decode(one.raw)
    strange = [key for key in value if key not in ("messages", "tools")]
    for message in value.get("messages", ()):
        strange += [key for key in message if key not in ("role", "content", "tool_calls", "name")]
    strange = [key for key in dict.fromkeys(strange) if key != "tool_call_id"]
    if strange and "messages" in value:
        names = ", ".join(f"'{key[:30]}'" for key in strange[:4])
        remarks.add(Remark("FT-D017", one.line, "", f"{names}: the service does not use it."))


def _too_long(remarks: Remarks, line: int, low: int, high: int, context: int) -> None:
    if low > context:
        count = f"{low:,}" if low == high else f"at least {low:,}"
        text = f"{count} tokens; the model sees {context:,}, and the end is cut off."
        remarks.add(Remark("FT-D071", line, "", text))
    elif high > context:
        text = f"{low:,} to {high:,} tokens by estimate; the model sees {context:,}."
        remarks.add(Remark("FT-D072", line, "", text))


def _system_prompts(found: Survey, remarks: Remarks) -> None:
    prompts = found.system_prompts
    if prompts and found.without_system:
        lines = len(found.without_system)
        text = f"{lines:,} of {found.conversations:,} conversations have no system message."
        remarks.add(Remark("FT-D053", found.without_system[0], "", text))
    common = [prompt for prompt, _ in prompts.most_common(50)]
    for index, prompt in enumerate(common[1:], 1):
        near = next((other for other in common[:index] if _drifts(prompt, other)), None)
        if near is not None:
            text = (
                f"two wordings of a system prompt: '{_short(near)}' ({prompts[near]:,} times) and "
                f"'{_short(prompt)}' ({prompts[prompt]:,} times)."
            )
            remarks.add(Remark("FT-D051", 0, "", text))
            return


def _drifts(one: str, other: str) -> bool:
    from difflib import SequenceMatcher

    if one == other:
        return False
    if " ".join(one.casefold().split()) == " ".join(other.casefold().split()):
        return True
    matcher = SequenceMatcher(None, one[:500], other[:500], autojunk=False)
    return matcher.real_quick_ratio() > 0.8 and matcher.ratio() > 0.8


def _labels(found: Survey, remarks: Remarks) -> None:
    if not found.has_labels or len(found.labels) < 2:
        return
    ranked = found.labels.most_common()
    total = sum(found.labels.values())
    most = ranked[0]
    if most[1] >= 0.8 * total or most[1] >= 20 * ranked[-1][1]:
        text = (
            f"'{_short(most[0])}' is {most[1] / total:.0%} of the answers, "
            f"'{_short(ranked[-1][0])}' {ranked[-1][1]:,} of {total:,}."
        )
        remarks.add(Remark("FT-D052", 0, "", text))


def _scripts(found: Survey, remarks: Remarks) -> None:
    total = sum(found.scripts.values())
    if total < 40:
        return
    main, _ = found.scripts.most_common(1)[0]
    for script, count in found.scripts.items():
        if script != main and count * 50 <= total:
            line = found.lines_of_script[script][0]
            some = f"{count:,} of {total:,} conversations are in {title(script)}"
            text = f"{some}, the others in {title(main)}."
            remarks.add(Remark("FT-D081", line, "", text))


def _short(text: str) -> str:
    from jobs.output import printable

    return printable(text, 40)


def _every(step: int, conversations: Iterator[Conversation]) -> Iterator[Conversation]:
    return (one for index, one in enumerate(conversations) if index % step == 0)


def histogram(lengths: Sequence[int], *, bars: int = 12) -> list[tuple[int, int, int]]:
    """Lengths in equal steps: from, up to and including, how many."""
    if not lengths:
        return []
    low, high = min(lengths), max(lengths)
    size = max(1, -(-(high - low + 1) // bars))
    counts = Counter((length - low) // size for length in lengths)
    return [
        (low + bar * size, low + (bar + 1) * size - 1, counts[bar])
        for bar in range((high - low) // size + 1)
    ]
