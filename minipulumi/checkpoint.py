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
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minipulumi.errors import PulumiError, Refused
from minipulumi.passphrase import Passphrase
from minipulumi.resources import Resource
from minipulumi.values import Props

VERSION = "v3.260.0+minipulumi"  # the version whose format this is, and who wrote it
_SHARE = 10  # rewriting the whole file may take one part in so many of the time
_LAG = 0.2  # seconds that the file may lag behind the journal; a real CLI reads only the file
_KNOWN = {"manifest", "secrets_providers", "resources", "metadata", "pending_operations"}


class Checkpoint:
    """The state of one stack while an operation changes it; safe to use from many threads."""

    def __init__(self, path: Path, latest: Props, cipher: Passphrase, *, dry: bool = False):
        self.path, self.cipher, self._dry = path, cipher, dry
        self._journal_path = path.with_suffix(".journal")
        self._lock = threading.Lock()
        self._slots: dict[int, int] = {}  # id(resource) → slot
        self._kept: dict[int, Resource] = {}  # what the file had, not yet confirmed by this run
        self._news: dict[int, Resource] = {}  # what this run confirmed or made, in that order
        self._text: dict[int, str] = {}
        self._pending: dict[int, str] = {}
        self._next = self._tickets = 0
        self._journal: Any = None
        self._timer: threading.Timer | None = None
        self._buffer: list[str] = []
        self._full_at = self._full_cost = 0.0
        self._secrets = latest.get("secrets_providers")
        self._time = (latest.get("manifest") or {}).get("time")
        for entry in latest.get("resources") or []:
            self._place(self._kept, Resource.from_json(entry, cipher), json_text(entry))
        self.interrupted: list[Props] = latest.get("pending_operations") or []
        self._old_pending = [json_text(operation) for operation in self.interrupted]

    def resources(self) -> list[Resource]:
        """Everything in the state, in file order."""
        with self._lock:
            return [*self._news.values(), *self._kept.values()]

    def kept(self) -> list[Resource]:
        """What the state had before and this run hasn't touched."""
        with self._lock:
            return list(self._kept.values())

    def begin(self, operation: str, resource: Resource) -> int:
        """Records, durably, that an operation is about to reach the provider."""
        if self._dry:
            return 0
        entry = resource.to_json(self.cipher)
        if operation == "creating":
            entry.pop("id", None)
            entry.pop("outputs", None)
        text = json_text({"resource": entry, "type": operation})
        with self._lock:
            self._tickets += 1
            self._pending[self._tickets] = text
            self._write(f'{{"begin":[{self._tickets},{text}]}}', durable=True)
            return self._tickets

    def save(
        self,
        *,
        add: Iterable[Resource] = (),
        put: Iterable[Resource] = (),
        drop: Iterable[Resource] = (),
        ended: int | None = None,
        durable: bool = True,
    ) -> None:
        """Changes the state in one step: what is new, changed or gone, which operation ended."""
        added = [(resource, self._encode(resource)) for resource in add]
        changed = [(resource, self._encode(resource)) for resource in put]
        with self._lock:
            if ended is not None:
                self._pending.pop(ended, None)
            gone = [slot for r in drop if (slot := self._slots.pop(id(r), None)) is not None]
            for slot in gone:
                for where in (self._news, self._kept):
                    where.pop(slot, None)
                self._text.pop(slot, None)
            slots = [self._place(self._news, resource, text) for resource, text in added]
            for resource, text in changed:
                slots.append(self._slots[id(resource)])
                self._text[slots[-1]] = text
            texts = [text for _, text in [*added, *changed]]
            puts = ",".join(f"[{s},{t}]" for s, t in zip(slots, texts, strict=True))
            line = f'{{"end":{json.dumps(ended)},"drop":{gone},"put":[{puts}]}}'
            self._write(line, durable=durable)

    def forget_pending(self, operations: Iterable[Props]) -> None:
        """Drops operations that an earlier run left unfinished and this one has settled."""
        settled = {json_text(operation) for operation in operations}
        with self._lock:
            self._old_pending = [text for text in self._old_pending if text not in settled]

    def finish(self) -> None:
        """Writes the whole state and takes the journal away."""
        if self._dry:
            return
        with self._lock:
            self._write_full(sync=True)
            if self._journal:
                self._journal.close()
                self._journal = None
            self._journal_path.unlink(missing_ok=True)
            self._dry = True  # a step that was abandoned may still try to save

    def _encode(self, resource: Resource) -> str:
        return "" if self._dry else json_text(resource.to_json(self.cipher))

    def _place(self, where: dict[int, Resource], resource: Resource, text: str) -> int:
        slot, self._next = self._next, self._next + 1
        where[slot], self._slots[id(resource)], self._text[slot] = resource, slot, text
        return slot

    def _write(self, line: str, *, durable: bool) -> None:
        if self._dry:
            return
        self._buffer.append(line)
        if not durable:
            return
        if time.monotonic() - self._full_at >= _SHARE * self._full_cost:
            self._write_full()
        else:
            self._journal.write("\n".join(self._buffer) + "\n")
            self._journal.flush()
            self._buffer.clear()
            if not self._timer:
                self._timer = threading.Timer(_LAG, self._catch_up)
                self._timer.daemon = True
                self._timer.start()

    def _catch_up(self) -> None:
        with self._lock:
            if self._timer and not self._dry:
                self._write_full()

    def _write_full(self, *, sync: bool = False) -> None:
        started = time.monotonic()
        order = [*self._news, *self._kept]
        self._time = f"{datetime.now(UTC).isoformat()[:-6]}Z"
        pending = [*self._pending.values(), *self._old_pending]
        text = render(
            self.path, self._time, self._secrets, [self._text[slot] for slot in order], pending
        )
        replace_file(self.path, text, sync=sync)
        if self._journal:
            self._journal.close()
        header = {"time": self._time, "slots": order, "new": len(self._news)}
        header["pending"] = [*self._pending, *(-1 for _ in self._old_pending)]
        temporary = self._journal_path.with_suffix(".journal.tmp")
        self._journal = temporary.open("w", encoding="utf-8")
        self._journal.write(json_text(header) + "\n")
        self._journal.flush()
        temporary.replace(self._journal_path)
        self._buffer.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._full_at = time.monotonic()
        self._full_cost = self._full_at - started


