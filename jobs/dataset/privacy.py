"""Secrets and personal data in text, found by form and check digits, and masked when told.

Two translations of a block into runs of one letter make the search cheap: long runs of token
characters may hold a key, long runs of digits a card or a phone number. Only there do the exact
patterns look. What is found is never printed, only what it is and how it begins.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jobs.dataset.remarks import Remark, Remarks


class Private(NamedTuple):
    """Something that should not be there."""

    rule: str
    kind: str
    start: int
    end: int


Said = set[tuple[int, str]]
"""Lines and kinds that were told: each once, however often it is there."""


def find_private(data: bytes, first_line: int, remarks: Remarks) -> Said:
    """Say which lines of a block hold secrets or personal data, once for a line and a kind.

    Digits of other scripts are left to `jobs.dataset.survey`.
    """
    said: Said = set()
    line, position = first_line, 0
    for item in sorted(set(private_in(data, other_digits=False)), key=lambda item: item.start):
        line += data.count(b"\n", position, item.start)
        position = item.start
        if (line, item.kind) not in said:
            said.add((line, item.kind))
            begin = data.rfind(b"\n", 0, item.start) + 1
            index = data.count(b'"role"', begin, item.start) - 1
            _say(remarks, data, item, line, index)
    return said


def find_private_in(texts: Sequence[tuple[int, bytes]], remarks: Remarks, said: Said) -> None:
    """The same in lines that were escaped, and are not here: `["…","…"]`, by number."""
    data = b"\n".join(text for _, text in texts)
    row, position = 0, 0
    for item in sorted(set(private_in(data, other_digits=False)), key=lambda item: item.start):
        row += data.count(b"\n", position, item.start)
        position = item.start
        line = texts[row][0]
        if (line, item.kind) not in said:
            said.add((line, item.kind))
            begin = data.rfind(b"\n", 0, item.start) + 1
            _say(remarks, data, item, line, data.count(b'","', begin, item.start))


def _say(remarks: Remarks, data: bytes, item: "Private", line: int, index: int) -> None:
    shown = masked(data[item.start : item.end].decode("utf-8", "replace"))
    path = f"messages[{index}]" if index >= 0 else ""
    remarks.add(Remark(item.rule, line, path, f"holds {item.kind}: {shown}"))


def private_in(data: bytes, *, other_digits: bool = True) -> Iterator[Private]:
    """Every secret and every piece of personal data in a text in UTF-8."""
    for at in _runs(data.translate(_TOKENS), b"t" * 20):
        yield from _secrets(data, *at)
    if _KEY_HEADER in data:
        for match in _SECRETS[0][1].finditer(data):
            yield Private("FT-D041", _SECRETS[0][0], match.start(), match.end())
    for at in _runs(data.translate(_NUMBERS), b"0" * 9):
        yield from _numbers(data, *at)
    if other_digits and not data.isascii():
        for digits in _OTHER_DIGITS:
            for match in digits.finditer(data):
                yield Private("FT-D043", "a telephone number", match.start(), match.end())
    at_sign = data.find(b"@")
    while at_sign >= 0:
        start = max(0, at_sign - 64)
        for match in _EMAIL.finditer(data, start, at_sign + 128):
            if match.start() <= at_sign < match.end() and not _is_example(match[0]):
                yield Private("FT-D042", "an e-mail address", match.start(), match.end())
        at_sign = data.find(b"@", at_sign + 1)


def masked(text: str) -> str:
    """Enough of it to find it, too little to use it: `AKI…(20 characters)`."""
    return f"{text[:3]}…({len(text)} characters)"


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────

_KEY_HEADER = b"PRIVATE KEY-----"
_SECRETS = (
    ("a private key", re.compile(rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")),
    ("an Azure storage key", re.compile(rb"AccountKey=[A-Za-z0-9+/]{40,100}={0,2}")),
    ("a shared access signature", re.compile(rb"\bsig=[A-Za-z0-9%+/]{40,100}(?:%3[dD]|=)?")),
    ("an AWS access key", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,})")),
    ("an OpenAI or Anthropic key", re.compile(rb"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}")),
    ("a Slack token", re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Google API key", re.compile(rb"\bAIza[A-Za-z0-9_-]{35}")),
    ("a Hugging Face token", re.compile(rb"\bhf_[A-Za-z0-9]{30,}")),
    ("a JSON web token", re.compile(rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    ("a client secret", re.compile(rb"\b[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}")),
    (
        "a password in a URL",
        re.compile(rb"\b[a-z][a-z0-9+]{1,15}://[^\s/:@\"]{1,64}:[^\s/:@\"]{3,64}@[\w.-]{3,}"),
    ),
)


def _secrets(data: bytes, start: int, end: int) -> Iterator[Private]:
    window_start, window_end = max(0, start - 48), min(len(data), end + 48)
    yield from _accounts(data, window_start, window_end)
    for kind, pattern in _SECRETS[1:]:
        for match in pattern.finditer(data, window_start, window_end):
            if len(set(match[0].rstrip(b"=")[-20:])) > 6:  # XXXXXXXX is no key
                yield Private("FT-D041", kind, match.start(), match.end())


# ── personal data ───────────────────────────────────────────────────────────────────────────────

_EMAIL = re.compile(
    rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}"
)
_EXAMPLE = re.compile(
    rb"@(?:[\w.-]+\.)?(?:example|test|invalid|localhost|contoso|fabrikam)(?:\.\w+)?$"
)
_CARD = re.compile(rb"(?<![0-9.,])[2-6](?:[ -]?[0-9]){12,18}(?![0-9])")
_PHONE = re.compile(
    rb"(?<![\w.,/-])(?:\+[0-9]{1,3}[ -]?)?(?:\([0-9]{2,4}\)[ -]?)?[0-9]{2,7}(?:[ -][0-9]{2,7}){1,4}"
    rb"(?![\w-])"
    rb"|(?<![\w.,/-])\+[0-9]{8,14}(?![0-9])"
    # Ten digits in a row are a mobile number in Nepal and India, and an order number elsewhere.
    rb"|(?<![\w.,/-])9[678][0-9]{8}(?![0-9])"
)
_IBAN = re.compile(rb"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
# Each begins with literal bytes, which is what makes the search fast.
_OTHER_DIGITS = (
    re.compile(rb"\xe0\xa5[\xa6-\xaf](?:[ -]?\xe0\xa5[\xa6-\xaf]){8,13}"),  # Devanagari
    re.compile(rb"\xd9[\xa0-\xa9](?:[ -]?\xd9[\xa0-\xa9]){8,13}"),  # Arabic
    re.compile(rb"\xdb[\xb0-\xb9](?:[ -]?\xdb[\xb0-\xb9]){8,13}"),  # Persian
)


def _numbers(data: bytes, start: int, end: int) -> Iterator[Private]:
    if len(_digits(data[start:end])) < 9:
        return
    window_start, window_end = max(0, start - 16), min(len(data), end + 16)
    accounts = list(_accounts(data, window_start, window_end))
    yield from accounts
    cards = [
        match
        for match in _CARD.finditer(data, window_start, window_end)
        if _luhn(_digits(match[0])) and len(set(_digits(match[0]))) > 1
    ]
    for match in cards:
        yield Private("FT-D044", "a payment card number", match.start(), match.end())
    if cards or accounts:
        return
    for match in _PHONE.finditer(data, window_start, window_end):
        if 9 <= len(_digits(match[0])) <= 15 and b"555-01" not in match[0]:  # fiction's numbers
            yield Private("FT-D043", "a telephone number", match.start(), match.end())


def _accounts(data: bytes, start: int, end: int) -> Iterator[Private]:
    for match in _IBAN.finditer(data, start, end):
        if _iban(match[0]):
            yield Private("FT-D045", "a bank account (IBAN)", match.start(), match.end())


def _is_example(address: bytes) -> bool:
    return _EXAMPLE.search(address.lower()) is not None


def _digits(text: bytes) -> bytes:
    return bytes(byte for byte in text if 48 <= byte <= 57)


def _luhn(digits: bytes) -> bool:
    total = 0
    for index, byte in enumerate(reversed(digits)):
        value = byte - 48
        total += value if index % 2 == 0 else (value * 2 - 9 if value > 4 else value * 2)
    return total % 10 == 0


def _iban(text: bytes) -> bool:
    compact = text.replace(b" ", b"").decode()
    if not 15 <= len(compact) <= 34:
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


# ── runs ────────────────────────────────────────────────────────────────────────────────────────

_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-.~%:@&"
_TOKENS = bytes(116 if byte in _TOKEN_BYTES else 32 for byte in range(256))
_NUMBERS = bytes(48 if byte in b"0123456789 -()" else 46 for byte in range(256))


def _runs(translated: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    """Where runs of the needle's letter begin and end that are at least as long as it."""
    letter = needle[:1]
    found = translated.find(needle)
    while found >= 0:
        end = found + len(needle)
        while translated[end : end + 1] == letter:
            end += 1
        yield found, end
        found = translated.find(needle, end)
