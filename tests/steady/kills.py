"""An emulator that is killed over and over while clients write: nothing acknowledged is lost.

A life begins with `foundry-emulator start` and ends with SIGKILL: a fifth of them while it starts,
the others while four writers PUT and DELETE groups, blobs and jobs. A writer keeps what it was told
last of each name, and what it asked and never heard of. In the next life each name must show the
one or the other, whole: what was acknowledged is there, and half a write is nowhere.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from emulator.rehearsal.session import Session
from emulator.state.directory import holder
from tests.integration.emulator.machinelearningservices.conftest import (
    ARM,
    VERSION,
    Foundry,
)
from tests.steady.living import Living, credential, ended
from tests.steady.outcome import Outcome

_KILLED_AT_ITS_START = 0.2
_LIFE_SECONDS = 0.4
"""The longest time from being up, or from having the folder, to the kill."""
_NAMES = 50
"""How many names a writer writes, over and over."""
_WHOLE_EVERY = 50
"""After so many lives every name is looked at, not only those of the last life."""


@dataclass(slots=True)
class Told:
    """What a writer knows of a name: None for one that isn't there."""

    value: str | None = None
    asked: list[str | None] = field(default_factory=list[str | None])
    """What it may be as well: asked for, and no answer came."""


Write = Callable[[requests.Session, str, str | None], requests.Response]
Read = Callable[[requests.Session, str], str | None]


@dataclass(slots=True)
class Writer:
    """Writes one kind of thing, until the connection breaks."""

    kind: str
    write: Write
    read: Read
    may_delete: bool
    names: dict[str, Told] = field(default_factory=dict[str, Told])
    touched: set[str] = field(default_factory=set[str])
    acknowledged: int = 0
    refused: list[str] = field(default_factory=list[str])

    def work(self, client: requests.Session, chance: random.Random) -> None:
        """One write after another, each of a name and a value of its own."""
        with suppress(requests.RequestException):
            while True:
                name = f"steady-{self.kind}-{chance.randrange(_NAMES)}"
                told = self.names.setdefault(name, Told())
                deletes = self.may_delete and told.value is not None and chance.random() < 0.2
                wanted = None if deletes else f"{chance.getrandbits(64):x}"
                told.asked.append(wanted)
                self.touched.add(name)
                answer = self.write(client, name, wanted)
                if answer.ok:
                    told.value, told.asked = wanted, []
                    self.acknowledged += 1
                else:
                    told.asked.remove(wanted)
                    self.refused.append(f"{answer.status_code} {name}: {answer.text[:300]}")

    def look(self, client: requests.Session, *, all_names: bool) -> list[str]:
        """What isn't as it was told; each name is believed as it is found."""
        wrong: list[str] = []
        for name in sorted(self.names if all_names else self.touched):
            told = self.names[name]
            found = self.read(client, name)
            if found not in (told.value, *told.asked):
                wrong.append(f"{name}: {told.value} was acknowledged, {found} is there")
            told.value, told.asked = found, []
        self.touched.clear()
        return wrong


