"""A network namespace of Linux with the loopback interface alone: what is in it reaches nobody.

Whatever a process does, with whatever runtime, environment or address: there is no way out.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

# linux/sched.h, linux/sockios.h, linux/if.h
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


class NoIsolationError(Exception):
    """This machine allows none; says why."""


def isolate() -> None:
    """Put this process, and what it starts from now on, into one; the user stays who it is.

    Before the process has a second thread: the kernel moves one that is alone.
    """
    if sys.platform != "linux":
        raise NoIsolationError(f"network namespaces are Linux's, and this is {sys.platform}")
    user, group = os.geteuid(), os.getegid()
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        raise NoIsolationError(
            f"this machine allows no user namespaces ({os.strerror(ctypes.get_errno())})"
        )
    try:
        # Who writes down the own group gives up changing its groups (user_namespaces(7)).
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    except OSError as error:
        raise NoIsolationError(f"the loopback interface can't be had alone ({error})") from error
