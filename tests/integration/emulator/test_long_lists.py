"""Lists take a page's work, however much there is: counted in rows that are read, not in time."""

import base64
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from emulator.server import Emulator
from emulator.services.storage import blobs
from emulator.state.ids import parse_id
from emulator.state.store import Resource

PAGE = 10
MANY = 2000
MOST_ROWS = 100
"""Read for a page of ten: five at a time of what is shown, whatever there is beyond it."""

STORAGE = "2024-01-01"
LEARNING = "2024-10-01"
AUTHORIZATION = "2022-04-01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


@dataclass(frozen=True, slots=True)
class Reads:
    """What was asked of the database: rows that came, and how it went about its queries."""

    rows: list[int] = field(default_factory=list[int])
    plans: list[str] = field(default_factory=list[str])

    def forget(self) -> None:
        """Count anew."""
        self.rows.clear()
        self.plans.clear()

    @property
    def whole(self) -> list[str]:
        """Steps that sort, or look through a table from its one end to the other."""
        return [
            step
            for step in self.plans
            if "TEMP B-TREE" in step or (step.startswith("SCAN") and "USING INDEX" not in step)
        ]


@pytest.fixture
def reads(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Everything that is read from here on."""
    seen, database = Reads(), emulator.cloud.database
    rows = database.rows

    def counted(sql: str, parameters: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        found = rows(sql, parameters)
        seen.rows.append(len(found))
        if "ORDER BY" in sql:
            plan = rows(f"EXPLAIN QUERY PLAN {sql}", parameters)
            seen.plans.extend(str(step["detail"]) for step in plan)
        return found

    monkeypatch.setattr(emulator.cloud, "page_size", PAGE)
    monkeypatch.setattr(database, "rows", counted)
    return seen


@dataclass(frozen=True, slots=True)
class Place:
    """Where the many are put, and the address of their list."""

    emulator: Emulator
    subscription: str

    @property
    def group(self) -> str:
        """A resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/rg-test"

    def put(self, id: str, type: str, **properties: Any) -> None:
        """A resource, past ARM's checks."""
        body = {
            "location": "eastus2",
            "properties": {"provisioningState": "Succeeded", **properties},
        }
        self.emulator.cloud.resources.put(Resource(id=parse_id(id), type=type, body=body))


def _groups(place: Place, number: int) -> None:
    place.put(f"{place.group}-{number}", "Microsoft.Resources/subscriptions/resourceGroups")


def _vaults(place: Place, number: int) -> None:
    kind = "Microsoft.KeyVault/vaults"
    place.put(f"{place.group}/providers/{kind}/kv-{number}", kind)


def _models(place: Place, number: int) -> None:
    kind = "Microsoft.MachineLearningServices/workspaces"
    model = f"{place.group}/providers/{kind}/hub/models/model-{number}"
    place.put(f"{place.group}/providers/{kind}/hub", kind) if number == 0 else None
    place.put(model, f"{kind}/models")
    place.put(f"{model}/versions/1", f"{kind}/models/versions")


def _versions(place: Place, number: int) -> None:
    kind = "Microsoft.MachineLearningServices/workspaces"
    model = f"{place.group}/providers/{kind}/hub/models/one"
    if number == 0:
        place.put(f"{place.group}/providers/{kind}/hub", kind)
        place.put(model, f"{kind}/models")
    place.put(f"{model}/versions/{number}", f"{kind}/models/versions")


def _assignments(place: Place, number: int) -> None:
    place.emulator.cloud.access.assign(f"0000{number}", READER, place.group)


def _containers(place: Place, number: int) -> None:
    account = f"st{place.subscription.replace('-', '')[:20]}"
    kind = "Microsoft.Storage/storageAccounts"
    place.put(f"{place.group}/providers/{kind}/{account}", kind) if number == 0 else None
    blobs.ensure_container(place.emulator.cloud, account, f"data-{number:05}")


_LISTS: dict[str, tuple[Callable[[Place, int], None], str, str]] = {
    "groups": (_groups, "/subscriptions/{subscription}/resourceGroups", "2024-03-01"),
    "all of a subscription": (_vaults, "/subscriptions/{subscription}/resources", "2024-03-01"),
    "all of a group": (_vaults, "{group}/resources", "2024-03-01"),
    "a type in a group": (_vaults, "{group}/providers/Microsoft.KeyVault/vaults", "2023-07-01"),
    "a type in a subscription": (
        _vaults,
        "/subscriptions/{subscription}/providers/Microsoft.KeyVault/vaults",
        "2023-07-01",
    ),
    "models": (
        _models,
        "{group}/providers/Microsoft.MachineLearningServices/workspaces/hub/models",
        LEARNING,
    ),
    "versions, the newest first": (
        _versions,
        "{group}/providers/Microsoft.MachineLearningServices/workspaces/hub/models/one/versions"
        "?$orderBy=createdtime desc",
        LEARNING,
    ),
    "role assignments": (
        _assignments,
        "{group}/providers/Microsoft.Authorization/roleAssignments",
        AUTHORIZATION,
    ),
    "containers": (
        _containers,
        "{group}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default"
        "/containers",
        STORAGE,
    ),
}


@pytest.mark.parametrize("name", _LISTS)
def test_a_page_reads_no_more_of_many_than_it_shows(
    name: str, emulator: Emulator, arm: Any, group: str, subscription: str, reads: Reads
) -> None:
    put, path, version = _LISTS[name]
    place = Place(emulator, subscription)
    with emulator.cloud.database.transaction():
        for number in range(MANY):
            put(place, number)
    account = f"st{subscription.replace('-', '')[:20]}"
    path = path.format(subscription=subscription, group=group, account=account)
    arm.ok("GET", group)  # from here on it is known what the caller may do
    shown: list[str] = []
    for _ in range(4):
        reads.forget()
        answer = arm.ok("GET", path, version=version)
        assert sum(reads.rows) <= MOST_ROWS
        assert reads.whole == []
        shown += [one["id"] for one in answer["value"]]
        path = answer["nextLink"]
    assert len(shown) == len(set(shown)) == 4 * PAGE


def test_a_level_of_many_blobs_reads_no_more_than_it_shows(
    emulator: Emulator, arm: Any, group: str, reads: Reads
) -> None:
    place = Place(emulator, group.split("/")[2])
    account = f"st{place.subscription.replace('-', '')[:20]}"
    arm.begin(
        "PUT",
        f"{group}/providers/Microsoft.Storage/storageAccounts/{account}",
        {"location": "eastus2", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
        version=STORAGE,
    ).result()
    key = arm.ok(
        "POST",
        f"{group}/providers/Microsoft.Storage/storageAccounts/{account}/listKeys",
        version=STORAGE,
    )["keys"][0]["value"]
    with emulator.cloud.database.transaction():
        blobs.ensure_container(emulator.cloud, account, "data")
        for number in range(MANY):
            blobs.write(emulator.cloud, account, "data", f"run-{number // 500}/{number:05}", b"x")
            blobs.write(emulator.cloud, account, "data", f"z{number:05}", b"x")
    with (
        BlobServiceClient(f"https://{account}.blob.core.windows.net", credential=key) as service,
        service.get_container_client("data") as data,
    ):
        reads.forget()
        pages = data.walk_blobs(delimiter="/", results_per_page=PAGE).by_page()
        first = [blob.name for blob in next(pages)]
        assert first == ["run-0/", "run-1/", "run-2/", "run-3/", *(f"z{n:05}" for n in range(6))]
        assert sum(reads.rows) <= 5 * MOST_ROWS, "each prefix is passed over at once"
        reads.forget()
        assert [blob.name for blob in next(pages)] == [f"z{n:05}" for n in range(6, 16)]
        assert sum(reads.rows) <= MOST_ROWS
        assert reads.whole == []


def test_a_list_goes_on_where_it_was_though_what_was_shown_is_gone(
    emulator: Emulator, arm: Any, group: str, subscription: str, reads: Reads
) -> None:
    del reads
    place = Place(emulator, subscription)
    for number in range(25):
        _vaults(place, number)
    path = f"{group}/providers/Microsoft.KeyVault/vaults"
    first = arm.ok("GET", path, version="2023-07-01")
    for one in first["value"][5:]:
        emulator.cloud.resources.delete(parse_id(one["id"]))
    second = arm.ok("GET", first["nextLink"])
    assert [one["name"] for one in second["value"]] == [f"kv-{n}" for n in range(10, 20)]


def test_top_counts_over_pages(
    emulator: Emulator, arm: Any, group: str, subscription: str, reads: Reads
) -> None:
    del reads
    place = Place(emulator, subscription)
    for number in range(25):
        _vaults(place, number)
    first = arm.ok(
        "GET", f"{group}/providers/Microsoft.KeyVault/vaults?$top=12", version="2023-07-01"
    )
    second = arm.ok("GET", first["nextLink"])
    assert (len(first["value"]), len(second["value"]), "nextLink" in second) == (10, 2, False)


@pytest.mark.parametrize(
    "place",
    ['["a",1,"x"]', "[1]", "[]", "[0,1]", "[0,1,2]", "7", '[0,1e999,""]', "\\x00", "nothing"],
)
def test_a_skip_token_that_nobody_gave_is_refused(arm: Any, group: str, place: str) -> None:
    token = base64.urlsafe_b64encode(place.encode()).decode()
    path = f"{group}/providers/Microsoft.KeyVault/vaults?$skipToken={token}"
    status, error = arm.refused("GET", path, version="2023-07-01")
    assert (status, error["code"]) == (400, "InvalidSkipToken")
