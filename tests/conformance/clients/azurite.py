"""The same blob calls to Azurite, Microsoft's own emulator, and to this one: equal answers.

    azurite.py NODE AZURITE'S_BLOB_MAIN_JS

Compared are the status, the error's code, which of Azure's headers there are, the content and the
lists. `OURS` names where this emulator follows Azure and Azurite doesn't, each with its source.
"""

import base64
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    generate_blob_sas,
)
from checks import check

ACCOUNT = os.environ["CONFORMANCE_STORAGE"]
# What every answer has that is nobody's to compare: times, ids and the server's own name.
IGNORED = {
    *("date", "server", "connection", "keep-alive", "transfer-encoding", "content-length"),
    # Azure sends them with every answer; Azurite leaves them out of refusals.
    *("x-ms-client-request-id", "x-ms-version"),
    # Azure sends it once somebody has set a tier, which can't be done here.
    "x-ms-access-tier-change-time",
}
OURS = {
    **dict.fromkeys(
        ("if-none-match that doesn't hold (304)", "if-modified-since the future (304)"),
        "a 304 carries ETag and Last-Modified (RFC 9110, 15.4.5); Azurite leaves them out",
    ),
    "an empty blob": "Azure says x-ms-blob-content-md5 where a range was asked for (learn: 'Get "
    "Blob'); Azurite always",
    "a SAS that has ended": "Azure says AuthenticationFailed (learn: 'SAS error codes'); Azurite "
    "AuthorizationFailure",
    "without any credential": "Azure says ResourceNotFound or PublicAccessNotPermitted for an "
    "account without public access; Azurite AuthorizationFailure",
    "a SAS of another blob": "its signature is wrong then, and Azure says AuthenticationFailed; "
    "Azurite AuthorizationFailure",
    "with a wrong key": "Azure says AuthenticationFailed; Azurite AuthorizationFailure",
}

Step = Callable[[BlobServiceClient], Any]


def main(node: str, server: str) -> None:
    """Every step on both."""
    key = _account_key()
    # Azurite is beside the emulated cloud and not in it.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    with _azurite(node, server, key) as address:
        ours = _client(f"https://{ACCOUNT}.blob.core.windows.net", key)
        theirs = _client(address, key)
        for name, step in STEPS.items():
            with check(name):
                here, there = _answer(step, ours), _answer(step, theirs)
                differs = _differences(here, there)
                if differs and name not in OURS:
                    raise RuntimeError("; ".join(differs))


def _differences(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    found = [
        f"{name} {here[name]!r}, Azurite's {there[name]!r}"
        for name in ("status", "code", "value")
        if here[name] != there[name]
    ]
    more, less = here["headers"] - there["headers"], there["headers"] - here["headers"]
    return found + ([f"headers +{sorted(more)} -{sorted(less)}"] if more or less else [])


def _client(address: str, key: str) -> BlobServiceClient:
    return BlobServiceClient(
        address, credential=key, retry_total=0, max_single_put_size=64, max_block_size=64
    )


def _answer(step: Step, client: BlobServiceClient) -> dict[str, Any]:
    seen: list[Any] = []

    def note(response: Any) -> None:
        seen.append(response.http_response)

    try:
        value = step(_noting(client, note))
        code = None
    except HttpResponseError as error:
        code = getattr(error, "error_code", None)
        value = None
        if error.response is not None and not seen:
            seen.append(error.response)
        if "foundry-emulator" in str(error.message):
            raise  # absent by name
    last = seen[-1] if seen else None
    headers = {name.lower() for name in last.headers} - IGNORED if last is not None else set()
    return {
        "status": last.status_code if last is not None else None,
        "code": str(code) if code is not None else None,
        "headers": headers,
        "value": value,
    }


class _Noting:
    """A client whose calls tell each answer as it came."""

    def __init__(self, client: Any, note: Callable[[Any], None]) -> None:
        self._client, self._note = client, note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*words: Any, **options: Any) -> Any:
            given = found(*words, **options)
            if isinstance(given, BlobClient | ContainerClient):
                return _Noting(given, self._note)
            return given

        def noted(*words: Any, **options: Any) -> Any:
            return call(*words, raw_response_hook=self._note, **options)

        return call if name.startswith("get_") and name.endswith("_client") else noted


def _noting(client: BlobServiceClient, note: Callable[[Any], None]) -> Any:
    return _Noting(client, note)


# ── what is asked ───────────────────────────────────────────────────────────────────────────────


def _blob(client: Any, name: str = "a.txt") -> Any:
    return client.get_blob_client("diff", name)