def run(folder: Path) -> list[Outcome]:
    """KILLS lives; the outcome of each promise."""
    lives = int(os.environ.get("KILLS", "1000"))
    seed = int(os.environ.get("SEED", str(random.SystemRandom().randrange(10_000))))
    chance = random.Random(seed)
    living = Living(folder)
    kept = Outcome("no acknowledged write is lost, none is half")
    answered = Outcome("no call is refused")
    same = Outcome("the same ports, token and secrets")
    told = Outcome("`start` says what became of the last one")
    clean = Outcome("nothing is left behind")
    assert living.start(), living.said
    with ended(living), living.entered():
        foundry = living.foundry()
        writers = _writers(foundry)
        early = other_ports = 0
        for number in range(lives):
            before = living.session
            early += _live(living, writers, chance)
            if not living.start():
                told.wrong.append(f"life {number}: it doesn't start: {living.said}")
                break
            if "ended without being stopped" not in living.said:
                told.wrong.append(f"life {number}: {living.said}")
            other_ports += _compare(before, living, same, number)
            whole = number % _WHOLE_EVERY == 0 or number == lives - 1
            if number % _WHOLE_EVERY == 0:
                print(f"  {number} of {lives}", file=sys.stderr, flush=True)
            with _client(living) as client:
                for writer in writers:
                    kept.wrong += writer.look(client, all_names=whole)
        for writer in writers:
            answered.wrong += writer.refused
            kept.done += f"{writer.acknowledged} {writer.kind}s, "
        jobs = _jobs_end(foundry)
        clean.wrong += [f"a job is {status}" for status in jobs if status != "Completed"]
    clean.wrong += living.left_behind()
    clean.wrong += [f"a folder: {left.name}" for left in living.temporary.iterdir()]
    kept.done += f"{lives} kills, {early} of them during a start; SEED={seed}"
    same.done = f"{other_ports} times a port was somebody else's by then"
    return [kept, answered, same, told, clean]


def _live(living: Living, writers: list[Writer], chance: random.Random) -> bool:
    """Write until the kill, and now and then kill the next start too; whether that was done."""
    clients = [_client(living) for _ in writers]
    threads = [
        threading.Thread(target=writer.work, args=(client, random.Random(chance.random())))
        for writer, client in zip(writers, clients, strict=True)
    ]
    for thread in threads:
        thread.start()
    time.sleep(chance.uniform(0, _LIFE_SECONDS))
    living.kill()
    for thread, client in zip(threads, clients, strict=True):
        thread.join()
        client.close()
    if chance.random() > _KILLED_AT_ITS_START:
        return False
    starting = threading.Thread(target=living.start)
    starting.start()
    while starting.is_alive() and holder(living.state) is None:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, _LIFE_SECONDS))
    living.kill()
    starting.join()
    return True


def _compare(before: Session, living: Living, same: Outcome, number: int) -> bool:
    """Whether another port had to do: that is no fault where `start` said so."""
    after = living.session
    if after.identities != before.identities:
        same.wrong.append(f"life {number}: other secrets")
    addresses = [(one.address.proxy, one.address.control) for one in (before, after)]
    if addresses[0] == addresses[1]:
        return False
    if before.address.control.rpartition("/")[2] != after.address.control.rpartition("/")[2]:
        same.wrong.append(f"life {number}: another token")
    if before.address.proxy != after.address.proxy and "other ports" not in living.said:
        same.wrong.append(f"life {number}: another port, and nobody said so")
    return True


# ── the world, and what is written in it ────────────────────────────────────────────────────────


def _writers(foundry: Foundry) -> list[Writer]:
    # A token of the first life: it opens every later one.
    arm = _bearer("ARM", f"{ARM}/.default")
    blob = _bearer("AZURE", "https://storage.azure.com/.default")
    return [
        _groups(foundry, arm),
        _blobs(foundry, blob),
        _blocks(foundry, blob),
        _jobs(foundry, arm),
    ]


def _bearer(prefix: str, scope: str) -> dict[str, str]:
    with credential(prefix) as who:
        return {"authorization": f"Bearer {who.get_token(scope).token}"}


def _client(living: Living) -> requests.Session:
    """Connections of one life: its authority is its own."""
    client = requests.Session()
    client.trust_env = False
    address = living.session.address
    client.proxies = {"https": address.proxy}
    client.verify = str(address.ca_file)
    return client


def _groups(foundry: Foundry, token: dict[str, str]) -> Writer:
    def address(name: str) -> str:
        groups = f"{ARM}/subscriptions/{foundry.subscription}/resourceGroups"
        return f"{groups}/{name}?api-version=2024-03-01"

    def write(client: requests.Session, name: str, value: str | None) -> requests.Response:
        if value is None:
            return client.delete(address(name), headers=token)
        body = {"location": "eastus2", "tags": {"first": value, "last": value}}
        return client.put(address(name), json=body, headers=token)

    def read(client: requests.Session, name: str) -> str | None:
        return _tags(client.get(address(name), headers=token))

    return Writer("group", write, read, may_delete=True)


