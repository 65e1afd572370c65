"""Hosts a Pulumi program in a process of its own; `pulumi-language-python-exec` in the real CLI.

It loads the SDK at once and then waits for orders on a socket, one JSON object a line:
`{"load": [modules]}` loads more ahead of time, `{"run": {…}}` runs the program. So the process of
an update can get ready while the preview still runs. When the socket closes, the engine is gone.
"""

# The SDK's internals.
# pyright: reportUnknownMemberType=false, reportPrivateUsage=false
import asyncio
import atexit
import contextlib
import gc
import importlib
import json
import logging
import os
import runpy
import socket
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any


def main() -> None:
    """Obeys the engine, and leaves when it has gone or the program is over."""
    engine = socket.socket(fileno=int(sys.argv[1]))
    orders = engine.makefile("r", encoding="utf-8")
    sys.path.pop(0)  # this file's folder, which isn't the program's
    # The SDK makes hundreds of small objects a resource that stay: looking for garbage among them
    # takes more than half of a program's time, and the process is over soon.
    gc.disable()
    importlib.import_module("pulumi.runtime")
    for line in orders:
        order = json.loads(line)
        for module in order.get("load", []):
            with contextlib.suppress(Exception):
                getattr(importlib.import_module(module), "__all__", None)  # loads a lazy one
        if "run" in order:
            threading.Thread(target=_leave_with, args=(orders,), daemon=True).start()
            code = _run(order["run"], engine)
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # without waiting for threads that wait for an engine that stopped


def _leave_with(orders: Any) -> None:
    orders.read()
    os._exit(1)


def _run(run: dict[str, Any], engine: socket.socket) -> int:
    import pulumi
    import pulumi.runtime

    os.chdir(run["pwd"])
    sys.path.insert(0, run["pwd"])
    sys.argv = [run["program"]]
    pulumi.runtime.set_all_config(run["config"], run["secret_keys"])
    settings = ("monitor", "engine", "project", "stack", "parallel", "dry_run", "organization")
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            root_directory=run["root_directory"], **{key: run[key] for key in settings}
        )
    )
    # The SDK sends four debug messages a resource, a call each. Nobody would see them.
    pulumi.log.debug = _say_nothing
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it frets about abandoned futures
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max(run["parallel"], 16)))

    def program() -> None:
        runpy.run_path(str(Path(run["program"])), run_name="__main__")
        loaded = [  # whole services only: a lazy module must not be entered by a part of it
            name
            for name, module in sys.modules.items()
            if name.startswith("pulumi_") and name.count(".") < 2 and type(module) is ModuleType
        ]
        with contextlib.suppress(OSError):
            engine.sendall(json.dumps(loaded).encode() + b"\n")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    except KeyboardInterrupt:
        return 130
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception:
        pulumi.log.error("Program failed with an unhandled exception:\n" + _trace())
        return 32
    return 0


def _say_nothing(*_: object, **__: object) -> None:
    """Takes the place of `pulumi.log.debug`."""


def _trace() -> str:
    """The traceback from the program's first own frame on."""
    kind, error, trace = sys.exc_info()
    here = (__file__, runpy.__file__, asyncio.__file__)
    while trace and trace.tb_next:
        file = trace.tb_frame.f_code.co_filename
        own = not file.startswith(("<", sys.base_prefix, sys.prefix)) and file not in here
        if own:
            break
        trace = trace.tb_next
    return "".join(traceback.format_exception(kind, error, trace))


if __name__ == "__main__":
    main()
