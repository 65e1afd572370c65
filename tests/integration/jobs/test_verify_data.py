"""`--verify-data` downloads what is uploaded and believes no digest that Azure keeps beside it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from emulator.services.storage import blobs
from jobs.files import digest_of
from jobs.foundry import data, projects
from tests.integration.jobs.conftest import Place, write_story


@pytest.fixture
def spec(place: Place) -> str:
    """A story whose data is uploaded and whose model is trained."""
    written = str(write_story(place, endpoint=False))
    applied = place.tune("apply", written, "--yes")
    assert applied.code == 0, applied.said
    return written


def test_what_is_uploaded_is_verified_file_by_file(place: Place, spec: str) -> None:
    planned = place.tune("plan", spec, "--verify-data")
    assert planned.code == 0, planned.said
    lines = [line for line in planned.out.splitlines() if "verified" in line]
    assert len(lines) == 2
    assert all("downloaded; it is what its name says" in line for line in lines)
    assert "Nothing to do" in planned.out
    assert "Uploads" not in place.tune("plan", spec).out
    assert {one["verdict"] for one in uploads(place, spec)} == {"verified"}


def test_a_file_that_is_not_uploaded_yet_is_no_finding(place: Place) -> None:
    planned = place.tune("plan", str(write_story(place)), "--verify-data")
    assert planned.code == 0, planned.said
    assert planned.out.count("nothing is there yet") == 2


def test_a_blob_whose_digest_lies_is_told_by_plan_and_replaced_by_apply(
    place: Place, spec: str
) -> None:
    train = place.folder / f"{place.name}-train.jsonl"
    poison(place, train)
    believing = place.tune("plan", spec)
    assert believing.code == 0, believing.said
    assert "Nothing to do" in believing.out, "the digest beside the blob says that it is ours"

    planned = place.tune("plan", spec, "--verify-data")
    assert planned.code == 4, planned.said
    assert "it holds other content than its name says" in planned.out
    assert f"~   data        {place.name}-train" in planned.out
    told = json.loads(place.tune("plan", spec, "--verify-data", "-o", "json").out)
    assert [one["rule"] for one in told["refusals"]] == ["FT-R012"]
    verdicts = sorted(one["verdict"] for one in uploads(place, spec, code=4))
    assert verdicts == ["differs", "verified"]
    assert stored(place, train) != train.read_bytes(), "a plan writes nothing"

    applied = place.tune("apply", spec, "--verify-data", "--yes")
    assert applied.code == 0, applied.said
    assert "held other content than its name says; it was replaced" in applied.err
    assert "replaced and verified" in applied.out
    assert stored(place, train) == train.read_bytes()
    assert len(place.jobs()) == 1
    assert place.tune("plan", spec, "--verify-data").code == 0


def test_a_poisoned_blob_is_replaced_before_a_new_job_reads_it(place: Place, spec: str) -> None:
    train = place.folder / f"{place.name}-train.jsonl"
    poison(place, train)
    again = place.tune(
        *("apply", spec, "--verify-data", "--yes"),
        *("--set", f"finetuning.{place.name}.hyperparameters.epochs=2"),
    )
    assert again.code == 0, again.said
    assert stored(place, train) == train.read_bytes()
    assert len(place.jobs()) == 2


def test_content_that_is_gone_is_uploaded_again(place: Place, spec: str) -> None:
    train = place.folder / f"{place.name}-train.jsonl"
    container, name = where(place, train)
    blobs.delete(place.emulator.cloud, account(place), container, name)
    planned = place.tune("plan", spec, "--verify-data")
    assert planned.code == 4, planned.said
    assert "its content is gone" in planned.out
    assert place.tune("apply", spec, "--verify-data", "--yes").code == 0
    assert stored(place, train) == train.read_bytes()


def test_a_download_is_never_in_memory_as_a_whole(place: Place) -> None:
    file = place.folder / "large.jsonl"
    file.write_bytes(b"0123456789abcdef" * (1 << 20))
    session, digest = place.session(), digest_of(file)
    datastore = projects.default_datastore(session)
    data.upload(session, datastore, file, digest, "large")
    mark = place.emulator.control.last_call()
    assert data.uploaded(session, datastore, digest, "large") == digest.sha256
    reads = place.emulator.control.calls(after=mark, method="GET")
    pieces = [call for call in reads if call["path"].endswith("/large.jsonl")]
    assert len(pieces) >= 2, "it comes in pieces"


def poison(place: Place, file: Path) -> None:
    """Other content of the same length under the file's name, with the file's own MD5 beside it."""
    from azure.storage.blob import BlobBlock, BlobClient, ContentSettings

    digest = digest_of(file)
    session = place.session()
    datastore = projects.default_datastore(session)
    container, name = where(place, file)
    client = BlobClient(datastore.account_url, container, name, credential=session.arm.credential)
    with client as blob:
        blob.stage_block("AAAA", b"x" * digest.size)
        blob.commit_block_list(
            [BlobBlock("AAAA")],
            content_settings=ContentSettings(content_md5=bytearray(digest.md5)),
            metadata={"foundry_tune_sha256": digest.sha256},
        )
        assert bytes(blob.get_blob_properties().content_settings.content_md5 or b"") == digest.md5


def where(place: Place, file: Path) -> tuple[str, str]:
    """The container and name of a file's upload."""
    cloud, sha256 = place.emulator.cloud, hashlib.sha256(file.read_bytes()).hexdigest()
    for container in blobs.list_containers(cloud, account(place)):
        names = blobs.names(cloud, account(place), container.name, f"foundry-tune/{sha256}/")
        if names:
            return container.name, names[0]
    raise AssertionError(f"{file} was never uploaded")


def stored(place: Place, file: Path) -> bytes | None:
    container, name = where(place, file)
    return blobs.read(place.emulator.cloud, account(place), container, name)


def account(place: Place) -> str:
    return Path(place.storage_id).name


def uploads(place: Place, spec: str, *, code: int = 0) -> list[dict[str, Any]]:
    told = place.tune("plan", spec, "--verify-data", "-o", "json")
    assert told.code == code, told.said
    return json.loads(told.out)["uploads"]
