"""Forks ready-made Python processes: the SDK is imported once a test session, not once a run.

What runs in them is unchanged: the program's host, or `python -m pulumi.dynamic`. Some tests don't
use this and start real processes, to show that it makes no difference.
"""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false
import array
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from typing import cast

_LOADED = ["pulumi.dynamic", "pulumi_azure_native"] + [
    f"pulumi_azure_native.{service}"
    for service in ("authorization", "keyvault", "machinelearningservices", "resources", "storage")
]


def main() -> None:
    """Takes orders from stdin's socket: a kind, a folder, an environment, and file descriptors."""
    for module in _LOADED:
        getattr(importlib.import_module(module), "__all__", None)  # makes a lazy module load
    orders = socket.socket(fileno=int(sys.argv[1]))
    wake, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    exits: dict[int, int] = {}  # pid → pipe that takes its exit code
    while True:
        ready, _, _ = select.select([orders, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _reap(exits)
        if orders in ready:
            size = 1 << 20
            data, ancillary, _, _ = orders.recvmsg(size, socket.CMSG_SPACE(64))
            if not data:
                return
            fds = array.array("i")
            for _, _, payload in ancillary:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
            order = json.loads(data)
            pid = os.fork()
            if pid == 0:
                orders.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _become(order, list(fds))
            *inherited, exit_pipe = fds
            for fd in inherited:
                os.close(fd)
            exits[pid] = exit_pipe
            orders.sendall(f"{pid}\n".encode())


def _reap(exits: dict[int, int]) -> None:
    while exits:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        fd = exits.pop(pid)
        os.write(fd, f"{code}\n".encode())
        os.close(fd)


def _become(order: dict[str, object], fds: list[int]) -> None:
    *inherited, exit_pipe = fds
    os.close(exit_pipe)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(str(order["cwd"]))
    os.environ.clear()
    os.environ.update(cast("dict[str, str]", order["environment"]))
    read, write = inherited
    for fd, standard in ((read, 0), (write, 1), (write, 2)):
        os.dup2(fd, standard)
    sys.stdout, sys.stderr = (  # unbuffered, as under `python -u`
        io.TextIOWrapper(os.fdopen(fd, "wb", buffering=0), write_through=True) for fd in (1, 2)
    )
    code = 1
    try:
        if order["kind"] == "program":
            from minipulumi import program_main

            sys.argv = [str(Path(program_main.__file__)), *cast("list[str]", order["words"])]
            sys.path.insert(0, str(Path(program_main.__file__).parent))
            program_main.main()
        else:
            sys.argv = ["pulumi.dynamic"]
            sys.path.insert(0, str(order["cwd"]))
            runpy.run_module("pulumi.dynamic", run_name="__main__")
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
