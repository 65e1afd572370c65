"""Storage accounts through ARM, and blobs through azure-storage-blob as Microsoft ships it."""

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from emulator.server import Emulator
from emulator.services.storage import blobs
from emulator.services.storage.signatures import sas_url

VERSION = "2024-01-01"
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
MIB = 1024 * 1024


@pytest.fixture
def account(arm: Any, group: str, subscription: str) -> str:
    """The id of a storage account with a container `data`."""
    name = f"st{subscription.replace('-', '')[:20]}"
    id = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    body = {"location": "eastus2", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    arm.begin("PUT", id, body, version=VERSION).result()
    arm.ok("PUT", f"{id}/blobServices/default/containers/data", {}, version=VERSION)
    return id


@pytest.fixture
def key(arm: Any, account: str) -> str:
    """The account's first access key."""
    return arm.ok("POST", f"{account}/listKeys", version=VERSION)["keys"][0]["value"]


@pytest.fixture
def service(emulator: Emulator, account: str) -> Iterator[BlobServiceClient]:
    """The blob service, as the developer, who may read and write blobs."""
    who = emulator.identities.developer
    emulator.control.assign(who.object_id, CONTRIBUTOR, account)
    with (
        ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential,
        BlobServiceClient(
            _url(account),
            credential=credential,
            max_single_put_size=MIB,
            max_block_size=MIB // 2,
            max_single_get_size=MIB,
            max_chunk_get_size=MIB // 2,
        ) as client,
    ):
        yield client


@pytest.fixture
def data(service: BlobServiceClient) -> Iterator[ContainerClient]:
    """The container `data`, as the developer."""
    with service.get_container_client("data") as client:
        yield client


def test_an_account_is_made_with_its_endpoints_and_patched(arm: Any, account: str) -> None:
    shown = arm.ok("GET", account, version=VERSION)
    name = account.rpartition("/")[2]
    assert (
        shown["properties"]["primaryEndpoints"]["blob"] == f"https://{name}.blob.core.windows.net/"
    )
    assert shown["properties"]["provisioningState"] == "Succeeded"
    patched = arm.ok(
        "PATCH", account, {"properties": {"allowSharedKeyAccess": False}}, version=VERSION
    )
    assert patched["properties"]["allowSharedKeyAccess"] is False
    again = {"location": "eastus2", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    assert arm.send("PUT", account, again, version=VERSION).status_code == 200
    assert arm.send("DELETE", account, version=VERSION).status_code == 200
    assert arm.send("DELETE", account, version=VERSION).status_code == 204


def test_an_accounts_name_is_valid_and_unique_in_the_whole_cloud(
    arm: Any, account: str, group: str
) -> None:
    body = {"location": "eastus2", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    bad = f"{group}/providers/Microsoft.Storage/storageAccounts/Not_Valid"
    assert arm.refused("PUT", bad, body, version=VERSION)[1]["code"] == "AccountNameInvalid"
    arm.ok("PUT", f"{group}-2", {"location": "eastus2"})
    taken = account.replace("/rg-test/", "/rg-test-2/")
    status, error = arm.refused("PUT", taken, body, version=VERSION)
    assert (status, error["code"]) == (409, "StorageAccountAlreadyTaken")


def test_a_key_is_regenerated(arm: Any, account: str, key: str) -> None:
    path = f"{account}/regenerateKey"
    keys = arm.ok("POST", path, {"keyName": "key1"}, version=VERSION)["keys"]
    assert keys[0]["value"] != key


def test_a_blob_is_written_read_overwritten_and_deleted(data: ContainerClient) -> None:
    blob = data.upload_blob("a.txt", b"hello", metadata={"Who": "me"})
    assert blob.download_blob().readall() == b"hello"
    with pytest.raises(ResourceExistsError) as refused:
        data.upload_blob("a.txt", b"other")
    assert _code(refused.value) == "BlobAlreadyExists"
    data.upload_blob(
        "a.txt", b"other", overwrite=True, content_settings=ContentSettings("text/plain")
    )
    properties = blob.get_blob_properties()
    assert (properties.size, properties.content_settings.content_type) == (5, "text/plain")
    assert properties.metadata == {}
    blob.delete_blob()
    assert not blob.exists()


def test_a_blob_of_no_bytes_is_read(data: ContainerClient) -> None:
    blob = data.upload_blob("empty", b"")
    assert blob.download_blob().readall() == b""
    assert blob.get_blob_properties().size == 0


def test_a_large_blob_goes_up_and_comes_down_in_blocks(data: ContainerClient) -> None:
    content = os.urandom(3 * MIB + 17)
    blob = data.upload_blob("big file ü/1.bin", content, max_concurrency=2)
    assert blob.download_blob(max_concurrency=2).readall() == content
    committed, waiting = blob.get_block_list("all")
    assert (len(committed), waiting) == (7, [])


def test_a_blobs_md5_is_what_its_writer_says_and_none_where_blocks_are_joined(
    data: ContainerClient,
) -> None:
    def md5(blob: BlobClient) -> bytes:
        return bytes(blob.get_blob_properties().content_settings.content_md5 or b"")

    whole = data.upload_blob("whole", b"content")
    assert md5(whole) == hashlib.md5(b"content", usedforsecurity=False).digest()
    joined = data.get_blob_client("joined")
    joined.stage_block("1", b"content")
    joined.commit_block_list([BlobBlock("1")])
    assert md5(joined) == b""
    lie = hashlib.md5(b"other", usedforsecurity=False).digest()
    joined.commit_block_list(
        [BlobBlock("1")], content_settings=ContentSettings(content_md5=bytearray(lie))
    )
    assert md5(joined) == lie
    assert joined.download_blob().readall() == b"content"
    assert joined.download_blob(offset=0, length=3).readall() == b"con"
    joined.set_http_headers(ContentSettings("text/plain"))
    assert md5(joined) == b""


def test_a_range_is_read_and_one_past_the_end_refused(data: ContainerClient) -> None:
    blob = data.upload_blob("digits", b"0123456789")
    assert blob.download_blob(offset=2, length=3).readall() == b"234"
    assert blob.download_blob(offset=8, length=100).readall() == b"89"
    with pytest.raises(HttpResponseError) as refused:
        blob.download_blob(offset=10, length=1)
    assert refused.value.status_code == 416


def test_conditions_hold(data: ContainerClient) -> None:
    blob = data.upload_blob("etag", b"1")
    etag = blob.get_blob_properties().etag
    data.upload_blob("etag", b"2", overwrite=True)
    with pytest.raises(ResourceModifiedError) as refused:
        blob.upload_blob(
            b"3", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
        )
    assert _code(refused.value) == "ConditionNotMet"
    assert blob.download_blob().readall() == b"2"


def test_blobs_are_listed_by_prefix_level_and_page_with_metadata(data: ContainerClient) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        data.upload_blob(name, name.encode(), metadata={"n": name.replace("/", "")})
    assert [blob.name for blob in data.list_blobs(name_starts_with="a/")] == ["a/1", "a/2"]
    assert [entry.name for entry in data.walk_blobs()] == ["a/", "b/", "c"]
    pages = data.list_blobs(results_per_page=3, include=["metadata"]).by_page()
    sizes = [[blob.metadata["n"] for blob in page] for page in pages]
    assert sizes == [["a1", "a2", "b1"], ["c"]]


def test_names_and_metadata_come_back_as_they_were_written(data: ContainerClient) -> None:
    written = {"FileName": "it's", "camelCase": "1", "lower": "2"}
    blob = data.upload_blob('it\'s <here> & "there".txt', b"x", metadata=written)
    assert blob.get_blob_properties().metadata == written
    (listed,) = data.list_blobs(include=["metadata", "snapshots", "deleted"])
    assert (listed.name, listed.metadata) == ('it\'s <here> & "there".txt', written)
    with pytest.raises(HttpResponseError, match="uncommittedblobs"):
        list(data.list_blobs(include=["uncommittedblobs"]))


def test_what_has_not_changed_says_so_with_its_code(
    data: ContainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    blob = data.upload_blob("same.txt", b"x")
    etag = blob.get_blob_properties().etag
    with pytest.raises(HttpResponseError) as caught:
        blob.download_blob(etag=etag, match_condition=MatchConditions.IfModified)
    assert (caught.value.status_code, _code(caught.value)) == (304, "ConditionNotMet")
    assert "Unexpected return type" not in caplog.text


def test_a_blob_is_copied_between_containers(
    service: BlobServiceClient, data: ContainerClient
) -> None:
    source = data.upload_blob("from", b"content", metadata={"a": "b"})
    with _create(service, "target") as target:
        copy = target.get_blob_client("to")
        copy.start_copy_from_url(source.url)
        assert copy.download_blob().readall() == b"content"
        copied = copy.get_blob_properties()
        assert copied.metadata == {"a": "b"}
        assert (copied.copy.status, copied.copy.source) == ("success", source.url)
        assert copied.copy.progress == "7/7"
        with pytest.raises(ResourceExistsError):
            _create(service, "target")
        target.delete_container()
        with pytest.raises(ResourceNotFoundError) as refused:
            copy.download_blob()
        assert _code(refused.value) == "ContainerNotFound"


def test_a_missing_blob_and_a_missing_account_are_told_apart(
    data: ContainerClient, service: BlobServiceClient
) -> None:
    with pytest.raises(ResourceNotFoundError) as refused:
        data.download_blob("none")
    assert _code(refused.value) == "BlobNotFound"
    answer = requests.get("https://stnobody0.blob.core.windows.net/data/x", timeout=10)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (404, "ResourceNotFound")


def test_a_token_opens_only_what_a_role_grants(emulator: Emulator, account: str) -> None:
    who = emulator.identities.developer
    with (
        ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential,
        ContainerClient(_url(account), "data", credential=credential) as container,
    ):
        with pytest.raises(HttpResponseError) as refused:
            container.upload_blob("x", b"x")
        assert _code(refused.value) == "AuthorizationPermissionMismatch"
        emulator.control.assign(who.object_id, READER, account)
        assert list(container.list_blobs()) == []
        with pytest.raises(HttpResponseError) as refused:
            container.upload_blob("x", b"x")
        assert refused.value.status_code == 403


def test_owner_of_the_subscription_has_no_right_to_the_data(
    emulator: Emulator, account: str
) -> None:
    who = emulator.identities.platform
    with (
        ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential,
        ContainerClient(_url(account), "data", credential=credential) as container,
        pytest.raises(HttpResponseError) as refused,
    ):
        list(container.list_blobs())
    assert _code(refused.value) == "AuthorizationPermissionMismatch"


def test_a_shared_key_signs_and_a_wrong_one_does_not(account: str, key: str) -> None:
    with BlobServiceClient(_url(account), credential=key) as client:
        blob = client.get_blob_client("data", "sp ace/ü.txt")
        blob.upload_blob(b"x", metadata={"ab": "1", "a_b": "2", "b": "3"})
        assert blob.download_blob().readall() == b"x"
        assert [container.name for container in client.list_containers()] == ["data"]
    with (
        BlobClient(_url(account), "data", "sp ace/ü.txt", credential="d3Jvbmc=") as blob,
        pytest.raises(ClientAuthenticationError) as refused,
    ):
        blob.download_blob()
    assert _code(refused.value) == "AuthenticationFailed"


def test_a_sas_opens_its_blob_for_its_time_and_permissions(account: str, key: str) -> None:
    name = account.rpartition("/")[2]
    with BlobServiceClient(_url(account), credential=key) as client:
        client.get_blob_client("data", "one").upload_blob(b"1")
        client.get_blob_client("data", "two").upload_blob(b"2")
    sas = generate_blob_sas(
        name, "data", "one", account_key=key, permission="r", expiry=_in(hours=1)
    )
    with BlobClient(_url(account), "data", "one", credential=sas) as blob:
        assert blob.download_blob().readall() == b"1"
        assert _refusal(blob.delete_blob) == "AuthorizationPermissionMismatch"
    with BlobClient(_url(account), "data", "two", credential=sas) as blob:
        assert _refusal(blob.download_blob) == "AuthenticationFailed"
    old = generate_container_sas(
        name, "data", account_key=key, permission="rl", expiry=_in(hours=-1)
    )
    with ContainerClient(_url(account), "data", credential=old) as container:
        assert _refusal(lambda: list(container.list_blobs())) == "AuthenticationFailed"
    new = generate_container_sas(
        name, "data", account_key=key, permission="rl", expiry=_in(hours=1)
    )
    with ContainerClient(_url(account), "data", credential=new) as container:
        assert [blob.name for blob in container.list_blobs()] == ["one", "two"]


def test_an_account_sas_names_what_it_opens(account: str, key: str) -> None:
    name = account.rpartition("/")[2]
    sas = generate_account_sas(name, key, resource_types="o", permission="rwl", expiry=_in(hours=1))
    with ContainerClient(_url(account), "data", credential=sas) as container:
        container.upload_blob("x", b"x")
        code = _refusal(lambda: list(container.list_blobs()))
    assert code == "AuthorizationResourceTypeMismatch"


def test_a_user_delegation_sas_holds_as_long_as_its_signer_has_the_role(
    arm: Any, account: str, service: BlobServiceClient, data: ContainerClient, emulator: Emulator
) -> None:
    name = account.rpartition("/")[2]
    data.upload_blob("x", b"content")
    arm.ok("PATCH", account, {"properties": {"allowSharedKeyAccess": False}}, version=VERSION)
    delegation = service.get_user_delegation_key(_in(minutes=-5), _in(hours=1))
    sas = generate_blob_sas(
        name, "data", "x", user_delegation_key=delegation, permission="r", expiry=_in(hours=1)
    )
    with BlobClient(_url(account), "data", "x", credential=sas) as blob:
        assert blob.download_blob().readall() == b"content"
        path = f"{account}/providers/Microsoft.Authorization/roleAssignments"
        for assignment in arm.ok("GET", path, version="2022-04-01")["value"]:
            if assignment["properties"]["scope"] == account:
                arm.ok("DELETE", assignment["id"], version="2022-04-01")
        assert _refusal(blob.download_blob) == "AuthorizationPermissionMismatch"


def test_shared_keys_are_refused_where_the_account_forbids_them(
    arm: Any, account: str, key: str
) -> None:
    arm.ok("PATCH", account, {"properties": {"allowSharedKeyAccess": False}}, version=VERSION)
    with BlobServiceClient(_url(account), credential=key) as client:
        code = _refusal(lambda: list(client.list_containers()))
    assert code == "KeyBasedAuthenticationNotPermitted"
    answer = requests.get(f"{_url(account)}/data/x", timeout=10)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_services_of_the_emulator_hand_out_urls_that_open(
    emulator: Emulator, arm: Any, account: str
) -> None:
    arm.ok("PATCH", account, {"properties": {"allowSharedKeyAccess": False}}, version=VERSION)
    name = account.rpartition("/")[2]
    blobs.write(emulator.cloud, name, "data", "logs/std log.txt", b"line\n")
    url = sas_url(emulator.cloud, name, "data", "logs/std log.txt")
    assert requests.get(url, timeout=10).content == b"line\n"
    assert requests.get(url.replace("sp=r", "sp=rw"), timeout=10).status_code == 403


def test_what_the_blob_plane_does_not_know_is_refused_by_name(
    service: BlobServiceClient, data: ContainerClient
) -> None:
    assert _refusal(lambda: _create(service, "ab")) == "OutOfRangeInput"
    blob = data.upload_blob("x", b"x")
    with pytest.raises(HttpResponseError, match="NotEmulated") as refused:
        blob.create_snapshot()
    assert refused.value.status_code == 501
    with pytest.raises(HttpResponseError, match="NotEmulated"):
        data.get_blob_client("page").create_page_blob(512)


def _create(service: BlobServiceClient, name: str) -> ContainerClient:
    return service.create_container(name)  # pyright: ignore[reportUnknownMemberType] # its **kwargs


def _url(account: str) -> str:
    return f"https://{account.rpartition('/')[2]}.blob.core.windows.net"


def _in(**duration: float) -> datetime:
    return datetime.now(UTC) + timedelta(**duration)


def _refusal(call: Any) -> str:
    with pytest.raises(HttpResponseError) as refused:
        call()
    return _code(refused.value)


def _code(error: HttpResponseError) -> str:
    code: Any = getattr(error, "error_code", "")  # azure-storage-blob sets it beside the status
    return str(getattr(code, "value", code))