def json_text(value: Any) -> str:
    """Compact JSON, as the real CLI writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def render(path: Path, stamp: str, secrets: Any, resources: list[str], pending: list[str]) -> str:
    """The text of a checkpoint file, from the texts of its entries."""
    stack = json_text(f"organization/{path.parent.name}/{path.stem}")
    magic = hashlib.sha256(VERSION.encode()).hexdigest()
    manifest = json_text({"time": stamp, "magic": magic, "version": VERSION})
    parts = [f'"manifest":{manifest}']
    if secrets:
        parts.append(f'"secrets_providers":{json_text(secrets)}')
    if resources:
        parts.append(f'"resources":[{",".join(resources)}]')
    if pending:
        parts.append(f'"pending_operations":[{",".join(pending)}]')
    parts.append('"metadata":{}')
    return f'{{"version":3,"checkpoint":{{"stack":{stack},"latest":{{{",".join(parts)}}}}}}}\n'


def replace_file(path: Path, text: str, *, sync: bool = False) -> None:
    """Replaces a file atomically and keeps what it was as `.bak`."""
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
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise PulumiError(f"{path}: not a checkpoint: {error}") from error
    if data.get("version") != 3 or data.keys() - {"version", "checkpoint"}:
        raise Refused(f"the format of {path} (version {data.get('version')})")
    return apply_journal(path, checked(data["checkpoint"].get("latest") or {}, str(path)))


def salt_of(latest: Props) -> str | None:
    """The salt of the passphrase that the state's secrets are encrypted with."""
    return ((latest.get("secrets_providers") or {}).get("state") or {}).get("salt")


def checked(latest: Props, where: str) -> Props:
    """Refuses a deployment with parts that the next save would lose."""
    for key in latest.keys() - _KNOWN:
        raise Refused(f"'{key}' in {where}")
    provider = (latest.get("secrets_providers") or {}).get("type") or "passphrase"
    if provider != "passphrase":
        raise Refused(f"the secrets provider '{provider}' of {where}")
    if unknown := {k for k, v in (latest.get("metadata") or {}).items() if v}:
        raise Refused(f"'metadata.{min(unknown)}' in {where}")
    return latest


def apply_journal(path: Path, latest: Props) -> Props:
    """Adds what a killed run had saved in its journal after its last full save."""
    try:
        lines = path.with_suffix(".journal").read_text(encoding="utf-8").splitlines()
        header = json.loads(lines[0])
    except (OSError, ValueError, IndexError):
        return latest
    if header.get("time") != (latest.get("manifest") or {}).get("time"):
        return latest  # somebody saved the checkpoint after that run
    entries: dict[int, Any] = dict(zip(header["slots"], latest.get("resources") or [], strict=True))
    news, first_new = set(header["slots"][: header["new"]]), 1 + max(header["slots"], default=-1)
    old = latest.get("pending_operations") or []
    pending: dict[Any, Any] = {
        k if k > 0 else (k, i): old[i] for i, k in enumerate(header["pending"])
    }
    for line in lines[1:]:
        try:
            change = json.loads(line)
        except ValueError:
            break  # the kill came in the middle of this line
        if "begin" in change:
            pending[change["begin"][0]] = change["begin"][1]
            continue
        pending.pop(change["end"], None)
        for slot in change["drop"]:
            entries.pop(slot, None)
        entries |= dict(change["put"])
    confirmed = [slot for slot in entries if slot in news or slot >= first_new]
    rest = [slot for slot in entries if slot not in confirmed]
    return {
        **latest,
        "resources": [entries[slot] for slot in (*sorted(confirmed), *rest)],
        "pending_operations": list(pending.values()),
    }
