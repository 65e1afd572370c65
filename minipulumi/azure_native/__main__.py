"""Serves the provider over gRPC, as a plugin of a real Pulumi engine.

The engine starts it with its own address, reads the port from the first line, and ends it.
"""

# grpc's and Pulumi's stubs are untyped.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

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
    # Ctrl-C reaches the whole process group: the engine decides when its plugins end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    ended.wait()
    server.stop(grace=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
