"""`plan` of a thousand unchanged specs against azure-ai-ml looking each of them up.

The emulator answers each request 50 ms late. `plan` is a whole process: it reads the specs and
their data too, and holds endpoints against them. azure-ai-ml is a process that has loaded
everything before its time begins, and asks three questions a spec: `jobs.get`, `data.get` of the
training data, `models.get`. It asks them for a few of the specs, and the time is counted up.
"""

import os
import sys
from pathlib import Path

from benchmarks.measure import Result, process
from emulator.server import Emulator
from tests.integration.jobs.conftest import Commands, Place, make_environment
from tests.integration.jobs.finished import finish, write_stories

COUNT, ASKED = 1000, 50
DELAY_SECONDS = 0.05
MOST_REQUESTS = 25

_OURS = "import sys; from jobs.cli import main; sys.exit(main(sys.argv[1:]))"
_THEIRS = """
import logging, os, sys, time, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

names = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_PROJECT")
client = MLClient(DefaultAzureCredential(), *(os.environ[name] for name in names))
next(iter(client.jobs.list()))  # signed in, and every module loaded
begin = time.perf_counter()
for line in sys.stdin:
    job, data, version, model = line.split()
    client.jobs.get(job)
    client.data.get(data, version)
    client.models.get(model, "1")
print(time.perf_counter() - begin)
"""


def run(folder: Path) -> list[Result]:
    """How many requests a plan takes, and how many times as long the other way does."""
    before = dict(os.environ)
    with Emulator() as emulator:
        os.environ.update(emulator.environment(before))
        try:
            return _measure(emulator, folder)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _measure(emulator: Emulator, folder: Path) -> list[Result]:
    subscription = emulator.control.add_subscription(registered=None)
    os.environ["AZURE_SUBSCRIPTION_ID"] = os.environ["ARM_SUBSCRIPTION_ID"] = subscription
    commands = Commands()
    place = Place(emulator, subscription, folder, commands)
    make_environment(place)
    commands.close()
    specs = write_stories(place, COUNT)
    trainings = finish(place, specs).trainings
    late = {"match": {"count": 10**9}, "do": {"delay": DELAY_SECONDS}}
    emulator.control.faults.add(late)
    environment = place.environment()
    mark = emulator.control.last_call()
    command = [sys.executable, "-c", _OURS, "plan", *map(str, specs), "--detailed-exitcode"]
    ours, _ = process(command, cwd=folder, environment=environment)
    requests = len(emulator.control.calls(after=mark))
    mark = emulator.control.last_call()
    asked = trainings[:: COUNT // ASKED]
    lines = "".join(
        f"{one.job_name} {one.data[0].name} {one.data[0].version} "
        f"{one.spec.registered_model_name}\n"
        for one in asked
    )
    _, printed = process(
        [sys.executable, "-c", _THEIRS], cwd=folder, environment=environment, given=lines
    )
    each = len(emulator.control.calls(after=mark)) / len(asked)
    theirs = float(printed.split()[-1]) * COUNT / len(asked)
    note = (
        f"{theirs:.0f} s, counted up from {len(asked)} specs, {each:.1f} requests each / "
        f"{ours:.1f} s"
    )
    subject = f"azure-ai-ml asking for {COUNT:,} specs one by one / plan, 50 ms a request"
    return [
        Result(f"requests of plan, {COUNT:,} unchanged specs", requests, MOST_REQUESTS, ""),
        Result(subject, theirs / ours, 4, "x", True, note),
    ]
