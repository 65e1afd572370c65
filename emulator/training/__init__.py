"""A stand-in for Azure's fine-tuning service that really trains: Phi-3's architecture in NumPy.

    hyperparameters + JSONL → data → tokenizer → trainer (phi3, optimizer, lora) → checkpoint
                                                             checkpoint → inference → answers

`python -m emulator.training JOB.json` trains in a child process (see __main__.py for its events);
`inference.load(directory)` serves what it wrote. The model is tiny and starts from random weights:
it is never Phi, and its model card says so. Every loss and every answer is computed.
"""

import os


def _import_numpy_on_one_thread() -> None:
    # OpenBLAS reads these once, when it is loaded. On matrices this small a second thread costs up
    # to eight times the run time (measured on two cores) and makes sums depend on scheduling. They
    # are put back, so that processes started from this one keep their own choice.
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    import numpy as np

    del np
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


_import_numpy_on_one_thread()
