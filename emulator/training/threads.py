"""One thread for NumPy's matrix products, whether NumPy is imported already or not."""

import ctypes
import os
from pathlib import Path

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_thread() -> None:
    """Imports NumPy so that its BLAS uses one thread in this process, not in its children."""
    # A BLAS reads these once, when it is loaded.
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    import numpy as np

    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value

    # Where NumPy was imported earlier, the OpenBLAS that its wheels carry is told directly.
    packages = Path(np.__file__).parents[1]
    for library in packages.glob("numpy.libs/libscipy_openblas*"):
        for name in ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads"):
            set_threads = getattr(ctypes.CDLL(str(library)), name, None)
            if set_threads is not None:
                set_threads(1)
