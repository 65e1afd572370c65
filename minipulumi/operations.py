"""preview, up, refresh, destroy: the phases of an operation, from the lock to the history entry."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import gc
import signal
import sys
import threading
import time
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minipulumi.backend import Backend, open_backend
from minipulumi.checkpoint import VERSION, read_latest, salt_of
from minipulumi.config import Setting, StackFile, read_stack_file
from minipulumi.errors import CHANGES, GENERAL, USAGE, PulumiError
from minipulumi.passphrase import Passphrase
from minipulumi.program import Program
from minipulumi.project import Project
from minipulumi.values import Props

if TYPE_CHECKING:
    from minipulumi.deployment import Deployment
    from minipulumi.display import Progress

_PROMPT = {"update": "perform this update", "destroy": "destroy", "refresh": "perform this refresh"}


class Terminated(BaseException):
    """A second Ctrl-C: whatever is under way is left as it is."""


class Operation:
    """One command over one stack: what both of its phases need."""

    def __init__(self, kind: str, arguments: Namespace, project: Project, stack: str):
        self.kind, self.arguments, self.project, self.stack = kind, arguments, project, stack
        self.backend: Backend = open_backend(project)
        self.path: Path = self.backend.require(stack)
        self.file: StackFile = read_stack_file(project.stack_file(stack))
        self.settings: dict[str, Setting] = {}
        self.cipher = Passphrase("")
        self.loaded: list[Program] = []  # processes that wait for their turn
        self.signals = 0
        self.deployment: Deployment | None = None
        self.shown: Progress | None = None  # what the last phase printed

    def run(self) -> int:
        """Carries the command out; returns its exit code."""
        arguments, interactive = self.arguments, self.arguments.interactive
        preview_only = arguments.preview_only
        if not (arguments.yes or arguments.skip_preview or preview_only or interactive):
            raise PulumiError(
                "--yes or --skip-preview or --preview-only must be passed in to proceed when"
                " running in non-interactive mode",
                USAGE,
            )
        with ExitStack() as stack:
            stack.callback(self._close)
            if not preview_only:
                stack.enter_context(self.backend.lock(self.stack))
            if self.kind == "update":
                phases = 1 if preview_only or arguments.skip_preview else 2
                for _ in range(phases):
                    self.loaded.append(Program(self.project, self._config_environment()))
            latest = read_latest(self.path)
            self.cipher = self.file.cipher(salt_of(latest))
            unlocking = threading.Thread(target=_quietly, args=(self.cipher.unlock,))
            unlocking.start()  # takes 0.3 s, in which everything else is imported
            import minipulumi.phase

            gc.set_threshold(200_000, 20, 20)  # what a run makes, it keeps; see program_main.py

            unlocking.join()
            self._unlock()
            stack.callback(
                signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, self._interrupted)
            )
            if preview_only or not arguments.skip_preview:
                code = minipulumi.phase.run_phase(self, latest, preview=True)
                if code or preview_only:
                    return code
                if not arguments.yes and not self._confirmed():
                    return GENERAL
            return minipulumi.phase.run_phase(self, latest, preview=False)

    def record(self, started: float, code: int, counts: Props) -> None:
        """Writes the history entry."""
        names = {"interactive", "stack", "verb"}
        flags = {k: v for k, v in vars(self.arguments).items() if v and k not in names}
        entry = {
            "kind": self.kind,
            "startTime": int(started),
            "message": self.arguments.message or "",
            "environment": {
                "exec.kind": "cli",
                "pulumi.version": VERSION,
                "runtime.name": "python",
                "stack.environments": "[]",
                **{f"pulumi.flag.{k.replace('_', '-')}": "set" for k in flags},
            },
            "config": self.file.values,
            "version": 0,
            "result": "failed" if code else "succeeded",
            "endTime": int(time.time()),
            "resourceChanges": counts,
        }
        self.backend.record(self.stack, entry)

    def _unlock(self) -> None:
        try:
            self.cipher.unlock()
            self.settings = self.file.settings(self.cipher)
        except PulumiError as error:
            text = f"getting stack configuration: get stack secrets manager: {error}"
            raise PulumiError(text) from error

    def _config_environment(self) -> dict[str, str]:
        """What the environment may say before the secrets are open: nothing."""
        return {"PULUMI_CONFIG": "{}", "PULUMI_CONFIG_SECRET_KEYS": "[]"}

    def _confirmed(self) -> bool:
        sys.stdout.flush()
        question = f"Do you want to {_PROMPT[self.kind]}? [yes/no/details]: "
        while True:
            ours = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                answer = input(question).strip().lower()
            except (EOFError, KeyboardInterrupt):
                answer = "no"
            finally:
                signal.signal(signal.SIGINT, ours)
            if answer == "details" and self.shown:
                from minipulumi.display_diff import describe

                lines = [line for step in self.shown.changes for line in describe(step)]
                sys.stdout.write("\n".join([*lines, ""]))
            elif answer in ("yes", "no"):
                if answer == "no":
                    raise PulumiError("confirmation declined, not proceeding with the " + self.kind)
                return True

    def _interrupted(self, *_: Any) -> None:
        self.signals += 1
        if self.signals == 1:
            sys.stdout.write(
                "^C received; cancelling. If you would like to terminate immediately, press ^C"
                " again.\nNote that terminating immediately may lead to orphaned resources and"
                " other inconsistencies.\n\n"
            )
        else:
            sys.stdout.write("^C received; terminating\n")
        sys.stdout.flush()
        if self.deployment:
            self.deployment.halt()
        if self.signals == 2:
            raise Terminated

    def _close(self) -> None:
        for program in self.loaded:
            program.close()


def changes(counts: Props) -> Props:
    """Only the operations that change something."""
    return {op: n for op, n in counts.items() if op != "same" and n}


def check_expectations(operation: Operation, counts: Props, *, preview: bool) -> int:
    """The exit code of `--expect-no-changes`."""
    if not operation.arguments.expect_no_changes or not changes(counts):
        return 0
    what = "preview" if operation.kind == "update" else operation.kind
    text = f"no changes were expected for {what} but changes were proposed"
    sys.stderr.write(
        f"error: {text if preview else 'no changes were expected but changes occurred'}\n"
    )
    return CHANGES


def _quietly(action: Any) -> None:
    try:
        action()
    except PulumiError:
        return  # raised again, and reported, by whoever needs the result
