"""preview, up, refresh, destroy: from the lock over the phases to the history entry."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from minipulumi.backend import Stack, open_stack
from minipulumi.checkpoint import VERSION, Checkpoint, read_latest
from minipulumi.deletion import delete_what_left, destroy, report_unknown_targets
from minipulumi.deployment import Deployment, Stopped
from minipulumi.display import Display
from minipulumi.display_diff import Tree, describe
from minipulumi.display_json import Document
from minipulumi.errors import CHANGES, GENERAL, NO_STACK, TERMINATED, USAGE, PulumiError
from minipulumi.monitor import Monitor
from minipulumi.plugins import PluginHost, ProviderError
from minipulumi.policies import start
from minipulumi.program import Program
from minipulumi.refresh import refresh
from minipulumi.serving import serve
from minipulumi.settings import cipher_of, read_stack_file
from minipulumi.values import Props

_PROMPT = {"update": "perform this update", "destroy": "destroy", "refresh": "perform this refresh"}
_HOST_FAILED = 32  # the program's host has already said what was wrong


class Terminated(BaseException):
    """A second Ctrl-C: whatever is under way is left as it is."""


class Operation:
    """One command over one stack: what both of its phases need."""

    def __init__(self, kind: str, arguments: Namespace, stack: Stack):
        self._kind, self._arguments, self._stack = kind, arguments, stack
        self._file = read_stack_file(stack.settings_file)
        self._program: Program | None = None
        self._signals = 0
        self._deployment: Deployment | None = None

    def run(self) -> int:
        """Carries the command out; returns its exit code."""
        arguments = self._arguments
        with ExitStack() as stack:
            if not arguments.preview_only:
                stack.enter_context(self._stack.lock())
            if self._kind == "update":
                self._program = Program(self._stack.project)
                stack.callback(self._program.close)
            self._latest = read_latest(self._stack.file)
            self._cipher = cipher_of(self._stack)
            try:
                self._cipher.unlock()
                self._settings = self._file.settings(self._cipher)
            except PulumiError as error:
                text = f"getting stack configuration: get stack secrets manager: {error}"
                raise PulumiError(text) from error
            before = signal.signal(signal.SIGINT, self._interrupted)
            stack.callback(signal.signal, signal.SIGINT, before)
            if arguments.preview_only or not arguments.skip_preview:
                code = self._phase(preview=True)
                if code or arguments.preview_only:
                    return code
                if not arguments.yes:
                    self._confirm()
            return self._phase(preview=False)

    def _phase(self, *, preview: bool) -> int:
        """Runs the preview or the update itself; returns the exit code."""
        started, arguments, stack = time.time(), self._arguments, self._stack
        checkpoint = Checkpoint(stack.file, self._latest, self._cipher, dry=preview)
        shape = Document if arguments.json else Tree if arguments.diff else Display
        display = shape(self._kind, stack.name, self._settings, preview=preview)
        deployment = self._deployment = Deployment(
            stack, self._settings, checkpoint, display, PluginHost(stack.project, self._settings),
            preview=preview, targets=frozenset(arguments.target),
            parallel=max(1, arguments.parallel),
        )  # fmt: skip
        before = checkpoint.outputs_of(deployment.stack_urn)
        ended = self._carry_out(deployment)
        if self._signals or deployment.broken:
            failed = "preview failed" if preview else "update failed"
            why = "update canceled" if self._signals else failed
            display.message(deployment.stack_urn, "error", why)
        for urn in deployment.left:
            display.message(urn, "warning", "not attempted, because of the failure above")
        code = GENERAL if self._signals or deployment.unsuccessful or not ended else 0
        if preview:  # one that failed doesn't know them all, and says nothing of any
            after = None if code else deployment.outputs
        else:
            after = checkpoint.outputs_of(deployment.stack_urn)
        display.finish(before, after)
        if not preview:
            refreshed = self._kind == "refresh"
            checkpoint.finish([] if code else deployment.settled(refreshed=refreshed))
            stack.record(self._entry(started, code, display.counts))
            gone = self._kind == "destroy" and code == 0 and not checkpoint.resources()
            if gone and not arguments.json:
                display.farewell(stack.name)
        if self._signals > 1:
            sys.stderr.write("error: update cancelled\n")
            return TERMINATED
        if deployment.refusal:
            raise deployment.refusal
        if code or not arguments.expect_no_changes or not display.changes:
            return code
        what = "preview" if self._kind == "update" else self._kind
        proposed = f"no changes were expected for {what} but changes were proposed"
        occurred = "no changes were expected but changes occurred"
        raise PulumiError(proposed if preview else occurred, CHANGES)

    def _carry_out(self, deployment: Deployment) -> bool:
        """Does the work, with a server for the program and plugins; tells whether it ended well."""
        monitor, ended = Monitor(deployment), False
        services = [
            resource_pb2_grpc.add_ResourceMonitorServicer_to_server,
            engine_pb2_grpc.add_EngineServicer_to_server,
        ]
        server, port = serve(monitor, services, deployment.threads)
        deployment.host.engine = f"127.0.0.1:{port}"
        try:
            self._start_packs(deployment)
            with suppress(Stopped):
                ended = not self._signals and self._work(deployment, monitor)
            deployment.drain()
        except Terminated:
            deployment.terminated = True
            deployment.checkpoint.abandon()  # it is saved as it is now
        except ProviderError as error:
            deployment.report(deployment.stack_urn, str(error))
        finally:
            deployment.close()  # before the server goes, of which plugins would complain
            server.stop(None)
            deployment.threads.shutdown(
                wait=False
            )  # last: a call without a thread hangs the server
        return ended

    def _start_packs(self, deployment: Deployment) -> None:
        packs, stack = self._arguments.policy_pack, self._stack.name
        for pack in start(deployment.host, packs, stack=stack, preview=deployment.preview):
            deployment.packs.append(pack)
        deployment.display.packs = deployment.packs

    def _work(self, deployment: Deployment, monitor: Monitor) -> bool:
        if self._kind == "refresh" or self._arguments.refresh:
            deployment.display.refreshing = self._kind != "refresh"
            refresh(deployment)
            deployment.display.refreshing = False
        if self._kind == "destroy":
            destroy(deployment)
        return not self._program or self._run(self._program, deployment, monitor)

    def _run(self, program: Program, deployment: Deployment, monitor: Monitor) -> bool:
        """Runs the program, and deletes what it no longer has."""
        deployment.on_halt = program.stop
        if deployment.checkpoint.interrupted and not deployment.preview:
            text = _explanation(list(deployment.checkpoint.interrupted.values()))
            deployment.display.message(deployment.stack_urn, "warning", text)
        if self._arguments.skip_preview:
            monitor.vetting = True
            program.run(deployment.host.engine, lambda _: None)  # it will say it again
            monitor.vetting = False
            if deployment.refusal:  # before anything is changed
                raise deployment.refusal
            if deployment.unsuccessful:
                return False
        code = program.run(deployment.host.engine, deployment.told)
        if deployment.stopping:
            return False
        if code or not monitor.finished:
            if code != _HOST_FAILED:
                text = f"program exited with non-zero exit code: {code}"
                deployment.report(deployment.stack_urn, f"an unhandled error occurred: {text}")
            return False
        report_unknown_targets(deployment)
        if not deployment.judge_stack():
            return False
        deployment.save_outputs()
        if not deployment.failed:
            delete_what_left(deployment)
        return True

    def _entry(self, started: float, code: int, counts: Mapping[str, int]) -> Props:
        """The history entry."""
        return {
            "kind": self._kind,
            "startTime": int(started),
            "message": self._arguments.message,
            "environment": {"exec.kind": "cli", "pulumi.version": VERSION},
            "config": self._file.values,
            "version": 0,
            "result": "failed" if code else "succeeded",
            "endTime": int(time.time()),
            "resourceChanges": dict(counts),
        }

    def _confirm(self) -> None:
        assert self._deployment
        question = f"Do you want to {_PROMPT[self._kind]}? [yes/no/details]: "
        answer, ours = "", signal.signal(signal.SIGINT, signal.default_int_handler)
        while answer not in ("yes", "no"):
            try:
                answer = input(question).strip().lower()
            except (EOFError, KeyboardInterrupt):
                answer = "no"
            if answer == "details":
                for step in self._deployment.display.changes:
                    sys.stdout.write("".join(f"{line}\n" for line in describe(step)))
        signal.signal(signal.SIGINT, ours)
        if answer == "no":
            raise PulumiError("confirmation declined, not proceeding with the " + self._kind)

    def _interrupted(self, *_: Any) -> None:
        self._signals += 1
        if self._signals == 1:
            sys.stdout.write(
                "^C received; cancelling. If you would like to terminate immediately, press ^C"
                " again.\nNote that terminating immediately may lead to orphaned resources and"
                " other inconsistencies.\n\n"
            )
        else:
            sys.stdout.write("^C received; terminating\n")
        sys.stdout.flush()
        if self._deployment:
            self._deployment.halt()
        if self._signals == 2:
            raise Terminated


def operate(arguments: Namespace) -> int:
    """`pulumi preview`, `up`, `refresh` and `destroy`."""
    kind = "update" if arguments.verb in ("preview", "up") else str(arguments.verb)
    arguments.preview_only |= arguments.verb == "preview"
    proceeds = arguments.yes or arguments.skip_preview or arguments.preview_only
    if not proceeds and not arguments.interactive:
        raise PulumiError(
            "--yes or --skip-preview or --preview-only must be passed in to proceed when"
            " running in non-interactive mode",
            USAGE,
        )
    try:
        return Operation(kind, arguments, _stack(arguments)).run()
    except Terminated:  # a second Ctrl-C after the work was done
        return TERMINATED


def _stack(arguments: Namespace) -> Stack:
    """The stack; on a terminal, and as the real CLI, one that isn't there may be made now."""
    try:
        return open_stack(arguments)
    except PulumiError as error:
        missing = open_stack(arguments, exists=False) if error.code == NO_STACK else None
        if missing is None or not arguments.interactive or arguments.verb not in ("preview", "up"):
            raise
    from minipulumi.stacks import make

    sys.stdout.write(f"The stack '{missing.name}' does not exist.\n")
    try:
        input("If you would like to create this stack now, press <ENTER>, otherwise press ^C: ")
    except (EOFError, KeyboardInterrupt) as error:
        raise PulumiError(f"no stack named '{missing.name}' found", NO_STACK) from error
    make(missing)
    return missing


def _explanation(operations: list[Props]) -> str:
    lines = "".join(
        f"\n  * {op['resource']['urn']}, interrupted while {op['type']}" for op in operations
    )
    return (
        "Attempting to deploy or update resources with"
        f" {len(operations)} pending operations from previous deployment.{lines}\n"
        "These resources are in an unknown state because the engine was interrupted while waiting"
        " for changes to these resources to complete. What was being created is taken over if it"
        " exists by now; `pulumi refresh` compares the rest with what the provider says."
    )