def _jobs(foundry: Foundry, token: dict[str, str]) -> Writer:
    """Jobs that run meanwhile: their tags may change, and the job be another's by no write."""

    def address(name: str) -> str:
        return f"{ARM}{foundry.project}/jobs/{name}?api-version={VERSION}"

    def write(client: requests.Session, name: str, value: str | None) -> requests.Response:
        body = foundry.command_body("sleep 0.1", tags={"first": value, "last": value})
        return client.put(address(name), json=body, headers=token)

    def read(client: requests.Session, name: str) -> str | None:
        return _tags(client.get(address(name), headers=token))

    return Writer("job", write, read, may_delete=False)


def _tags(answer: requests.Response) -> str | None:
    if answer.status_code == 404:
        return None
    if not answer.ok:
        return f"{answer.status_code}: {answer.text[:200]}"
    body: Any = answer.json()
    tags: dict[str, str] = body["properties"].get("tags") or body.get("tags") or {}
    first = tags.get("first")
    return first if first and first == tags["last"] else answer.text


_BLOB = {"x-ms-version": "2025-05-05"}


def _blobs(foundry: Foundry, token: dict[str, str]) -> Writer:
    """Blobs of 16 KiB, written whole."""

    def write(client: requests.Session, name: str, value: str | None) -> requests.Response:
        address = _address(foundry, name)
        if value is None:
            return client.delete(address, headers=token | _BLOB)
        more = {"x-ms-blob-type": "BlockBlob", "x-ms-meta-value": value}
        return client.put(address, data=value * 1024, headers=token | _BLOB | more)

    return Writer("blob", write, _blob_reader(foundry, token), may_delete=True)


def _blocks(foundry: Foundry, token: dict[str, str]) -> Writer:
    """Blobs of two blocks: three calls, and only the last of them makes the blob another."""

    def write(client: requests.Session, name: str, value: str | None) -> requests.Response:
        address = _address(foundry, name)
        if value is None:
            return client.delete(address, headers=token | _BLOB)
        listed = ""
        for block in ("AAAA", "BBBB"):
            answer = client.put(
                f"{address}?comp=block&blockid={block}", data=value * 512, headers=token | _BLOB
            )
            if not answer.ok:
                return answer
            listed += f"<Latest>{block}</Latest>"
        body = f"<?xml version='1.0' encoding='utf-8'?><BlockList>{listed}</BlockList>"
        more = {"x-ms-meta-value": value}
        return client.put(f"{address}?comp=blocklist", data=body, headers=token | _BLOB | more)

    return Writer("blocked blob", write, _blob_reader(foundry, token), may_delete=True)


def _blob_reader(foundry: Foundry, token: dict[str, str]) -> Read:
    def read(client: requests.Session, name: str) -> str | None:
        answer = client.get(_address(foundry, name), headers=token | _BLOB)
        if answer.status_code == 404:
            return None
        if not answer.ok:
            return f"{answer.status_code}: {answer.text[:200]}"
        value = answer.headers["x-ms-meta-value"]
        return value if answer.text == value * 1024 else f"{value} with another content"

    return read


def _address(foundry: Foundry, name: str) -> str:
    account = foundry.storage.rsplit("/", 1)[-1]
    container = f"azureml-blobstore-{foundry.project_guid}"
    return f"https://{account}.blob.core.windows.net/{container}/{name.replace(' ', '-')}"


def _jobs_end(foundry: Foundry) -> list[str]:
    """The status of every job, once all have ended or two minutes are over."""
    give_up = time.monotonic() + 120
    while True:
        listed = foundry.platform.ok("GET", f"{foundry.project}/jobs")["value"]
        statuses = [str(job["properties"]["status"]) for job in listed]
        over = {"Completed", "Failed", "Canceled"}
        if set(statuses) <= over or time.monotonic() > give_up:
            return statuses
        time.sleep(0.2)
