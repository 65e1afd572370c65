"""Serves the provider over gRPC, as a plugin of a real Pulumi engine.

The engine starts it with its own address, reads the port from the first line, and ends it.
"""

# grpc's and Pulumi's stubs are untyped.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

import signal
import sys
import threading
from concurrent import futures

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from minipulumi.azure_native.provider import AzureNativeProvider

# A checkpoint's state of one resource goes through in one message.
MESSAGE_BYTES = 400 * 1024 * 1024


def main() -> int:
    """Serve until the engine ends it."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=32),
        options=[
            ("grpc.max_receive_message_length", MESSAGE_BYTES),
            ("grpc.max_send_message_length", MESSAGE_BYTES),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AzureNativeProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
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
