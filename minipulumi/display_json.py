"""`--json`: a preview as one document, an update as one event a line, in the CLI's schemas."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import time
from typing import Any

from minipulumi.display import Display, said
from minipulumi.plugins import UNSURE
from minipulumi.policies import PolicyPack, Violation
from minipulumi.resources import STACK, Resource
from minipulumi.step import Step
from minipulumi.values import SECRET, SIGNATURE, Props, swap_marked

_PART = ("create-replacement", "delete-replaced")  # a preview tells of the replacement once
_VEIL = {SIGNATURE: SECRET, "ciphertext": "[secret]"}


class Document(Display):
    """Collects a preview's steps; prints an update's events as they come."""

    def finish(self, old: Props | None, new: Props | None) -> None:  # noqa: ARG002
        """Prints the document, or the last events."""
        counts = {op: n for op, n in sorted(self.counts.items()) if n}
        broken = [(pack, one) for pack in self.packs for one in pack.violations]
        duration = time.time_ns() - self._begun
        if not self.preview:
            for pack, one in broken:
                self._event("policyEvent", _violation(pack, one))
            summary = {
                "maybeCorrupt": self._unsure,
                "durationSeconds": duration // 10**9,
                "resourceChanges": counts,
                "PolicyPacks": {pack.name: pack.version for pack in self.packs},
                "isPreview": False,
                "result": "failed"
                if self.errored or any(one.mandatory for _, one in broken)
                else "succeeded",
            }
            self._event("summaryEvent", summary)
            self._event("cancelEvent", {})
            return
        notes = [_diagnostic(urn, *note) for urn, notes in self.notes.items() for note in notes]
        notes += [
            _diagnostic(
                one.urn, "error" if one.mandatory else "warning", f"{one.policy}: {one.message}"
            )
            for _, one in broken
        ]
        document = {
            "config": self._config(),
            "steps": self._plan,
            **({"diagnostics": notes} if notes else {}),
            "duration": duration,
            "changeSummary": counts,
        }
        self._print(json.dumps(document, indent=2))

    def _show_title(self, title: str) -> None:  # noqa: ARG002
        self._sequence, self._unsure = 0, False
        self._plan: list[Props] = []
        self._before: dict[int, Props | None] = {}
        self._begun = time.time_ns()
        if not self.preview:
            self._event("preludeEvent", {"config": self._config()})

    def _show_started(self, step: Step) -> None:
        """Takes the state as it is before the provider answers, as the real CLI shows it."""
        self._before[id(step)] = _state(step.new)
        if not self.preview:
            self._event("resourcePreEvent", {"metadata": _metadata(step)})

    def _show_finished(self, step: Step, seconds: float) -> None:  # noqa: ARG002
        if self.refreshing:
            return
        if not self.preview:
            self._event("resOutputsEvent", {"metadata": _metadata(step)})
        elif step.op not in _PART and (step.op != "same" or step.resource.type == STACK):
            self._plan.append(self._step(step))

    def _show_failed(self, step: Step, left: int | None) -> None:
        if self.preview or left is None:
            return
        self._unsure |= left == UNSURE
        done = sum(self.counts.values())
        event = {"metadata": _metadata(step), "status": left, "steps": done}
        self._event("resOpFailedEvent", event)

    def _show_message(self, urn: str, severity: str, text: str) -> None:
        if not self.preview:
            event = {**_diagnostic(urn, severity, text), "color": "never"}
            self._event("diagnosticEvent", event)

    def _step(self, step: Step) -> Props:
        optional = {
            "provider": step.resource.provider,
            "oldState": _state(step.old),
            "newState": self._before.get(id(step)) or _state(step.new),
            "diffReasons": step.keys,
            "replaceReasons": step.diff and step.diff.replaces,
        }
        known = {key: value for key, value in optional.items() if value}
        detailed = _detailed(step, "kind")
        return {"op": step.op, "urn": step.resource.urn, **known, "detailedDiff": detailed}

    def _config(self) -> Props:
        known = sorted(self.settings.items())
        return {key: "[secret]" if setting.secret else setting.text for key, setting in known}

    def _event(self, kind: str, body: Props) -> None:
        event = {"sequence": self._sequence, "timestamp": int(time.time()), kind: body}
        self._sequence += 1
        self._print(json.dumps(event, separators=(",", ":"), ensure_ascii=False))


def _state(resource: Resource | None, veil: Any = "[secret]") -> Props | None:
    if resource is None:
        return None
    entry: Props = swap_marked(resource.to_json(None), lambda _: veil)
    entry.pop("stackTrace", None)
    return entry


def _detailed(step: Step, name: str) -> Props | None:
    if not step.diff or step.diff.detailed is None:
        return None
    return {
        path: {
            name: change.get("kind", "ADD").replace("_", "-").lower(),
            "inputDiff": change.get("inputDiff", False),
        }
        for path, change in step.diff.detailed.items()
    }


def _metadata(step: Step) -> Props:
    return {
        "op": step.op,
        "urn": step.resource.urn,
        "type": step.resource.type,
        "old": _state(step.old, _VEIL),
        "new": _state(step.new, _VEIL),
        "detailedDiff": _detailed(step, "diffKind"),
        "logical": step.op not in _PART,
        "provider": step.resource.provider,
        **({"diffs": step.keys} if step.keys else {}),
    }


def _violation(pack: PolicyPack, one: Violation) -> Props:
    return {
        "resourceUrn": one.urn,
        "message": one.message,
        "color": "never",
        "policyName": one.policy,
        "policyPackName": pack.name,
        "policyPackVersion": pack.version,
        "enforcementLevel": "mandatory" if one.mandatory else "advisory",
    }


def _diagnostic(urn: str, severity: str, text: str) -> Props:
    where = {} if urn.split("::", 3)[2] == STACK else {"urn": urn}
    return {**where, "message": f"{said(severity, text)}\n", "severity": severity}
