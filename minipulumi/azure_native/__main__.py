"""Serves the provider over gRPC, as a plugin of a real Pulumi engine.

The engine starts it with its own address in a process group of its own, reads the port from the
first line, and ends it by SIGINT; it waits five seconds before it kills one that doesn't go.
"""

# grpc's and Pulumi's stubs are untyped.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from pulumi.runtime.proto import provider_pb2_grpc

from minipulumi.azure_native.provider import AzureNativeProvider
from minipulumi.serving import serve


def main() -> int:
    """Serve until the engine ends it."""
    add_to = provider_pb2_grpc.add_ResourceProviderServicer_to_server
    server, port = serve(AzureNativeProvider(), [add_to], ThreadPoolExecutor(32))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    ended.wait()
    server.stop(grace=None)
    return 0


if __name__ == "__main__":
    code = main()
    os._exit(code)  # a call that is still waiting for Azure would keep the process
