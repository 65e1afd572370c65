"""Judge a text by the rules file: a severity per harm category, and whether it blocks.

The categories, severities and the threshold are Azure's; how they are detected is not. Besides the
rules there are documented test strings, one per category and severity, in the manner of EICAR:
`[[content-safety-test violence=4]]` is judged violence at severity 4, whatever stands around it.
So a test covers every category, severity and direction without anybody writing harmful text.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

CATEGORIES: tuple[str, ...] = ("hate", "self_harm", "sexual", "violence")
SEVERITY_NAMES = {0: "safe", 2: "low", 4: "medium", 6: "high"}
TEST_STRING = re.compile(r"\[\[content-safety-test (hate|self_harm|sexual|violence)=([0246])\]\]")
ROLE_MARKER = re.compile(r"<\|(system|user|assistant|end|endoftext|im_start|im_end)\|>")

_RULES_FILE = Path(__file__).with_name("rules.yaml")
_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the rules found in one text."""

    severities: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CATEGORIES, 0))
    jailbreak: bool = False
    rules: tuple[str, ...] = ()
    blocks_from: int = 4
    jailbreak_blocks: bool = False

    @property
    def blocked(self) -> bool:
        """Whether a deployment with its filter on refuses this text."""
        harmful = any(severity >= self.blocks_from for severity in self.severities.values())
        return harmful or (self.jailbreak and self.jailbreak_blocks)

    @property
    def gravest(self) -> str:
        """The category of the highest severity; `jailbreak` where no harm was found."""
        category = max(self.severities, key=lambda name: self.severities[name])
        return category if self.severities[category] else "jailbreak" if self.jailbreak else ""

    def annotations(self, *, prompt: bool) -> dict[str, Any]:
        """The per-category results in Azure's words; `jailbreak` exists for prompts only."""
        results: dict[str, Any] = {
            category: {
                "filtered": severity >= self.blocks_from,
                "severity": SEVERITY_NAMES[severity],
            }
            for category, severity in self.severities.items()
        }
        if prompt:
            results["jailbreak"] = {
                "filtered": self.jailbreak and self.jailbreak_blocks,
                "detected": self.jailbreak,
            }
        return results


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Harm that a fault lets through: of this category, severity and language; empty for any."""

    category: str = ""
    severity: str = ""
    language: str = ""

    def hides(self, category: str, severity: int, language: str) -> bool:
        """Whether what was found is of that kind."""
        found = (category, SEVERITY_NAMES[severity], language)
        asked = (self.category, self.severity, self.language)
        return all(one in ("", other) for one, other in zip(asked, found, strict=True))


def judge(*texts: str, unseen: Sequence[Unseen] = ()) -> Judgement:
    """Judge texts together: the highest severity of each category counts, unless it is `unseen`."""
    rules = _load()
    severities = dict.fromkeys(CATEGORIES, 0)
    languages = dict.fromkeys(CATEGORIES, "")
    matched: list[str] = []
    jailbreak = False
    for text in texts:
        plain = normalize(text)
        for category, severity in TEST_STRING.findall(plain):
            if int(severity) > severities[category]:
                severities[category], languages[category] = int(severity), ""
            matched.append(f"test-string:{category}={severity}")
        for rule in rules.harms:
            if rule.severity > severities[rule.category] and rule.pattern.search(plain):
                severities[rule.category] = rule.severity
                languages[rule.category] = rule.language
                matched.append(rule.id)
        for name, pattern in rules.jailbreak:
            if pattern.search(plain):
                jailbreak = True
                matched.append(name)
    for category, severity in severities.items():
        if any(one.hides(category, severity, languages[category]) for one in unseen):
            severities[category] = 0
    return Judgement(
        severities=severities,
        jailbreak=jailbreak,
        rules=tuple(dict.fromkeys(matched)),
        blocks_from=rules.blocks_from,
        jailbreak_blocks=rules.jailbreak_blocks,
    )


def unseen(faults: Sequence[dict[str, str]], side: str) -> list[Unseen]:
    """What faults let through on one side, `prompt` or `completion`."""
    return [
        Unseen(**{name: word for name, word in fault.items() if name != "side"})
        for fault in faults
        if fault.get("side", side) == side
    ]


def detector() -> str:
    """The name every annotation is signed with, so nobody takes it for Azure AI Content Safety."""
    return f"emulator-rules/{_load().version}"


def normalize(text: str) -> str:
    """The text as the patterns see it: NFKC, case-folded, nothing invisible, single spaces."""
    visible = unicodedata.normalize("NFKC", text).translate(_INVISIBLE)
    return re.sub(r"\s+", " ", visible).casefold()


def neutralize_role_markers(text: str) -> str:
    """Break chat-template tokens in a user's text, so that it can't open a turn of its own.

    The characters stay readable; only the token is gone. A real service's tokenizer does the same
    by refusing special tokens in content.
    """
    return ROLE_MARKER.sub(r"<\\|\1\\|>", text)


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    language: str
    category: str
    severity: int
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Rules:
    version: int
    blocks_from: int
    jailbreak_blocks: bool
    harms: tuple[_Rule, ...]
    jailbreak: tuple[tuple[str, re.Pattern[str]], ...]


@cache
def _load() -> _Rules:
    import yaml

    document: dict[str, Any] = yaml.safe_load(_RULES_FILE.read_text(encoding="utf-8"))
    words: dict[str, str] = document["words"]

    def compiled(pattern: str) -> re.Pattern[str]:
        for name, alternatives in words.items():
            pattern = pattern.replace("{" + name + "}", alternatives)
        # As the texts are: letters that Unicode writes in two ways are written in one.
        return re.compile(unicodedata.normalize("NFKC", pattern))

    return _Rules(
        version=document["version"],
        blocks_from=document["blocks_from"],
        jailbreak_blocks=document["jailbreak_blocks"],
        harms=tuple(
            _Rule(
                rule["id"], language, rule["category"], rule["severity"], compiled(rule["pattern"])
            )
            for language, rules in document["rules"].items()
            for rule in rules
        ),
        jailbreak=tuple((rule["id"], compiled(rule["pattern"])) for rule in document["jailbreak"]),
    )
