"""Runs a plugin so that it can't outlive the engine: `guard.py PARENT COMMAND…`.

The kernel kills the process when the engine dies, however it dies (PR_SET_PDEATHSIG survives exec).
"""

import ctypes
import os
import signal
import sys

ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):  # the engine died before the line above
    sys.exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
