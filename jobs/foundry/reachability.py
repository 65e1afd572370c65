"""Is Azure within reach at all? Asked once, before any SDK is.

The SDKs answer this too, but late: a blob host that doesn't resolve is retried for 86 s, a sign-in
host for 5 s, and azure-identity then reports a wrong password. A TCP connection tells in seconds.
"""

import socket
import threading
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from jobs.errors import UnreachableError

MANAGEMENT_HOST = "management.azure.com"
_TIMEOUT_SECONDS = 5.0


def require_reachable(host: str = MANAGEMENT_HOST) -> None:
    """Raise `UnreachableError` unless `host`, or the proxy to it, accepts connections."""
    proxy = _proxy_for(host)
    if proxy:
        address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        try:
            server, port = address.hostname, address.port
        except ValueError:
            server, port = None, None
        if not server:
            raise UnreachableError(
                f"HTTPS_PROXY is {_without_password(proxy)!r}, which is no address of a proxy.",
                next_step="Set it to http://HOST:PORT, or unset it to reach Azure directly.",
            )
        _connect(
            server,
            port or (443 if address.scheme == "https" else 80),
            f"The proxy {server}:{port or ''} that HTTPS_PROXY names",
            "Start it (foundry-emulator run -- … starts its own), or unset HTTPS_PROXY.",
        )
        return
    _connect(host, 443, f"Azure ({host})", "Check the network, or set HTTPS_PROXY.")


def _proxy_for(host: str) -> str | None:
    proxies = getproxies()
    if proxy_bypass(host):
        return None
    return proxies.get("https") or proxies.get("all")


def _without_password(proxy: str) -> str:
    return proxy.rpartition("@")[2]


def _connect(host: str, port: int, what: str, hint: str) -> None:
    failure: list[OSError] = []

    def attempt() -> None:
        try:
            socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS).close()
        except OSError as error:
            failure.append(error)

    # In a thread, because resolving a name has no timeout of its own.
    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(_TIMEOUT_SECONDS + 1)
    if thread.is_alive():
        raise UnreachableError(f"{what} didn't answer in {_TIMEOUT_SECONDS:.0f} s.", next_step=hint)
    if failure:
        reason = failure[0].strerror or str(failure[0])
        raise UnreachableError(f"{what} can't be reached: {reason}.", next_step=hint) from failure[
            0
        ]
