"""What minipulumi adds to the demo's first step, `pulumi up --yes --skip-preview --stack dev`.

That is the command's time on a fresh emulator, less the program's own and less the emulator's:

* the program's: `infra/` alone in a fresh interpreter, its imports and its run, with the stack's
  settings and under `pulumi.runtime` mocks that answer at once;
* the emulator's: the time in which at least one call to it was under way: an operation of the
  stand-in provider's ARM client, waits for long-running ones included, or a call of a dynamic
  provider, which does nothing but call ARM. Calls side by side count once. What the stand-in does
  besides, its imports and checks, counts as minipulumi's.

The time at which a call is under way while the program still runs is taken off twice; what is
added could be hidden there, but no more than the program's run without its imports.
"""

import json
import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks.measure import Result, process

REPOSITORY = Path(__file__).parents[1]
ROUNDS = 3

_ALONE = """
import asyncio, os, runpy, sys, pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        known = dict(args.inputs)
        for key in ("resourceGroupName", "accountName", "vaultName", "workspaceName"):
            known["name"] = known.get(key) or known.get("name")
        known["identity"] = {"principalId": "p", "tenantId": "t", "type": "SystemAssigned"}
        known["properties"] = {**known.get("properties", {}), "endpoint": "https://e/"}
        return args.name, known

    def call(self, args):
        names = ("clientId", "objectId", "subscriptionId", "tenantId")
        return dict.fromkeys(names, os.environ["ARM_SUBSCRIPTION_ID"])

sys.path[0] = os.getcwd()
asyncio.set_event_loop(asyncio.new_event_loop())
pulumi.runtime.set_mocks(Mocks(), "foundry-tune", "dev", preview=False)

async def program():
    runpy.run_path(".", run_name="__main__")
    await pulumi.runtime.stack.wait_for_rpcs()

asyncio.get_event_loop().run_until_complete(program())
"""

_WATCHED = """
import json, sys, time
from minipulumi import plugins
from minipulumi.azure_native.arm import Arm
from minipulumi.cli import main

calls = []

def watch(owner, name, which=lambda *_: True):
    real = getattr(owner, name)

    def call(*arguments, **more):
        began = time.monotonic()
        try:
            return real(*arguments, **more)
        finally:
            if which(*arguments):
                calls.append((began, time.monotonic()))

    setattr(owner, name, call)

def is_dynamic(_, method, request):
    return "pulumi-python:dynamic" in getattr(request, "urn", "")

watch(plugins.Plugin, "call", is_dynamic)
for name in ("token", "get", "put", "delete"):
    watch(Arm, name)
code = main(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    json.dump(calls, file)
sys.stdout.flush()
__import__("os")._exit(code)
"""


def run(folder: Path) -> list[Result]:
    """What is added, in seconds; the median of some rounds."""
    added: list[float] = []
    note = ""
    for number in range(ROUNDS):
        place = folder / str(number)
        place.mkdir()
        emulator = [str(Path(sys.executable).with_name("foundry-emulator")), "run", "--state"]
        inside = [sys.executable, "-m", "benchmarks.demo", str(place / "result.json")]
        process([*emulator, str(place / "state"), "--", *inside], cwd=REPOSITORY)
        took = json.loads((place / "result.json").read_text(encoding="utf-8"))
        added.append(took["up"] - took["alone"] - took["calls"])
        note = "{up:.1f} s: program {alone:.1f}, emulator {calls:.1f}".format(**took)
    return [Result("minipulumi adds to up of the demo", median(added), 1, "s", note=note)]


def measure(result: Path) -> None:
    """Inside of `foundry-emulator run`: writes the three times of one round."""
    stack = yaml.safe_load((REPOSITORY / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in stack["config"].items()}
    alone = _time(["-c", _ALONE], REPOSITORY / "infra", {"PULUMI_CONFIG": json.dumps(texts)})
    calls = result.with_name("calls.json")
    pulumi = ["-c", _WATCHED, str(calls)]
    _time([*pulumi, "stack", "select", "--create", "dev"], REPOSITORY, {})
    words = ["up", "--yes", "--skip-preview", "--stack", "dev"]
    up = _time([*pulumi, *words], REPOSITORY, {})
    busy = _busy(json.loads(calls.read_text(encoding="utf-8")))
    result.write_text(json.dumps({"up": up, "alone": alone, "calls": busy}), encoding="utf-8")


def _busy(calls: list[Any]) -> float:
    """How long at least one of the calls was under way."""
    total, until = 0.0, 0.0
    for began, ended in sorted(calls):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def _time(arguments: list[str], cwd: Path, environment: dict[str, str]) -> float:
    command = [sys.executable, *arguments]
    return process(command, cwd=cwd, environment={**os.environ, **environment})[0]


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
