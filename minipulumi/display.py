"""What an operation prints: the real CLI's plain lines for its progress, its end and its counts."""

import sys
import threading
import time
from collections import Counter

from minipulumi.config import Setting
from minipulumi.render import outputs_block
from minipulumi.resources import STACK, urn_type
from minipulumi.steps import Step
from minipulumi.values import Props

SYMBOLS = {
    "create": "+", "update": "~", "delete": "-", "replace": "+-", "create-replacement": "++",
    "delete-replaced": "--", "refresh": "~", "read": ">",
}  # fmt: skip
WORDS = {  # op: in a preview, while it runs, afterwards, what failed
    "create": ("create", "creating", "created", "creating"),
    "update": ("update", "updating", "updated", "updating"),
    "delete": ("delete", "deleting", "deleted", "deleting"),
    "replace": ("replace", "replacing", "replaced", "replacing"),
    "create-replacement": (
        "create replacement", "creating replacement", "created replacement", "creating",
    ),
    "delete-replaced": ("delete original", "deleting original", "deleted original", "deleting"),
    "read": ("read", "reading", "read", "reading"),
    "refresh": ("refresh", "refreshing", "refreshed", "refreshing"),
}  # fmt: skip
_COUNTED = ("create", "update", "delete", "replace")
_TITLES = {
    ("update", True): "Previewing update", ("update", False): "Updating",
    ("refresh", True): "Previewing refresh", ("refresh", False): "Refreshing",
    ("destroy", True): "Previewing destroy", ("destroy", False): "Destroying",
}  # fmt: skip


