"""What an operation prints: the real CLI's plain lines for its progress, its end and its counts."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping

from minipulumi.policies import PolicyPack, policy_lines
from minipulumi.render import outputs_block
from minipulumi.resources import STACK, urn_type
from minipulumi.settings import Setting
from minipulumi.step import Step
from minipulumi.values import Props

_OPERATIONS = {  # symbol, verb, object
    "create": ("+", "create", ""),
    "update": ("~", "update", ""),
    "delete": ("-", "delete", ""),
    "replace": ("+-", "replace", ""),
    "import": ("=", "import", ""),
    "create-replacement": ("++", "create", " replacement"),
    "delete-replaced": ("--", "delete", " original"),
    "refresh": ("~", "refresh", ""),
    "same": ("", "", ""),
}
_COUNTED = ("create", "update", "delete", "replace", "import")
_TITLES = {"update": "Updating", "refresh": "Refreshing", "destroy": "Destroying"}


class Display:
    """Keeps what happened, and prints it as it goes on, a row at a time."""

    def __init__(self, kind: str, stack: str, settings: Mapping[str, Setting], *, preview: bool):
        self.kind, self.preview, self.settings = kind, preview, settings
        self.counts: Counter[str] = Counter()
        self.changes: list[Step] = []
        self.packs: list[PolicyPack] = []
        self.notes: dict[str, list[tuple[str, str]]] = {}  # URN → severities and texts
        self.errored: set[str] = set()
        self.refreshing = False  # what an update's --refresh finds is shown, not counted
        self._began = time.monotonic()
        self._stack_row: Step | None = None
        self._lock = threading.Lock()
        title = f"Previewing {kind}" if preview else _TITLES[kind]
        self._show_title(f"{title} ({stack}):")

    def started(self, step: Step) -> None:
        """A step begins."""
        with self._lock:
            if step.resource.type == STACK:
                self._stack_row = step
            if not step.resource.is_provider:
                self._show_started(step)

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done."""
        with self._lock:
            if step.resource.is_provider:
                return
            if not self.refreshing:
                self.counts[step.op] += step.op in (*_COUNTED, "same")
                self.changes += [step] if step.op != "same" else []
            self._show_finished(step, seconds)

    def failed(self, step: Step, left: int | None = None) -> None:
        """A step failed; a message has said why.

        `left` says what it has left of the resource, if a provider was asked at all.
        """
        with self._lock:
            self._show_failed(step, left)

    def message(self, urn: str, severity: str, text: str) -> None:
        """Somebody says something about a resource."""
        if severity == "debug":
            return
        with self._lock:
            self.notes.setdefault(urn, []).append((severity, text.rstrip("\n")))
            if severity == "error":
                self.errored.add(urn)
            self._show_message(urn, severity, text.rstrip("\n"))

    def finish(self, old: Props | None, new: Props | None) -> None:
        """Prints diagnostics, the stack's outputs and the counts."""
        if self.notes:
            self._print("Diagnostics:")
        for urn, notes in self.notes.items():
            self._print(f"  {urn_type(urn)} ({urn.split('::', 3)[3]}):")
            for severity, text in notes:
                self._print(*(f"    {line}" for line in said(severity, text).splitlines() or [""]))
            self._print("")
        if self.packs:
            self._print("Policies:", *policy_lines(self.packs), "")
        if outputs := self._outputs(old, new):
            self._print("Outputs:", *outputs, "")
        self._print("Resources:", *self._summary(), "")
        if not self.preview:
            self._print(self._duration(), "")

    def farewell(self, stack: str) -> None:
        """What the real CLI says when a stack is empty."""
        self._print(
            "The resources in the stack have been deleted, but the history and configuration"
            " associated with the stack are still maintained. ",
            f"If you want to remove the stack completely, run `pulumi stack rm {stack}`.",
        )

    def _show_title(self, title: str) -> None:
        self._print(title, "")

    def _show_started(self, step: Step) -> None:
        """Shows a step of an update now; that of a preview when its outcome is known."""
        if step.op != "same" and not self.preview:
            self._row(step, f"{word(step.op, 'ing')} (0s)")

    def _show_finished(self, step: Step, seconds: float) -> None:
        if self.refreshing:
            self._row(Step("refresh", step.old, step.new, keys=step.keys), "refresh")
        elif step.op == "same":
            if step.keys:
                self._row(step, "")
        elif self.preview:
            self._row(step, word(step.op))
        elif step.resource.custom or step.op == "delete":
            took = f"{seconds:.2f}s" if seconds < 1 else f"{round(seconds)}s"
            self._row(step, f"{word(step.op, 'ed')} ({took})")

    def _show_failed(self, step: Step, left: int | None) -> None:  # noqa: ARG002
        what = f"**{word(step.op, 'ing').split(' ')[0]} failed**"
        errors = [text for level, text in self.notes[step.resource.urn] if level == "error"]
        what = word(step.op) if self.preview else what
        self._row(step, what, f"error: {errors[-1].splitlines()[0]}")

    def _show_message(self, urn: str, severity: str, text: str) -> None:
        row, op, what = self._stack_row, "", ""
        if row and row.resource.urn == urn:
            op, what = symbol(row.op), word(row.op, "" if self.preview else "ing")
        first = said(severity, text).split("\n")[0]
        self._print(f" {op:<2} {urn_type(urn)} {urn.split('::', 3)[3]} {what} {first}")

    def _row(self, step: Step, what: str, note: str = "") -> None:
        resource = step.resource
        info = "; ".join(filter(None, (_difference(step), note)))
        self._print(f" {symbol(step.op):<2} {resource.type} {resource.name} {what} {info}")

    def _outputs(self, old: Props | None, new: Props | None) -> list[str]:
        if new is None:
            return []
        created = bool(self._stack_row and self._stack_row.op == "create")
        return outputs_block(old or {}, new, created=created, only_changes=self.preview)

    def _summary(self) -> list[str]:
        lines: list[str] = []
        for op in _COUNTED:
            if count := self.counts[op]:
                what = f"to {op}" if self.preview else word(op, "ed")
                lines.append(f"    {symbol(op)}{'' if op == 'replace' else ' '}{count} {what}")
        total = sum(self.counts[op] for op in _COUNTED)
        pieces = [f"{total} changes"] if len(lines) > 1 else []
        pieces += [f"{self.counts['same']} unchanged"] if self.counts["same"] else []
        lines += [f"    {'. '.join(pieces)}"] if pieces else []
        return lines + ([f"    {len(self.errored)} errored"] if self.errored else [])

    def _duration(self) -> str:
        return f"Duration: {max(1, round(time.monotonic() - self._began))}s"

    def _print(self, *lines: str) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def symbol(op: str) -> str:
    """The sign of an operation."""
    return _OPERATIONS[op][0]


def word(op: str, ending: str = "") -> str:
    """An operation in words: create, creating, created; create replacement."""
    _, verb, thing = _OPERATIONS[op]
    return f"{verb.rstrip('e')}{ending}{thing}" if ending and verb else f"{verb}{thing}"


def said(severity: str, text: str) -> str:
    """A message with its severity in front."""
    return text if severity == "info" else f"{severity}: {text}"


def _difference(step: Step) -> str:
    """Names what a step changes, `[diff: +a~b]`."""
    if not step.keys:
        return ""
    old = step.old.inputs if step.old else {}
    new = step.new.inputs if step.new else old
    signs = {
        key: "~" if (key in old) == (key in new) else "+" if key in new else "-"
        for key in step.keys
    }
    if step.op in ("delete-replaced", "same"):
        signs = dict.fromkeys(step.keys, "~")
    groups = {sign: [key for key in step.keys if signs[key] == sign] for sign in "+-~"}
    return f"[diff: {''.join(sign + ','.join(keys) for sign, keys in groups.items() if keys)}]"
