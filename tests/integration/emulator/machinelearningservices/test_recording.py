"""`--record`: a HAR file that tools read, in which no secret of a whole day's work stands."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import openai
import pytest
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient, generate_blob_sas
from referencing import Registry
from referencing.jsonschema import DRAFT6

from emulator.rehearsal import har
from emulator.rehearsal.har import Recording
from emulator.server import Emulator
from tests.integration.emulator.machinelearningservices.test_chat import Endpoint

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry

SCHEMA = Path(__file__).parents[3] / "data" / "har" / "har-1.2.schema.json"
STORAGE, COGNITIVE = "2023-05-01", "2023-05-01"
OF_A_USER = {
    "adminPassword": "Hunter2-Hunter2",
    "sshKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPq7",
    "note": "Server=x;Password=Tr0ub4dor&3;",
}


@pytest.fixture
def recording(emulator: Emulator, tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "calls.har"
    with Recording(file, version="0") as made:
        emulator.front.listeners.append(made.hear)
        yield file
        emulator.front.listeners.remove(made.hear)


def test_a_recording_is_valid_and_holds_no_secret(foundry: Foundry, recording: Path) -> None:
    secrets = [os.environ["AZURE_CLIENT_SECRET"], os.environ["ARM_CLIENT_SECRET"]]
    tenant, id, secret = (
        os.environ[f"ARM_{it}"] for it in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
    )
    with ClientSecretCredential(tenant, id, secret) as credential:
        secrets.append(credential.get_token("https://management.azure.com/.default").token)
    secrets += _of_storage(foundry)
    secrets += _of_an_endpoint(foundry)
    secrets += _of_ai_services(foundry)
    foundry.platform.ok("PATCH", foundry.group_id, {"tags": OF_A_USER}, version="2021-04-01")
    secrets += ["Hunter2-Hunter2", "AAAAC3NzaC1lZDI1NTE5", "Tr0ub4dor"]

    text = recording.read_text(encoding="utf-8")
    assert len(secrets) >= 12
    for each in secrets:
        assert each not in text
        assert each.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D") not in text
    assert recording.stat().st_mode & 0o077 == 0
    log = json.loads(text)
    _validate(log)
    entries = log["log"]["entries"]
    assert {entry["response"]["status"] for entry in entries} >= {200, 201}
    stream = next(it for it in entries if "event-stream" in it["response"]["content"]["mimeType"])
    assert "[DONE]" in stream["response"]["content"]["text"]
    assert "Is it on?" in stream["request"]["postData"]["text"], "what is no secret is shown"


def test_a_large_body_is_told_by_its_size(
    foundry: Foundry, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(har, "SHOWN", 100)
    monkeypatch.setattr(har, "LOOKED_THROUGH", 10_000)
    for size in (500, 50_000):
        tags = {"tags": {"long": "x " * (size // 2)}}
        foundry.platform("PATCH", foundry.group_id, tags, version="2021-04-01")
    log = json.loads(recording.read_text(encoding="utf-8"))
    shown, told = (entry["request"]["postData"] for entry in log["log"]["entries"][-2:])
    assert len(shown["text"]) == 100
    assert re.match(r"the first 100 of \d+ characters", shown["comment"])
    assert told["text"] == ""
    assert re.match(r"\d+ bytes, left out", told["comment"])


def _of_storage(foundry: Foundry) -> list[str]:
    """Its keys, in calls that are signed by one, by a token and by a SAS of both."""
    keys = foundry.platform.ok("POST", f"{foundry.storage}/listKeys", version=STORAGE)["keys"]
    account, key = foundry.storage.rsplit("/", 1)[-1], keys[0]["value"]
    url = f"https://{account}.blob.core.windows.net"
    until = datetime.now(UTC) + timedelta(hours=1)
    with BlobServiceClient(url, credential=key) as service:
        service.get_container_client("recorded").create_container()
        blob = service.get_blob_client("recorded", "a b.txt")
        blob.upload_blob(b"content", metadata={"token": "of-the-users"})
    sas = generate_blob_sas(
        account, "recorded", "a b.txt", account_key=key, permission="r", expiry=until
    )
    with BlobServiceClient(url, credential=sas) as service:
        service.get_blob_client("recorded", "a b.txt").download_blob().readall()
    with BlobServiceClient(url, credential=foundry.credential) as service:
        delegation = service.get_user_delegation_key(datetime.now(UTC), until)
        copied = service.get_blob_client("recorded", "copy")
        copied.start_copy_from_url(f"{url}/recorded/a%20b.txt?{sas}")
    assert delegation.value
    signature = re.search(r"sig=([^&]+)", sas)
    assert signature
    return [*(each["value"] for each in keys), signature[1], delegation.value, "of-the-users"]


def _of_an_endpoint(foundry: Foundry) -> list[str]:
    """Its keys, listed and used in a question that is answered as a stream."""
    endpoint = Endpoint(foundry, "azureml://registries/azureml/models/Phi-4-mini-instruct")
    question: Any = [{"role": "user", "content": "Is it on?"}]
    try:
        keys = foundry.developer.ok("POST", f"{endpoint.path}/listKeys", version="2024-10-01")
        with endpoint.client() as client:
            list(
                client.chat.completions.create(
                    model="m", messages=question, max_tokens=4, stream=True
                )
            )
            with pytest.raises(openai.AuthenticationError):
                endpoint.client(key="wrong-key-of-mine").chat.completions.create(
                    model="m", messages=question
                )
        connection = f"{foundry.project}/connections/recorded"
        properties = {
            "category": "CustomKeys",
            "authType": "CustomKeys",
            "target": "https://example.com",
            "credentials": {"keys": {"any": "of-a-connection"}},
        }
        foundry.platform.ok("PUT", connection, {"properties": properties}, version="2024-10-01")
        foundry.platform.ok("POST", f"{connection}/listsecrets", version="2024-10-01")
    finally:
        endpoint.delete()
    return [keys["primaryKey"], keys["secondaryKey"], "wrong-key-of-mine", "of-a-connection"]


def _of_ai_services(foundry: Foundry) -> list[str]:
    account = f"{foundry.group_id}/providers/Microsoft.CognitiveServices/accounts/recorded"
    body = {"location": "eastus2", "kind": "AIServices", "sku": {"name": "S0"}, "properties": {}}
    foundry.platform.wait("PUT", account, body, version=COGNITIVE)
    listed = foundry.platform.ok("POST", f"{account}/listKeys", version=COGNITIVE)
    made = foundry.platform.ok(
        "POST", f"{account}/regenerateKey", {"keyName": "Key1"}, version=COGNITIVE
    )
    return [listed["key1"], listed["key2"], made["key1"]]


def _validate(log: Any) -> None:
    parts: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    registry = Registry[Any]().with_resources(
        (name, DRAFT6.create_resource(part)) for name, part in parts.items()
    )
    jsonschema.Draft6Validator(parts["har.json"], registry=registry).validate(log)  # pyright: ignore[reportUnknownMemberType]
