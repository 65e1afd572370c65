"""Is Azure within reach at all? Asked once, before any SDK is.

The SDKs answer this too, but late: a blob host that doesn't resolve is retried for 86 s, a sign-in
host for 5 s, and azure-identity then reports a wrong password. A TCP connection tells in seconds.
"""

import os
import socket
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from jobs.errors import UnreachableError

MANAGEMENT_HOST = "management.azure.com"
_TIMEOUT_SECONDS = 5.0
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""What the SDKs look for certificate authorities by: requests the first two, httpx the third."""


def require_reachable(host: str = MANAGEMENT_HOST) -> None:
    """Raise `UnreachableError` unless `host`, or the proxy to it, accepts connections.

    Also where a variable names certificate authorities that can't be read: the SDKs would end with
    a traceback, or say that the sign-in is wrong.
    """
    for variable in _CA_VARIABLES:
        _require_certificates(variable, os.environ.get(variable, ""))
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


def _require_certificates(variable: str, named: str) -> None:
    if not named:
        return
    is_folder = Path(named).is_dir()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(None if is_folder else named, named if is_folder else None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        is_there = is_folder or Path(named).is_file()
        why = "which is no file of certificates" if is_there else "and there is no such file"
        raise UnreachableError(
            f"{variable} is '{named}', {why}, so no connection to Azure can be trusted.",
            next_step=f"Set {variable} to your organization's certificates, or unset it.",
        ) from error


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