def _read(client: Any, name: str = "a.txt", **options: Any) -> bytes:
    return _blob(client, name).download_blob(**options).readall()


def _names(found: Any) -> list[str]:
    return [one.name for one in found]


def _blocks(client: Any) -> list[Any]:
    blob = _blob(client, "blocks.bin")
    ids = [base64.b64encode(f"{number:04}".encode()).decode() for number in range(3)]
    for id, content in zip(ids, (b"one", b"two", b"three"), strict=True):
        blob.stage_block(id, content)
    blob.commit_block_list([BlobBlock(ids[0]), BlobBlock(ids[2])])
    committed, waiting = blob.get_block_list("all")
    return [
        [one.size for one in committed],
        [one.size for one in waiting],
        _read(client, "blocks.bin"),
    ]


def _etag(client: Any) -> str:
    # Without the hook, so that the answer compared is the step's own.
    return client._client.get_blob_client("diff", "a.txt").get_blob_properties().etag


def _with_sas(client: Any, *, hours: float, permissions: str = "r", name: str = "a.txt") -> bytes:
    plain = client._client
    token = generate_blob_sas(
        ACCOUNT,
        "diff",
        "a.txt",
        account_key=plain.credential.account_key,
        permission=BlobSasPermissions.from_string(permissions),
        start=datetime.now(UTC) - timedelta(hours=2),
        expiry=datetime.now(UTC) + timedelta(hours=hours),
    )
    return _anonymous(client, f"?{token}", name)


def _anonymous(client: Any, query: str = "", name: str = "a.txt", **options: Any) -> bytes:
    plain = client._client
    address = f"{plain.url.rstrip('/').split('?')[0]}/diff/{name}{query}"
    with BlobClient.from_blob_url(address, retry_total=0, **options) as blob:
        return blob.download_blob().readall()


