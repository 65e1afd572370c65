"""Each kind of secret and of personal data: found where it is, not where it only looks so."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.dataset.privacy import masked, private_in

KEY = "q1W2e3R4t5Y6u7I8o9P0"
FOUND = {
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
    "an Azure storage key": f"AccountKey={KEY * 4}aB3d+/==",
    "a shared access signature": f"?sv=2024&sig={KEY}{KEY}abcd%3D",
    "an AWS access key": "AKIAIOSFODNN7EXAMPLE",
    "a GitHub token": f"ghp_{KEY}{KEY}",
    "an OpenAI or Anthropic key": f"sk-proj-{KEY}{KEY}",
    "a Slack token": "xoxb-1234567890-abcdefghij",
    "a Google API key": "AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "a Hugging Face token": f"hf_{KEY}AbCdEfGhIjKl",
    "a JSON web token": f"eyJhbGciOiJIUzI1NiJ9.eyJ{KEY}.{KEY}",
    "a client secret": "abc8Q~" + KEY + "aB3dE4fG5h6~.",
    "a password in a URL": "ftp://me:pw1@corp.io",
    "an e-mail address": "jane.doe@gmail.com",
    "a payment card number": "4111 1111 1111 1111",
    "a telephone number": "+977 9841-234567",
    "a bank account (IBAN)": "GB29 NWBK 6016 1331 9268 19",
}
NEAR = {
    "a private key": "-----BEGIN PUBLIC KEY-----",
    "an Azure storage key": "AccountKey=" + "x" * 86 + "==",
    "a shared access signature": "sig=abc",
    "an AWS access key": "AKIAIOSFODNN7EXAMPLEX1",
    "a GitHub token": "ghp_short, as in ghp_abcdefgh",
    "an OpenAI or Anthropic key": "task-force-and-other-long-compound-words",
    "a Slack token": "xoxb-yours",
    "a Google API key": "AIza is how it begins",
    "a Hugging Face token": "hf_transfer_library",
    "a JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJ",
    "a client secret": "8Q~ alone",
    "a password in a URL": "https://corp.io:8080/me@home",
    "an e-mail address": "jane@example.com, or @jane, or jane@home",
    "a payment card number": "4111 1111 1111 1112",
    "a telephone number": "order 20261123-1, or +1 202-555-0143",
    "a bank account (IBAN)": "GB28 NWBK 6016 1331 9268 19",
}


def kinds(text: str) -> set[str]:
    return {item.kind for item in private_in(text.encode())}


@pytest.mark.parametrize("kind", FOUND)
def test_each_kind_is_found_in_a_sentence_and_its_near_miss_is_not(kind: str) -> None:
    for sentence in ("It is {}.", "«{}»", "{}\n", 'say: "{}", please', "य{} र"):
        assert kinds(sentence.format(FOUND[kind])) == {kind}, sentence
    assert kind not in kinds(f"It is {NEAR[kind]} .")


def test_what_json_writes_otherwise_is_found_all_the_same() -> None:
    assert kinds(r"https:\/\/me:pw1@corp.io\/x") == {"a password in a URL"}
    text = json.dumps("call ९८४१२३४५६७ now")
    (item,) = private_in(text.encode())
    assert item.kind == "a telephone number"
    assert text.encode()[item.start : item.end] == text[6 : 6 + 60].encode()


def test_several_on_one_line_are_all_found() -> None:
    assert kinds(" , ".join(FOUND.values())) == set(FOUND)


@given(st.binary(max_size=300))
def test_any_bytes_are_searched_and_places_are_in_them(data: bytes) -> None:
    for item in private_in(data):
        assert 0 <= item.start < item.end <= len(data)


@given(st.sampled_from(sorted(FOUND.values())), st.text(max_size=50), st.text(max_size=50))
def test_a_mask_never_shows_what_it_masks(secret: str, before: str, after: str) -> None:
    data = f"{before} {secret} {after}".encode("utf-8", "replace")
    for item in private_in(data):
        found = data[item.start : item.end].decode("utf-8", "replace")
        assert found[3:] not in masked(found)


@pytest.mark.parametrize(
    "piece",
    [
        "1234567890",
        "12 34 567 ",
        "4111 1111 1111 1111 ",
        "AB12 3456 7890 1234 ",
        "AIzaSyx-sk-abc",
        f"&sig={KEY}{KEY}",
        "a://b:ccc@d",
        "@a.bc",
        "eyJabcdefghijk.eyJ",
        "xyz8Q~",
        "१२३ ",
    ],
)
def test_a_run_full_of_signs_is_read_once_and_not_once_a_sign(piece: str) -> None:
    data = (piece * (1_000_000 // len(piece))).encode()
    for item in private_in(data):  # a search anew from every sign would take hours
        assert item.end <= len(data)
