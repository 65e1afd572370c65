"""One phase of an operation: its server, its program, its deployment, what it prints at the end."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from minipulumi.checkpoint import Checkpoint
from minipulumi.deployment import Deployment, Options, unknown_target
from minipulumi.display import Progress
from minipulumi.display_diff import Tree
from minipulumi.display_json import Document
from minipulumi.errors import GENERAL, TERMINATED
from minipulumi.monitor import Monitor, secret_keys
from minipulumi.operations import Operation, Terminated, check_expectations
from minipulumi.planner import Targets, expand
from minipulumi.plugins import CHANNEL_OPTIONS
from minipulumi.refresh import refresh
from minipulumi.steps import Stopped
from minipulumi.values import Props


def run_phase(operation: Operation, latest: Props, *, preview: bool) -> int:
    """Runs the preview or the update itself; returns the exit code."""
    started = time.time()
    arguments = operation.arguments
    checkpoint = Checkpoint(operation.path, latest, operation.cipher, dry=preview)
    known = [resource.urn for resource in checkpoint.resources()]
    targets = Targets(
        urns=expand(arguments.target, known) | expand(arguments.replace, known)
        if arguments.target else frozenset(),
        replace=expand(arguments.replace, known),
        dependents=arguments.target_dependents,
    )  # fmt: skip
    display = _display(operation, preview=preview)
    options = Options(preview=preview, parallel=arguments.parallel, targets=targets)
    deployment = Deployment(
        operation.project, operation.stack, operation.settings, checkpoint, display, options
    )
    operation.deployment, operation.shown = deployment, display
    if operation.signals:  # interrupted before there was anything to stop
        deployment.halt()
    stack = deployment.planner.olds.get(deployment.stack_urn)
    outputs = dict(stack.outputs) if stack else None
    if checkpoint.interrupted and not preview and operation.kind == "update":
        _explain(deployment)
    clean = False
    with suppress(Stopped, Terminated):
        clean = _carry_out(operation, deployment)
    deployment.close()
    canceled = operation.signals > 0
    if canceled:
        display.message(deployment.stack_urn, "error", "update canceled")
    elif deployment.runner.broken:
        what = "preview failed" if preview else "update failed"
        display.message(deployment.stack_urn, "error", what)
    for urn in deployment.left:
        display.message(urn, "warning", "not attempted, because of the failure above")
    code = GENERAL if canceled or deployment.failed or not clean else 0
    new = deployment.stack_outputs if not deployment.failed or preview else outputs
    if operation.kind != "update":
        remains = any(r.urn == deployment.stack_urn for r in checkpoint.resources())
        new = outputs if remains and not preview else None
    elif new is None and not preview:
        new = outputs  # the program didn't get to its outputs; they stay as they were
    display.finish(outputs, new)
    if not preview:
        if code == 0:
            clear = arguments.clear_pending_creates
            deployment.settle(refreshed=operation.kind == "refresh", clear_creates=clear)
        checkpoint.finish()
        operation.record(started, code, dict(display.counts))
        if operation.kind == "destroy" and code == 0 and not checkpoint.resources():
            display.farewell(operation.stack)
    if operation.signals > 1:
        sys.stderr.write("error: update cancelled\n")
        return TERMINATED
    return code or check_expectations(operation, dict(display.counts), preview=preview)


def _display(operation: Operation, *, preview: bool) -> Progress:
    kinds: dict[str, type[Progress]] = {"json": Document, "diff": Tree, "progress": Progress}
    arguments = operation.arguments
    name = "json" if arguments.json else "diff" if arguments.diff else "progress"
    display = kinds[name](operation.kind, operation.stack, preview=preview)
    display.settings = operation.settings
    return display


def _carry_out(operation: Operation, deployment: Deployment) -> bool:
    """Does the work; tells whether it came to its end."""
    # Without so_reuseport=0 two engines on one machine may be given the same port.
    options = [*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(64), options=options)
    root = str(operation.project.root)
    monitor = Monitor(deployment, root)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    deployment.attach(address)
    server.start()
    try:
        if operation.kind == "refresh" or operation.arguments.refresh:
            deployment.display.refreshing = operation.kind != "refresh"
            refresh(deployment)
            deployment.display.refreshing = False
            deployment.replan()
        if operation.kind == "update" and not deployment.failed:
            return _run_program(operation, deployment, monitor, address)
        if operation.kind == "destroy" and not deployment.failed:
            deployment.destroy()
        return not deployment.failed
    finally:
        server.stop(None)


def _run_program(
    operation: Operation, deployment: Deployment, monitor: Monitor, address: str
) -> bool:
    program = operation.loaded.pop(0)

    def printed(line: str) -> None:
        if not deployment.halted.is_set():
            deployment.display.message(deployment.stack_urn, "info", line)

    def loaded(modules: list[str]) -> None:
        for waiting in operation.loaded:
            waiting.load(modules)

    order = {
        "monitor": address,
        "engine": address,
        "project": operation.project.name,
        "stack": operation.stack,
        "organization": "organization",
        "parallel": deployment.options.parallel,
        "dry_run": deployment.preview,
        "config": {key: setting.text for key, setting in operation.settings.items()},
        "secret_keys": secret_keys(operation.settings),
    }
    over = threading.Event()
    codes: list[int] = []

    def watch() -> None:
        codes.append(program.wait())
        over.set()

    def stop_when_halted() -> None:
        deployment.halted.wait()
        program.stop()

    program.run(order, printed, loaded)
    threading.Thread(target=watch, daemon=True).start()
    threading.Thread(target=stop_when_halted, daemon=True).start()
    try:
        _wait(over)
        if deployment.halted.is_set():
            deployment.runner.drain()
            return False
        if codes != [0] or not monitor.finished:
            _explain_exit(deployment, codes[0])
            return False
        for urn in deployment.planner.unknown_targets():
            deployment.report(deployment.stack_urn, unknown_target(urn))
        deployment.save_stack_outputs()
        # A preview goes on past what is only refused, to show the whole plan.
        if not deployment.failed or (deployment.preview and not deployment.runner.failed):
            deployment.delete_what_left()
        return not deployment.failed
    finally:
        deployment.halted.set()
        program.close()


def _wait(event: threading.Event) -> None:
    """Waits so that signals are handled meanwhile."""
    while not event.wait(0.5):
        pass


def _explain_exit(deployment: Deployment, code: int) -> None:
    if code == 32:  # the program's host has already said what was wrong
        return
    text = f"an unhandled error occurred: program exited with non-zero exit code: {code}"
    deployment.report(deployment.stack_urn, text)


def _explain(deployment: Deployment) -> None:
    operations = deployment.checkpoint.interrupted
    lines = "".join(
        f"\n  * {op['resource']['urn']}, interrupted while {op['type']}" for op in operations
    )
    text = (
        "Attempting to deploy or update resources with"
        f" {len(operations)} pending operations from previous deployment.{lines}\n"
        "These resources are in an unknown state because the engine was interrupted while waiting"
        " for changes to these resources to complete. What was being created is taken over if it"
        " exists by now; `pulumi refresh` compares the rest with what the provider says."
    )
    deployment.display.message(deployment.stack_urn, "warning", text)
