"""Hosts a Pulumi program in a process of its own; `pulumi-language-python-exec` in the real CLI.

It loads the SDK at once, then reads addresses of engines from stdin, and runs the program for each:
as a preview first, and then for real with everything already loaded. The project's own modules are
loaded anew for each run, as they would be in a new process.
"""

# The SDK's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
import asyncio
import contextvars
import gc
import importlib
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_END = "\0over "


def main() -> None:
    """Obeys the engine until it has nothing more to ask."""
    root, folder = Path(sys.argv[1]), Path.cwd()
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the program's own stdin is empty
    sys.path[0] = str(folder)  # instead of this file's folder, which isn't the program's
    # The SDK makes hundreds of small objects a resource that stay: looking for garbage among them
    # takes more than half of a program's time, and the process is over soon.
    gc.disable()
    importlib.import_module("pulumi.runtime")
    before = (set(sys.modules), list(sys.path), dict(os.environ), folder)
    for line in orders:
        code = contextvars.copy_context().run(_run, line.strip(), root)
        sys.stderr.flush()
        sys.stdout.write(f"{_END}{code}\n")
        sys.stdout.flush()
        _forget(root, *before)


def _forget(
    root: Path, modules: set[str], path: list[str], environment: dict[str, str], folder: Path
) -> None:
    """Makes the next run find the process as a new one: what was installed stays loaded."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    for name in sys.modules.keys() - modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(f"{root}/") and not file.startswith(f"{sys.prefix}/"):
            del sys.modules[name]


def _run(engine: str, root: Path) -> int:
    import grpc
    import pulumi
    import pulumi.runtime
    from google.protobuf.empty_pb2 import Empty
    from pulumi.runtime.proto.resource_pb2_grpc import ResourceMonitorStub

    with grpc.insecure_channel(engine) as channel:
        info = ResourceMonitorStub(channel).GetDeploymentInfo(Empty())
    sys.argv = ["."]
    pulumi.runtime.set_all_config(dict(info.config), list(info.configSecretKeys))
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            info.project, info.stack, engine, engine, info.parallel, info.dryRun,
            organization=info.organization, root_directory=str(root),
        )
    )  # fmt: skip
    # The SDK sends four debug messages a resource, a call each. Nobody would see them.
    pulumi.log.debug = lambda *_, **__: None
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it frets about abandoned futures
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max(info.parallel, 16)))

    def program() -> None:
        runpy.run_path(".", run_name="__main__")

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
