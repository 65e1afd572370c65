"""A process that has imported everything once and forks a child for every command.

So a test can run `foundry-tune` many times, and kill it at will, without waiting five seconds for
azure-ai-ml each time. It is started by `conftest.py` and speaks JSON, a line a message.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    import jobs.cli
    from jobs.foundry import submission

    submission.sdk()
    _reply({"ready": True})
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_become(asked, jobs.cli.main))
        _reply({"pid": child})
        _, status = os.waitpid(child, 0)
        _reply({"code": os.waitstatus_to_exitcode(status)})


def _become(asked: dict[str, Any], run: Any) -> int:
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    # What the parent is asked next is none of the child's business.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: PTH123, SIM115
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
