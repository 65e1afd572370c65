"""What is shown of a call holds no secret: by its name, by its looks, or because nobody knows."""

import base64
import json

import pytest

from emulator.http import redaction
from emulator.http.redaction import REDACTED

SECRET = "kq8Zr2WvT5nXy7Lp"
KEY64 = base64.b64encode(bytes(range(64))).decode()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJvaWQiOiIxIn0.c2ln"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIB\nAAAA\n-----END PRIVATE KEY-----"
HOST, PATH = "management.azure.com", "/subscriptions/1"


@pytest.mark.parametrize(
    "body",
    [
        {"client_secret": SECRET},
        {"access_token": SECRET, "expires_in": 3600},
        {"properties": {"credentials": {"key": SECRET, "other": [SECRET]}}},
        {"primaryKey": SECRET, "key2": SECRET, "apiKey": SECRET},
        {"connectionString": f"AccountName=a;AccountKey={SECRET}"},
        {"said": f"DefaultEndpointsProtocol=https;AccountKey={SECRET};x"},
        {"url": f"https://a.blob.core.windows.net/c/b?sp=r&sig={SECRET}&se=2"},
        {"env": f"PASSWORD={SECRET}", "header": f"Bearer {SECRET}"},
        {"parameters": json.dumps({"inner": json.dumps({"accountKey": SECRET})})},
        {"yaml": f"client_secret: '{SECRET}'"},
        {"sshPublicKeys": [SECRET], "adminPassword": SECRET, "sasUri": SECRET},
    ],
)
def test_no_name_of_a_secret_shows_its_value(body: object) -> None:
    said = redaction.body(json.dumps(body).encode(), "application/json", HOST, PATH)
    assert said
    assert SECRET not in said
    assert REDACTED in said


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        KEY64,
        PEM,
        f"ssh-rsa {KEY64} me",
        "ghp_0123456789abcdefghijklmno",
        f"SharedKey a:{KEY64}",
    ],
)
def test_what_looks_like_a_secret_is_one_wherever_it_stands(secret: str) -> None:
    for said in (
        redaction.text(f"before {secret} after"),
        redaction.body(json.dumps({"note": f"it is {secret}."}).encode(), "text/json", HOST, PATH),
        redaction.body(f"<a>{secret}</a>".encode(), "application/xml", HOST, PATH),
    ):
        assert said
        assert REDACTED in said
        assert secret not in said
        assert secret[-20:-5] not in said


def test_answers_whose_purpose_are_secrets_show_none() -> None:
    body = json.dumps({"keys": [{"keyName": "key1", "value": SECRET}], "text": SECRET}).encode()
    for path in (f"{PATH}/listKeys", f"{PATH}/regenerateKey", f"{PATH}/listSecrets"):
        assert SECRET not in (redaction.body(body, "application/json", HOST, path) or "")
    value = json.dumps({"value": SECRET}).encode()
    vault = redaction.body(value, "application/json", "kv.vault.azure.net", "/secrets/a")
    assert vault == json.dumps({"value": REDACTED})


def test_headers_queries_and_forms_show_what_is_known_to_be_none() -> None:
    assert redaction.headers({"Authorization": SECRET, "api-key": SECRET, "Accept": "*/*"}) == [
        {"name": "Authorization", "value": REDACTED},
        {"name": "api-key", "value": REDACTED},
        {"name": "Accept", "value": "*/*"},
    ]
    signed = f"https://a.blob.core.windows.net/c?restype=container&sig={SECRET}&skoid=1"
    shown = "https://a.blob.core.windows.net/c?restype=container&sig=REDACTED&skoid=REDACTED"
    assert redaction.url(signed) == shown
    assert redaction.headers({"x-ms-copy-source": signed})[0]["value"] == shown
    form = f"grant_type=client_credentials&client_assertion={SECRET}&client_secret={SECRET}"
    said = redaction.body(form.encode(), "application/x-www-form-urlencoded", HOST, PATH)
    assert said == "grant_type=client_credentials&client_assertion=REDACTED&client_secret=REDACTED"


def test_what_cannot_be_looked_through_is_left_out() -> None:
    for content, kind in (
        (b'{"key": "' + SECRET.encode(), "application/json"),
        (b"\xff\xfe" + SECRET.encode(), "text/plain"),
        (SECRET.encode(), "application/octet-stream"),
        (SECRET.encode(), ""),
    ):
        assert redaction.body(content, kind, HOST, PATH) is None


def test_what_is_no_secret_stays() -> None:
    body = {
        "model": "Phi-4",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "Is it on?"}],
    }
    said = redaction.body(json.dumps(body).encode(), "application/json; charset=utf-8", HOST, PATH)
    assert json.loads(said or "") == body