class Progress:
    """Prints an operation as it goes on, a row at a time."""

    def __init__(self, kind: str, stack: str, *, preview: bool):
        self.kind, self.preview = kind, preview
        self.settings: dict[str, Setting] = {}
        self.counts: Counter[str] = Counter()
        self.changes: list[Step] = []
        self.notes: dict[str, list[tuple[str, str]]] = {}
        self.errored: set[str] = set()
        self.refreshing = False  # what an update's --refresh finds is shown, not counted
        self._started = time.monotonic()
        self._stack_row: Step | None = None
        self._lock = threading.Lock()
        self._title(f"{_TITLES[kind, preview]} ({stack}):")

    def _title(self, title: str) -> None:
        self._print(f"{title}\n")

    def started(self, step: Step) -> None:
        """A step begins; an update shows the row now, a preview when it knows the outcome."""
        with self._lock:
            if step.resource.type == STACK:
                self._stack_row = step
            if (
                not step.resource.is_provider
                and step.op not in ("same", "read")
                and not self.preview
            ):
                self._row(step, f"{WORDS[step.op][1]} (0s)")

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done."""
        with self._lock:
            if step.resource.is_provider or step.resource.external:
                return
            if self.refreshing:
                self._row(Step("refresh", step.old, step.new, keys=step.keys), "refresh")
                return
            self._count(step)
            if step.op == "same":
                if step.keys:
                    self._row(step, "")
            elif self.preview:
                self._row(step, WORDS[step.op][0])
            elif step.resource.custom or step.op == "delete":
                self._row(step, f"{WORDS[step.op][2]} ({duration(seconds)})")

    def failed(self, step: Step) -> None:
        """A step failed."""
        with self._lock:
            words = WORDS.get(step.op, ("", "", "", ""))
            what = words[0] if self.preview else f"**{words[3]} failed**"
            self._row(step, what, self._last_error(step.resource.urn))

    def message(self, urn: str, severity: str, text: str) -> None:
        """Somebody says something about a resource."""
        if severity == "debug":
            return
        with self._lock:
            text = text.rstrip("\n")
            self.notes.setdefault(urn, []).append((severity, text))
            if severity == "error":
                self.errored.add(urn)
            prefix = "" if severity == "info" else f"{severity}: "
            lines = text.splitlines() or [""]
            op, what = "", ""
            if (row := self._stack_row) and row.resource.urn == urn and row.op != "same":
                op, what = SYMBOLS[row.op], WORDS[row.op][0 if self.preview else 1]
            name = urn.split("::", 3)[3]
            self._print(f" {op:<2} {urn_type(urn)} {name} {what} {prefix}{lines[0]}")

    def finish(self, old: Props | None, new: Props | None) -> None:
        """Prints diagnostics, the stack's outputs and the counts."""
        self._diagnostics()
        created = bool(self._stack_row and self._stack_row.op == "create")
        lines = outputs_block(old or {}, new or {}, created=created, only_changes=self.preview)
        if lines and new is not None:
            self._print("Outputs:", *lines, "")
        self._print("Resources:", *self.summary(), "")
        if not self.preview:
            self._print(self.elapsed(), "")

    def elapsed(self) -> str:
        """How long it took, in whole seconds."""
        return f"Duration: {max(1, round(time.monotonic() - self._started))}s"

    def farewell(self, stack: str) -> None:
        """What the real CLI says when a stack is empty."""
        self._print(
            "The resources in the stack have been deleted, but the history and configuration"
            " associated with the stack are still maintained. ",
            f"If you want to remove the stack completely, run `pulumi stack rm {stack}`.",
        )

    def summary(self) -> list[str]:
        """The lines of the counts."""
        lines: list[str] = []
        for op in _COUNTED:
            if count := self.counts[op]:
                word = f"to {WORDS[op][0]}" if self.preview else WORDS[op][2]
                lines.append(f"    {SYMBOLS[op]:<2}{count} {word}")
                if len(SYMBOLS[op]) == 1:
                    lines[-1] = f"    {SYMBOLS[op]} {count} {word}"
        pieces: list[str] = []
        if len(lines) > 1:
            pieces.append(f"{sum(self.counts[op] for op in _COUNTED)} changes")
        if self.counts["same"]:
            pieces.append(f"{self.counts['same']} unchanged")
        if pieces:
            lines.append(f"    {'. '.join(pieces)}")
        if self.errored:
            lines.append(f"    {len(self.errored)} errored")
        return lines

    def _count(self, step: Step) -> None:
        if step.op in (*_COUNTED, "same"):
            self.counts[step.op] += 1
        if step.op != "same":
            self.changes.append(step)

    def _diagnostics(self) -> None:
        if not self.notes:
            return
        self._print("Diagnostics:")
        for urn, notes in self.notes.items():
            self._print(f"  {urn_type(urn)} ({urn.split('::', 3)[3]}):")
            for severity, text in notes:
                prefix = "" if severity == "info" else f"{severity}: "
                self._print(*(f"    {line}" for line in f"{prefix}{text}".splitlines() or [""]))
            self._print("")

    def _last_error(self, urn: str) -> str:
        errors = [text for severity, text in self.notes.get(urn, []) if severity == "error"]
        return f"error: {errors[-1].splitlines()[0]}" if errors else ""

    def _row(self, step: Step, what: str, note: str = "") -> None:
        resource = step.resource
        info = "; ".join(part for part in (difference(step), note) if part)
        symbol = SYMBOLS.get(step.op, "") if what else ""
        self._print(f" {symbol:<2} {resource.type} {resource.name} {what} {info}")

    def _print(self, *lines: str) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def difference(step: Step) -> str:
    """Names what a step changes, `[diff: +a~b]`."""
    if not step.keys:
        return ""
    old = step.old.inputs if step.old else {}
    new = step.new.inputs if step.new else old
    groups: dict[str, list[str]] = {"+": [], "-": [], "~": []}
    for key in step.keys:
        groups[
            "+" if key not in old and key in new else "-" if key in old and key not in new else "~"
        ].append(key)
    if step.op in ("delete-replaced", "same"):
        groups = {"~": step.keys}
    return f"[diff: {''.join(sign + ','.join(keys) for sign, keys in groups.items() if keys)}]"


def duration(seconds: float) -> str:
    """Seconds as the real CLI shows them."""
    return f"{seconds:.2f}s" if seconds < 1 else f"{round(seconds)}s"
