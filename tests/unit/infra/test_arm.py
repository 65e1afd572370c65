"""Calls to ARM come side by side, in a process that has just begun."""

import subprocess
import sys

FIRST_CALLS = """
import os, sys, threading

from infra import arm

os.environ.update(ARM_TENANT_ID="t", ARM_CLIENT_ID="c", ARM_CLIENT_SECRET="s")
sys.setswitchinterval(1e-6)
clients, told, start = [], [], threading.Barrier(8)


class Client(arm.ARMPipelineClient):
    def __init__(self, *args, **kwargs):
        clients.append(self)
        super().__init__(*args, **kwargs)
        known.update(sys.modules)  # one thread at a time makes it

    def send_request(self, request):
        raise arm.AzureError("not sent")


def call():
    start.wait()
    try:
        arm.send("GET", "/subscriptions", {})
    except arm.ArmError as error:
        told.append(str(error))


arm.ARMPipelineClient = Client
known = set(sys.modules)
threads = [threading.Thread(target=call) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
late = [name for name in sys.modules if name not in known and "azure" in name]
print(len(clients), set(told), late)
"""


def test_the_first_calls_share_one_sign_in_and_import_nothing_of_azure_in_their_threads() -> None:
    told = subprocess.check_output([sys.executable, "-c", FIRST_CALLS], text=True)
    assert told == "1 {'GET /subscriptions: not sent'} []\n"
