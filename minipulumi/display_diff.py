"""`--diff`: every change as a tree of properties, messages on stderr."""

import sys

from minipulumi.display import SYMBOLS, WORDS, Progress
from minipulumi.render import outputs_block, properties
from minipulumi.resources import STACK
from minipulumi.steps import Step
from minipulumi.values import Props


class Tree(Progress):
    """Prints each changing step with its properties."""

    def _title(self, title: str) -> None:
        self._print(title)

    def started(self, step: Step) -> None:
        """Shows the step before it runs."""
        with self._lock:
            if step.resource.type == STACK:
                self._stack_row = step
            elif step.op != "same" and not step.resource.is_provider and step.op != "refresh":
                self._node(step)

    def finished(self, step: Step, seconds: float) -> None:  # noqa: ARG002
        """Shows what only the outcome tells: the stack, and what a refresh found."""
        with self._lock:
            if step.resource.is_provider or step.resource.external or self.refreshing:
                return
            self._count(step)
            if step.resource.type == STACK or (self.kind == "refresh" and step.op != "same"):
                self._node(step)

    def failed(self, step: Step) -> None:
        """The message has said it."""

    def message(self, urn: str, severity: str, text: str) -> None:
        """Prints messages beside the tree."""
        if severity == "debug":
            return
        with self._lock:
            self.notes.setdefault(urn, []).append((severity, text.rstrip("\n")))
            if severity == "error":
                self.errored.add(urn)
            prefix = "" if severity == "info" else f"{severity}: "
            sys.stderr.write(f"{prefix}{text.rstrip()}\n")

    def finish(self, old: Props | None, new: Props | None) -> None:
        """Prints outputs and counts."""
        created = bool(self._stack_row and self._stack_row.op == "create")
        lines = outputs_block(old or {}, new or {}, created=created, only_changes=self.preview)
        if lines and new is not None:
            self._print("    --outputs:--", *lines)
        self._print("Resources:", *self.summary())
        if not self.preview:
            self._print("", self.elapsed())

    def _node(self, step: Step) -> None:
        self._print(*describe(step, outputs=self.kind == "refresh"))


def describe(step: Step, *, outputs: bool = False) -> list[str]:
    """The lines of one step: what it is, and what of it changes."""
    resource, op = step.resource, step.op
    depth = 0 if resource.type == STACK else 4
    pad = " " * (depth + 4)
    if op in ("create-replacement", "delete-replaced"):
        return []  # told by the replacement
    word = WORDS[op][0] if op in WORDS else "same"
    lines = [f"{' ' * depth}{SYMBOLS.get(op, ''):<2}{resource.type}: ({word})"]
    if id_ := (step.old or resource).id:
        lines.append(f"{pad}[id={id_}]")
    lines.append(f"{pad}[urn={resource.urn}]")
    if resource.provider:
        lines.append(f"{pad}[provider={resource.provider}]")
    old = step.old.inputs if step.old else {}
    new = step.new.inputs if step.new else {}
    if op == "same":
        return lines
    if op == "delete" and outputs and step.old:
        return [*lines, f"{pad}--outputs:--", *properties(step.old.outputs, {}, depth + 4)]
    if op == "create":
        return [*lines, *properties(new, new, depth + 4)]
    if op == "delete":
        return [*lines, *properties(old, {}, depth + 4)]
    before, after = ({k: side[k] for k in step.keys if k in side} for side in (old, new))
    return [*lines, *properties(before, after, depth + 4, 1)]
