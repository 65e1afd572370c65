"""One gRPC server on a port of its own: for the engine, and for a provider in this process."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

# A checkpoint's state of one resource goes through in one message.
MESSAGES = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
]


def serve(
    servicer: Any, services: list[Callable[[Any, Any], None]], threads: ThreadPoolExecutor
) -> tuple[grpc.Server, int]:
    """Starts a server for a servicer, and gives its port."""
    # Without so_reuseport=0 two servers on one machine may be given the same port.
    server = grpc.server(threads, options=[*MESSAGES, ("grpc.so_reuseport", 0)])
    for add_to in services:
        add_to(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