STEPS: dict[str, Step] = {
    "a container is made": lambda c: bool(c.get_container_client("diff").create_container()),
    "a container that is there": lambda c: c.get_container_client("diff").create_container(),
    "a container's name that is invalid": lambda c: c.get_container_client(
        "No_"
    ).create_container(),
    "a container's name that is too short": lambda c: c.get_container_client(
        "a"
    ).create_container(),
    "a container that isn't there": lambda c: _names(c.get_container_client("none").list_blobs()),
    "containers by prefix": lambda c: _names(c.list_containers(name_starts_with="diff")),
    "a container's metadata": lambda c: bool(
        c.get_container_client("diff").set_container_metadata({"Team": "xbox"})
    ),
    "a container's metadata read": lambda c: (
        c.get_container_client("diff").get_container_properties().metadata
    ),
    "a blob is written": lambda c: bool(
        _blob(c).upload_blob(b"namaste", metadata={"Team": "xbox"}, overwrite=True)
    ),
    "a blob that is there": lambda c: _blob(c).upload_blob(b"again"),
    "a blob is read": _read,
    "a blob's metadata keeps its case": lambda c: _blob(c).get_blob_properties().metadata,
    "a blob's properties": lambda c: [
        getattr(_blob(c).get_blob_properties(), name) for name in ("size", "blob_type", "name")
    ],
    "a range": lambda c: _read(c, offset=1, length=3),
    "a range past the end": lambda c: _read(c, offset=99, length=3),
    "a blob that isn't there": lambda c: _read(c, "none"),
    "properties of a blob that isn't there": lambda c: _blob(c, "none").get_blob_properties(),
    "an empty blob": lambda c: (
        bool(_blob(c, "empty").upload_blob(b"", overwrite=True)) and _read(c, "empty")
    ),
    "a name with blanks, umlauts and signs": lambda c: (
        bool(_blob(c, "it's & <ü> 100%/x y.txt").upload_blob(b"x", overwrite=True))
        and _read(c, "it's & <ü> 100%/x y.txt")
    ),
    "blocks, two of three, in order": _blocks,
    "a block list with a block that isn't there": lambda c: _blob(c, "b2").commit_block_list(
        [BlobBlock(base64.b64encode(b"none").decode())]
    ),
    "a large blob by itself in blocks": lambda c: (
        bool(_blob(c, "big").upload_blob(b"0123456789" * 50, overwrite=True)) and _read(c, "big")
    ),
    "all blobs": lambda c: _names(c.get_container_client("diff").list_blobs()),
    "blobs by prefix": lambda c: _names(
        c.get_container_client("diff").list_blobs(name_starts_with="b")
    ),
    "blobs by level": lambda c: _names(c.get_container_client("diff").walk_blobs(delimiter="/")),
    "blobs by page": lambda c: [
        len(list(page))
        for page in c.get_container_client("diff").list_blobs(results_per_page=2).by_page()
    ],
    "blobs with metadata": lambda c: {
        # None or {}: where there is none, the client reads the one or the other.
        one.name: one.metadata or {}
        for one in c.get_container_client("diff").list_blobs(include=["metadata"])
    },
    "blobs with uncommitted ones": lambda c: _names(
        c.get_container_client("diff").list_blobs(include=["uncommittedblobs"])
    ),
    "if-match that holds": lambda c: len(_read(c, etag=_etag(c), match_condition=_is())),
    "if-match that doesn't": lambda c: _read(c, etag='"0x0"', match_condition=_is()),
    "if-none-match that doesn't hold (304)": lambda c: _blob(c).get_blob_properties(
        etag=_etag(c), match_condition=_is_not()
    ),
    "if-modified-since the future (304)": lambda c: _blob(c).get_blob_properties(
        if_modified_since=datetime(2100, 1, 1, tzinfo=UTC)
    ),
    "if-unmodified-since the past": lambda c: _blob(c).get_blob_properties(
        if_unmodified_since=datetime(2000, 1, 1, tzinfo=UTC)
    ),
    "a blob's metadata is set": lambda c: bool(_blob(c).set_blob_metadata({"A": "b", "C": "d"})),
    "a blob's headers are set": lambda c: bool(_blob(c).set_http_headers(_settings())),
    "a blob's headers are read": lambda c: (
        _blob(c).get_blob_properties().content_settings.content_type
    ),
    "a copy within the account": lambda c: _blob(c, "copy").start_copy_from_url(
        f"{c._client.url.rstrip('/')}/diff/a.txt"
    )["copy_status"],
    "the copy is read": lambda c: _read(c, "copy"),
    "a SAS that reads": lambda c: _with_sas(c, hours=1),
    "a SAS that has ended": lambda c: _with_sas(c, hours=-1),
    "a SAS that may only write": lambda c: _with_sas(c, hours=1, permissions="w"),
    "a SAS of another blob": lambda c: _with_sas(c, hours=1, name="copy"),
    "without any credential": _anonymous,
    "with a wrong key": lambda c: _anonymous(c, credential=base64.b64encode(b"0" * 32).decode()),
    "a blob is deleted": lambda c: _blob(c, "copy").delete_blob(),
    "a blob is deleted again": lambda c: _blob(c, "copy").delete_blob(),
    "a snapshot": lambda c: bool(_blob(c).create_snapshot()),
    "a lease": lambda c: bool(_blob(c).acquire_lease(15)),
    "tags": lambda c: _blob(c).set_blob_tags({"a": "b"}),
    "an append blob": lambda c: bool(_blob(c, "append").create_append_blob()),
    "a page blob": lambda c: bool(_blob(c, "page").create_page_blob(512)),
    "the service's properties": lambda c: sorted(c.get_service_properties()),
    "the account's information": lambda c: c.get_account_information()["account_kind"],
    "a container is deleted": lambda c: c.get_container_client("diff").delete_container(),
    "a container is deleted again": lambda c: c.get_container_client("diff").delete_container(),
}


def _is() -> Any:
    from azure.core import MatchConditions

    return MatchConditions.IfNotModified


def _is_not() -> Any:
    from azure.core import MatchConditions

    return MatchConditions.IfModified


def _settings() -> Any:
    from azure.storage.blob import ContentSettings

    return ContentSettings(content_type="text/plain", cache_control="no-cache")


# ── the two ─────────────────────────────────────────────────────────────────────────────────────


def _account_key() -> str:
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy
    from azure.core.rest import HttpRequest
    from azure.identity import ClientSecretCredential
    from azure.mgmt.core import ARMPipelineClient

    who = (os.environ[f"ARM_{name}"] for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"))
    arm = "https://management.azure.com"
    policy = BearerTokenCredentialPolicy(ClientSecretCredential(*who), f"{arm}/.default")
    account = (
        f"{os.environ['CONFORMANCE_GROUP']}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    )
    request = HttpRequest("POST", f"{arm}{account}/listKeys?api-version=2023-05-01")
    with ARMPipelineClient(arm, policies=[policy]) as client:
        answer = client.send_request(request)
        answer.raise_for_status()
        return str(answer.json()["keys"][0]["value"])


@contextlib.contextmanager
def _azurite(node: str, server: str, key: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [node, server, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*command, "--location", folder, "--skipApiVersionCheck", "--disableTelemetry"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
        ) as running,
    ):
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}/{ACCOUNT}"
        finally:
            running.terminate()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > give_up:
            raise TimeoutError("Azurite doesn't listen")
        time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
