"""A process that has imported everything once and forks a child for every command.

So a test can run `foundry-tune` many times, and kill it at will, without waiting five seconds for
azure-ai-ml each time. It is started by `conftest.py` and speaks JSON, a line a message.
"""

import importlib
import json
import os
import pkgutil
import signal
import sys
from pathlib import Path
from typing import Any

_CLIENTS = (
    "azure.identity",
    "azure.mgmt.core.policies",
    "azure.mgmt.core.polling.arm_polling",
    "azure.storage.blob",
    "openai",
)


def main() -> None:
    import jobs.cli
    from jobs.foundry import submission

    submission.sdk()
    for module in (*_CLIENTS, *_own_modules()):
        importlib.import_module(module)
    _reply({"ready": True})
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            # A shell's background jobs ignore Ctrl-C, and so would what they start.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os._exit(_become(asked, jobs.cli.main))
        _reply({"pid": child})
        _, status = os.waitpid(child, 0)
        _reply({"code": os.waitstatus_to_exitcode(status)})


def _own_modules() -> list[str]:
    import jobs

    found = pkgutil.walk_packages(jobs.__path__, "jobs.")
    return [module.name for module in found]


def _become(asked: dict[str, Any], run: Any) -> int:
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    # What the parent is asked next is none of the child's business.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(Path(asked["output"], name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    code = 1
    try:
        code = run(asked["arguments"])
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _reply(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
