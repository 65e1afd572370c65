"""`--json`: a preview as one document, an update as one event a line, in the CLI's schemas."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import re
import time

from minipulumi.display import Progress
from minipulumi.resources import STACK, Resource
from minipulumi.steps import Step
from minipulumi.values import SECRET, SIGNATURE, Props, masked, swap_marked

_EVENT_ONLY = ("create-replacement", "delete-replaced")  # a preview tells of the replacement once


class Document(Progress):
    """Collects a preview's steps; prints an update's events as they come."""

    def _title(self, title: str) -> None:  # noqa: ARG002
        self._sequence = 0
        self._plan: list[Props] = []
        self._before: dict[int, Props] = {}
        self._begun = time.time_ns()
        self._said_settings = False

    def _row(self, step: Step, what: str, note: str = "") -> None:
        """Rows are for people."""

    def started(self, step: Step) -> None:
        """Takes the state as it is before the provider answers, as the real CLI shows it."""
        with self._lock:
            if step.resource.type == STACK:
                self._stack_row = step
            self._before[id(step)] = _state(step.new) if step.new else {}
            if not self.preview and not step.resource.is_provider:
                self._event("resourcePreEvent", {"metadata": _metadata(step)})

    def finished(self, step: Step, seconds: float) -> None:  # noqa: ARG002
        """Adds the step to the plan, or tells its outcome."""
        with self._lock:
            if step.resource.is_provider or step.resource.external or self.refreshing:
                return
            self._count(step)
            if not self.preview:
                self._event("resOutputsEvent", {"metadata": _metadata(step)})
            elif step.op not in _EVENT_ONLY and (step.op != "same" or step.resource.type == STACK):
                self._plan.append(self._step(step))

    def message(self, urn: str, severity: str, text: str) -> None:
        """Keeps a preview's messages, prints an update's."""
        with self._lock:
            if severity == "debug":
                return
            self.notes.setdefault(urn, []).append((severity, text.rstrip("\n")))
            if severity == "error":
                self.errored.add(urn)
            if not self.preview:
                self._event(
                    "diagnosticEvent", {**_diagnostic(urn, severity, text), "color": "never"}
                )

    def finish(self, old: Props | None, new: Props | None) -> None:  # noqa: ARG002
        """Prints the document, or the last events."""
        counts = {op: n for op, n in sorted(self.counts.items()) if n}
        if not self.preview:
            summary = {
                "maybeCorrupt": False,
                "durationSeconds": (time.time_ns() - self._begun) // 10**9,
                "resourceChanges": counts,
                "PolicyPacks": {},
                "isPreview": False,
                "result": "failed" if self.errored else "succeeded",
            }
            self._event("summaryEvent", summary)
            self._event("cancelEvent", {})
            return
        notes = [_diagnostic(u, s, t) for u, items in self.notes.items() for s, t in items]
        document = {
            "config": self._config(),
            "steps": self._plan,
            "diagnostics": notes,
            "duration": time.time_ns() - self._begun,
            "changeSummary": counts,
        }
        self._print(
            json.dumps({k: v for k, v in document.items() if v or k != "diagnostics"}, indent=2)
        )

    def _config(self) -> Props:
        known = sorted(self.settings.items())
        return {key: "[secret]" if s.secret else s.text for key, s in known}

    def _step(self, step: Step) -> Props:
        entry: Props = {"op": step.op, "urn": step.resource.urn}
        if step.resource.provider:
            entry["provider"] = step.resource.provider
        if step.old:
            entry["oldState"] = _state(step.old)
        if step.new:
            entry["newState"] = self._before.get(id(step)) or _state(step.new)
        if step.keys:
            entry["diffReasons"] = step.keys
        if step.diff and step.diff.replaces:
            entry["replaceReasons"] = step.diff.replaces
        entry["detailedDiff"] = _detailed(step)
        return entry

    def _event(self, kind: str, body: Props) -> None:
        if not self._said_settings:
            self._said_settings = True
            self._event("preludeEvent", {"config": self._config()})
        event = {"sequence": self._sequence, "timestamp": int(time.time()), kind: body}
        self._sequence += 1
        self._print(json.dumps(event, separators=(",", ":"), ensure_ascii=False))


def _state(resource: Resource) -> Props:
    entry = resource.to_json(None)
    entry.pop("stackTrace", None)
    for key in ("inputs", "outputs"):
        if key in entry:
            entry[key] = masked(entry[key])
    return entry


def _detailed(step: Step, name: str = "kind") -> Props | None:
    if not step.diff or step.diff.detailed is None:
        return None
    result: Props = {}
    for path, change in step.diff.detailed.items():
        kind = re.sub(r"_", "-", change.get("kind", "ADD")).lower()
        result[path] = {name: kind, "inputDiff": change.get("inputDiff", False)}
    return result


def _metadata(step: Step) -> Props:
    resource = step.resource
    return {
        "op": step.op,
        "urn": resource.urn,
        "type": resource.type,
        "old": _event_state(step.old),
        "new": _event_state(step.new),
        "detailedDiff": _detailed(step, "diffKind"),
        "logical": step.op not in _EVENT_ONLY,
        "provider": resource.provider,
        **({"diffs": step.keys} if step.keys else {}),
    }


def _event_state(resource: Resource | None) -> Props | None:
    if resource is None:
        return None
    keys = ("type", "urn", "custom", "delete", "id", "parent", "protect", "provider")
    entry = {key: getattr(resource, key) for key in keys}
    for key in ("custom", "delete", "protect", "provider"):
        if not entry[key]:
            del entry[key]
    veil = {SIGNATURE: SECRET, "ciphertext": "[secret]"}
    sides = {"inputs": resource.inputs, "outputs": resource.outputs}
    return {**entry, **swap_marked(sides, lambda _: veil)}


def _diagnostic(urn: str, severity: str, text: str) -> Props:
    prefix = "" if severity == "info" else f"{severity}: "
    where = {} if urn.split("::", 3)[2] == STACK else {"urn": urn}
    return {**where, "message": f"{prefix}{text.rstrip()}\n", "severity": severity}
