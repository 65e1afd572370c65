"""`--diff`: every change as a tree of properties, messages on stderr."""

import sys

from minipulumi.display import Display, said, symbol, word
from minipulumi.render import properties
from minipulumi.resources import STACK
from minipulumi.step import Step
from minipulumi.values import Props


class Tree(Display):
    """Prints each changing step with its properties."""

    def finish(self, old: Props | None, new: Props | None) -> None:
        """Prints outputs and counts."""
        if outputs := self._outputs(old, new):
            self._print("    --outputs:--", *outputs)
        self._print("Resources:", *self._summary())
        if not self.preview:
            self._print("", self._duration())

    def _show_title(self, title: str) -> None:
        self._print(title)

    def _show_started(self, step: Step) -> None:
        if step.op not in ("same", "refresh") and step.resource.type != STACK:
            self._print(*describe(step))

    def _show_finished(self, step: Step, seconds: float) -> None:  # noqa: ARG002
        """Shows what only the outcome tells: the stack, and what a refresh found."""
        found = self.kind == "refresh" and step.op != "same"
        if not self.refreshing and (found or step.resource.type == STACK):
            self._print(*describe(step, outputs=found))

    def _show_failed(self, step: Step, left: int | None) -> None:
        """The message has said it."""

    def _show_message(self, urn: str, severity: str, text: str) -> None:  # noqa: ARG002
        sys.stderr.write(f"{said(severity, text)}\n")


def describe(step: Step, *, outputs: bool = False) -> list[str]:
    """The lines of one step: what it is, and what of it changes."""
    resource, op = step.resource, step.op
    if op in ("create-replacement", "delete-replaced"):
        return []  # told by the replacement
    depth = 0 if resource.type == STACK else 4
    pad = " " * (depth + 4)
    lines = [f"{' ' * depth}{symbol(op):<2}{resource.type}: ({word(op) or op})"]
    id_ = (step.old or resource).id
    about = (("id", id_), ("urn", resource.urn), ("provider", resource.provider))
    lines += [f"{pad}[{name}={text}]" for name, text in about if text]
    if op == "same":
        return lines
    old = step.old.inputs if step.old else {}
    new = step.new.inputs if step.new else {}
    if op == "delete" and outputs and step.old:
        return [*lines, f"{pad}--outputs:--", *properties(step.old.outputs, {}, depth + 4)]
    if op in ("create", "delete"):
        return [*lines, *properties(new if op == "create" else old, new, depth + 4)]
    before, after = ({k: side[k] for k in step.keys if k in side} for side in (old, new))
    return [*lines, *properties(before, after, depth + 4, 1)]
