"""A stack's state on disk: the checkpoint, and a journal that keeps saves linear and kill-safe.

Every change is durable when `Checkpoint.save` returns, either in the checkpoint itself (replaced
atomically) or in one line appended to the journal beside it. Rewriting the checkpoint costs time in
proportion to the stack, so it is done no more often than that costs a tenth of the run's time;
a small stack is rewritten at every step, and so is always what a real CLI would have left.
"""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import hashlib
import json
import os
import threading
import time
from pathlib import Path
from typing import IO, Any

from minipulumi.errors import PulumiError, Refused
from minipulumi.passphrase import Passphrase
from minipulumi.project import refuse_others
from minipulumi.resources import Resource, now
from minipulumi.shape import require_deployment
from minipulumi.values import Props

VERSION = "v3.260.0+minipulumi"  # the version whose format this is, and who wrote it
_SHARE = 10  # rewriting the whole file may take one part in so many of the time
_KEPT = 10**6  # places from here on: what the file had and this run hasn't touched yet
_KNOWN = {"manifest", "secrets_providers", "resources", "metadata", "pending_operations"}


class Checkpoint:
    """The state of one stack while an operation changes it; safe to use from many threads.

    Every part of the file has a place: resources from 0 up in the file's order, pending operations
    below 0. What this run confirms or makes is placed before what it hasn't touched.
    """

    def __init__(self, path: Path, latest: Props, cipher: Passphrase, *, dry: bool = False):
        self._path, self.cipher, self._dry = path, cipher, dry
        self._secrets = latest.get("secrets_providers")
        operations = latest.get("pending_operations") or []
        self.interrupted: dict[int, Props] = {-n: each for n, each in enumerate(operations, 1)}
        self._parts = {place: json_text(each) for place, each in self.interrupted.items()}
        self._resources: dict[int, Resource] = {}
        self._placed, self._begun = 0, len(operations)
        self._lock = threading.RLock()
        self._journal: IO[str] | None = None
        self._unwritten: list[str] = []
        self._full_at = self._full_cost = 0.0
        for place, entry in enumerate(latest.get("resources") or [], _KEPT):
            self._resources[place] = resource = Resource.from_json(entry, cipher)
            resource.place, self._parts[place] = place, json_text(entry)

    def resources(self) -> list[Resource]:
        """Everything in the state, in file order."""
        with self._lock:
            return [self._resources[place] for place in sorted(self._resources)]

    def untouched(self) -> list[Resource]:
        """What the state had before and this run hasn't confirmed."""
        return [resource for resource in self.resources() if resource.place >= _KEPT]

    def outputs_of(self, urn: str) -> Props | None:
        """The outputs that a resource has in the state now, if it is there."""
        return next((dict(r.outputs) for r in self.resources() if r.urn == urn), None)

    def begin(self, operation: str, resource: Resource) -> int:
        """Records, durably, that an operation is about to reach the provider."""
        text = f'{{"resource":{self._text(resource)},"type":{json_text(operation)}}}'
        with self._lock:
            self._begun += 1
            self._write({-self._begun: text}, durable=True)
            return -self._begun

    def save(
        self,
        *,
        add: Resource | None = None,
        put: Resource | None = None,
        drop: Resource | None = None,
        ended: int | None = None,
        durable: bool = True,
    ) -> None:
        """Changes the state in one step: what is new, changed or gone, which operation ended."""
        texts = [(each, self._text(each)) for each in (add, put) if each]
        with self._lock:
            changes: dict[int, str | None] = {} if ended is None else {ended: None}
            if drop and self._resources.pop(drop.place, None):
                changes[drop.place] = None
            if add:
                add.place, self._placed = self._placed, self._placed + 1
            for resource, text in texts:
                self._resources[resource.place] = resource
                changes[resource.place] = text
            self._write(changes, durable=durable)

    def finish(self, settled: list[int]) -> None:
        """Writes the whole state without the operations that are settled; the journal goes."""
        with self._lock:
            for place in settled:
                del self._parts[place]
            self._write_full(sync=True)
            self.abandon()
            self._path.with_suffix(".journal").unlink()

    def abandon(self) -> None:
        """Saves nothing from here on: a step that was given up may still try to."""
        with self._lock:
            self._dry = True
            if self._journal:
                self._journal.close()

    def _write(self, changes: dict[int, str | None], *, durable: bool) -> None:
        if self._dry:
            return
        for place, text in changes.items():
            if text is None:
                self._parts.pop(place, None)
            else:
                self._parts[place] = text
        pairs = ",".join(f"[{place},{text or 'null'}]" for place, text in changes.items())
        self._unwritten.append(f"[{pairs}]\n")
        if not durable:
            return
        if not self._journal or time.monotonic() - self._full_at >= _SHARE * self._full_cost:
            self._write_full()
            return
        self._journal.writelines(self._unwritten)
        self._journal.flush()
        self._unwritten.clear()

    def _write_full(self, *, sync: bool = False) -> None:
        started, stamp, places = time.monotonic(), now(), sorted(self._parts)
        pending = [self._parts[place] for place in places if place < 0]
        resources = [self._parts[place] for place in places if place >= 0]
        text = render(self._path, stamp, self._secrets, resources, pending)
        replace_file(self._path, text, sync=sync)
        if self._journal:
            self._journal.close()
        # From here on the old journal is void: it names another time.
        self._journal = self._path.with_suffix(".journal").open("w", encoding="utf-8")
        self._journal.write(json_text({"time": stamp, "places": places}) + "\n")
        self._journal.flush()
        self._unwritten.clear()
        self._full_at = time.monotonic()
        self._full_cost = self._full_at - started

    def _text(self, resource: Resource) -> str:
        """The entry as the file has it; a preview writes none, and need not encrypt any."""
        return "" if self._dry else json_text(resource.to_json(self.cipher))


