"""Secrets and personal data in text, found by form and check digits, and masked when told.

One automaton goes over the text and stops where something may begin: at `sk-`, at an `@` before a
host, at nine digits. Only there does the exact pattern of that kind look. What is found is never
printed, only what it is and how it begins.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from jobs.dataset.bytewise import pattern
from jobs.dataset.remarks import Remark, Remarks


class Private(NamedTuple):
    """Something that should not be there."""

    rule: str
    kind: str
    start: int
    end: int


Said = set[tuple[int, str]]
"""Lines and kinds that were told: each once, however often it is there."""


def find_private(data: bytes, first_line: int, remarks: Remarks, start: int = 0) -> Said:
    """Say which lines of a block hold secrets or personal data, once for a line and a kind.

    No sign of any may begin before `start`.
    """
    said: Said = set()

    def message(line: bytes) -> int:
        return line.count(b'"role"') - 1

    _tell(private_in(data, start), data, lambda row: first_line + row, message, remarks, said)
    return said


def find_private_in(texts: Sequence[tuple[int, bytes]], remarks: Remarks, said: Said) -> None:
    """The same in lines that were escaped, and are not here: `["…","…"]`, by number."""
    data = b"\n".join(text for _, text in texts)
    found = private_in(data)
    _tell(found, data, lambda row: texts[row][0], lambda line: line.count(b'","'), remarks, said)


def _tell(
    found: Iterator[Private],
    data: bytes,
    number: Callable[[int], int],
    message: Callable[[bytes], int],
    remarks: Remarks,
    said: Said,
) -> None:
    """Says each finding once: its line by the row, its message by what is before it in the line."""
    row, position = 0, 0
    for item in sorted(set(found), key=lambda item: item.start):
        row += data.count(b"\n", position, item.start)
        position = item.start
        line = number(row)
        if (line, item.kind) not in said:
            said.add((line, item.kind))
            begin = data.rfind(b"\n", 0, item.start) + 1
            _say(remarks, data, item, line, message(data[begin : item.start]))


def _say(remarks: Remarks, data: bytes, item: Private, line: int, index: int) -> None:
    shown = masked(_decoded(data[item.start : item.end]))
    path = f"messages[{index}]" if index >= 0 else ""
    remarks.add(Remark(item.rule, line, path, f"holds {item.kind}: {shown}"))


def _decoded(text: bytes) -> str:
    return text.decode("unicode_escape" if text.startswith(b"\\u") else "utf-8", "replace")


def masked(text: str) -> str:
    """Enough of it to find it, too little to use it: `AKI…(20 characters)`."""
    return f"{text[:3]}…({len(text)} characters)"


def private_in(data: bytes, start: int = 0) -> Iterator[Private]:
    """Every secret and every piece of personal data in a text in UTF-8, or in JSON of it.

    No sign of any may begin before `start`.
    """
    looked = [0] * len(_KINDS)  # how far each kind has looked: a run with many signs is read once
    for sign in _SIGNS.finditer(data, start):
        index = (sign.lastindex or 0) - 1
        kind = _KINDS[index]
        if sign.start() >= looked[index]:
            looked[index] = _end_of(kind.run, data, sign.end())
            yield from kind.look(data, sign.start(), looked[index])


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────


def _secret(kind: str, pattern: bytes, *, before: int = 1) -> "_Look":
    """A look, through a run of token characters, for secrets that begin `before` a sign."""
    exact = re.compile(pattern)

    def look(data: bytes, start: int, end: int) -> Iterator[Private]:
        for match in exact.finditer(data, max(0, start - before), end + 1):
            if len(set(match[0].rstrip(b"=")[-20:])) > 6:  # XXXXXXXX is no key
                yield Private("FT-D041", kind, match.start(), match.end())

    return look


def _key_header(data: bytes, start: int, _end: int) -> Iterator[Private]:
    if match := _KEY_HEADER.match(data, start):
        yield Private("FT-D041", "a private key", match.start(), match.end())


_KEY_HEADER = re.compile(rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_TOKEN = re.compile(rb"[A-Za-z0-9+/=_.~%:@&-]*")


def _end_of(run: re.Pattern[bytes], data: bytes, position: int) -> int:
    """Where the run that goes on at `position` ends."""
    match = run.match(data, position)
    return match.end() if match else position


# ── personal data ───────────────────────────────────────────────────────────────────────────────


def _address(data: bytes, start: int, end: int) -> Iterator[Private]:
    for match in _EMAIL.finditer(data, max(0, start - 64), end + 128):
        if match.start() <= start < match.end() and not _is_example(match[0]):
            yield Private("FT-D042", "an e-mail address", match.start(), match.end())


def _account(data: bytes, start: int, end: int) -> Iterator[Private]:
    found = list(_accounts(data, max(0, start - 1), end + 16))
    yield from found or _number(data, start, _end_of(_NUMBERS, data, end))


def _accounts(data: bytes, start: int, end: int) -> Iterator[Private]:
    for match in _IBAN.finditer(data, start, end):
        if _iban(match[0]):
            yield Private("FT-D045", "a bank account (IBAN)", match.start(), match.end())


def _number(data: bytes, start: int, end: int) -> Iterator[Private]:
    window = max(0, start - 16), end + 16
    cards = [
        match
        for match in _CARD.finditer(data, *window)
        if _luhn(_digits(match[0])) and len(set(_digits(match[0]))) > 1
    ]
    for match in cards:
        yield Private("FT-D044", "a payment card number", match.start(), match.end())
    if cards or any(_accounts(data, *window)):
        return
    for match in _PHONE.finditer(data, *window):
        if 9 <= len(_digits(match[0])) <= 15 and b"555-01" not in match[0]:  # fiction's numbers
            yield Private("FT-D043", "a telephone number", match.start(), match.end())


def _other_digits(_data: bytes, start: int, end: int) -> Iterator[Private]:
    yield Private("FT-D043", "a telephone number", start, end)


_EMAIL = re.compile(
    rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}"
)
_EXAMPLE = re.compile(
    rb"@(?:[\w.-]+\.)?(?:example|test|invalid|localhost|contoso|fabrikam)(?:\.\w+)?$"
)
_NUMBERS = re.compile(rb"[0-9 ()-]*")
_NOTHING = re.compile(rb"")
_CARD = re.compile(rb"(?<![0-9.,])[2-6](?:[ -]?[0-9]){12,18}(?![0-9])")
_PHONE = re.compile(
    rb"(?<![\w.,/-])(?:\+[0-9]{1,3}[ -]?)?(?:\([0-9]{2,4}\)[ -]?)?[0-9]{2,7}(?:[ -][0-9]{2,7}){1,4}"
    rb"(?![\w-])"
    rb"|(?<![\w.,/-])\+[0-9]{8,14}(?![0-9])"
    # Ten digits in a row are a mobile number in Nepal and India, and an order number elsewhere.
    rb"|(?<![\w.,/-])9[678][0-9]{8}(?![0-9])"
)
_IBAN = re.compile(rb"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")


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


# ── signs ───────────────────────────────────────────────────────────────────────────────────────

_Look = Callable[[bytes, int, int], Iterator[Private]]


class _Kind(NamedTuple):
    """What may be there, by the sign that it begins with."""

    sign: bytes
    """For RE2, and short: it has to be rare, not exact."""
    look: _Look
    """Called with where the sign begins, and where the run ends that it begins."""
    run: re.Pattern[bytes] = _TOKEN
    """What goes on behind the sign."""


_SCHEME = rb"[a-z][a-z0-9+]{1,15}:(?:\\?/){2}"  # some write / as \/ in JSON

_KINDS = (
    _Kind(rb"-----BEGIN ", _key_header, _NOTHING),
    _Kind(
        rb"AccountKey=",
        _secret("an Azure storage key", rb"AccountKey=[A-Za-z0-9+/]{40,100}={0,2}"),
    ),
    _Kind(
        rb"sig=[A-Za-z0-9%+/]{40}",
        _secret("a shared access signature", rb"\bsig=[A-Za-z0-9%+/]{40,100}(?:%3[dD]|=)?"),
    ),
    _Kind(rb"A[KS]IA[0-9A-Z]{16}", _secret("an AWS access key", rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    _Kind(
        rb"gh[pousr]_[A-Za-z0-9]{8}|github_pat_",
        _secret("a GitHub token", rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,})"),
    ),
    _Kind(
        rb"sk-[A-Za-z0-9_-]{20}",
        _secret("an OpenAI or Anthropic key", rb"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}"),
    ),
    _Kind(rb"xox[abprs]-", _secret("a Slack token", rb"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    _Kind(rb"AIza", _secret("a Google API key", rb"\bAIza[A-Za-z0-9_-]{35}")),
    _Kind(rb"hf_[A-Za-z0-9]{8}", _secret("a Hugging Face token", rb"\bhf_[A-Za-z0-9]{30,}")),
    _Kind(
        rb"eyJ[\w-]{10,}\.eyJ",
        _secret("a JSON web token", rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    ),
    _Kind(
        rb"8Q~",
        _secret("a client secret", rb"\b[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}", before=4),
    ),
    _Kind(
        rb":(?:\\?/){2}[^\s/:@\"\\]+:[^\s/:@\"\\]+@",
        _secret(
            "a password in a URL",
            rb"\b" + _SCHEME + rb"[^\s/:@\"]{1,64}:[^\s/:@\"]{3,64}@[\w.-]{3,}",
            before=17,
        ),
    ),
    _Kind(rb"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2}", _address, _NOTHING),
    _Kind(rb"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}", _account, _NOTHING),
    _Kind(rb"[0-9](?:[ ()-]{0,2}[0-9]){8}", _number, _NUMBERS),
    # Devanagari, Arabic and Persian digits, as they are and as JSON may escape them.
    _Kind(rb"\xe0\xa5[\xa6-\xaf](?:[ -]?\xe0\xa5[\xa6-\xaf]){8,13}", _other_digits, _NOTHING),
    _Kind(rb"\xd9[\xa0-\xa9](?:[ -]?\xd9[\xa0-\xa9]){8,13}", _other_digits, _NOTHING),
    _Kind(rb"\xdb[\xb0-\xb9](?:[ -]?\xdb[\xb0-\xb9]){8,13}", _other_digits, _NOTHING),
    _Kind(
        rb"\\u0(?:96[6-9a-fA-F]|6[6fF][0-9])(?:[ -]?\\u0(?:96[6-9a-fA-F]|6[6fF][0-9])){8,13}",
        _other_digits,
        _NOTHING,
    ),
)


SIGNS = b"|".join(kind.sign for kind in _KINDS)
"""For RE2: where something private may begin."""
_SIGNS = pattern(b"|".join(b"(%s)" % kind.sign for kind in _KINDS))