def json_text(value: Any) -> str:
    """Compact JSON, as the real CLI writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def render(path: Path, stamp: str, secrets: Any, resources: list[str], pending: list[str]) -> str:
    """The text of a checkpoint file, from the texts of its entries."""
    stack = json_text(f"organization/{path.parent.name}/{path.stem}")
    magic = hashlib.sha256(VERSION.encode()).hexdigest()
    parts = [
        ("manifest", json_text({"time": stamp, "magic": magic, "version": VERSION})),
        ("secrets_providers", json_text(secrets) if secrets else ""),
        ("resources", f"[{','.join(resources)}]" if resources else ""),
        ("pending_operations", f"[{','.join(pending)}]" if pending else ""),
        ("metadata", "{}"),
    ]
    latest = ",".join(f'"{name}":{text}' for name, text in parts if text)
    return f'{{"version":3,"checkpoint":{{"stack":{stack},"latest":{{{latest}}}}}}}\n'


def replace_file(path: Path, text: str, *, sync: bool = False) -> None:
    """Replaces a file atomically and keeps what it was as `.bak`; `sync` waits for the disk."""
    temporary = path.with_suffix(".json.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    if path.exists():
        backup = path.with_suffix(".json.bak.tmp")
        backup.unlink(missing_ok=True)
        os.link(path, backup)
        backup.replace(path.with_suffix(".json.bak"))
    temporary.replace(path)
    path.with_suffix(".json.attrs").unlink(missing_ok=True)  # described the file before this one


def read_latest(path: Path) -> Props:
    """Reads `checkpoint.latest`, with what the journal of a killed run adds."""
    try:
        data = _parsed(path)
    except ValueError as error:
        raise PulumiError(f"{path}: not a checkpoint: {error}.{_backup(path)}") from error
    if data.get("version") != 3 or data.keys() - {"version", "checkpoint"}:
        raise Refused(f"the format of {path} (version {data.get('version')})")
    return _with_journal(path, checked(data["checkpoint"].get("latest") or {}, str(path)))


def _parsed(path: Path) -> Props:
    data = json.loads(path.read_bytes(), object_pairs_hook=unique)
    if not isinstance(data, dict) or not isinstance(data.get("checkpoint"), dict):
        raise ValueError("it holds no checkpoint")  # noqa: TRY004 (the data's fault)
    require_deployment(data["checkpoint"].get("latest") or {})
    return data


def unique(pairs: list[tuple[str, Any]]) -> Props:
    """The object of a JSON text, for `object_pairs_hook`; a key that is there twice is an error.

    JSON's readers each take another of the two, so it can't be told which one was meant.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key '{twice}' is written twice in one object")
    return made


def _backup(path: Path) -> str:
    """Where the state is in a form that can be read, in a sentence; empty where nowhere."""
    backup = path.with_suffix(".json.bak")
    try:
        _parsed(backup)
    except (OSError, ValueError):
        return ""
    return f" {backup} is the state before its last change. Take it back: cp {backup} {path}"


def salt_of(latest: Props) -> str | None:
    """The salt of the passphrase that the state's secrets are encrypted with."""
    return ((latest.get("secrets_providers") or {}).get("state") or {}).get("salt")


def checked(latest: Props, where: str) -> Props:
    """Refuses a deployment with parts that the next save would lose."""
    refuse_others(latest, _KNOWN, where)
    provider = (latest.get("secrets_providers") or {}).get("type") or "passphrase"
    if provider != "passphrase":
        raise Refused(f"the secrets provider '{provider}' of {where}")
    if unknown := {k for k, v in (latest.get("metadata") or {}).items() if v}:
        raise Refused(f"'metadata.{min(unknown)}' in {where}")
    return latest


def _with_journal(path: Path, latest: Props) -> Props:
    """Adds what a killed run had saved in its journal after its last full save."""
    try:
        header, *lines = path.with_suffix(".journal").read_text(encoding="utf-8").splitlines()
        start = json.loads(header)
    except (OSError, ValueError):
        return latest
    if start.get("time") != (latest.get("manifest") or {}).get("time"):
        return latest  # somebody saved the checkpoint after that run
    entries = [*(latest.get("pending_operations") or []), *(latest.get("resources") or [])]
    parts: dict[int, Any] = dict(zip(start["places"], entries, strict=True))
    for line in lines:
        try:
            parts |= dict(json.loads(line))
        except ValueError:
            break  # the kill came in the middle of this line
    alive = [(place, parts[place]) for place in sorted(parts) if parts[place] is not None]
    return {
        **latest,
        "resources": [part for place, part in alive if place >= 0],
        "pending_operations": [part for place, part in alive if place < 0],
    }
