"""What a client's program tells the runner: a line for each thing that it checked.

    with check("a group is made"):
        …

The runner judges what went wrong by its words: a refusal that names the emulator is absent by name,
everything else is a failure. This lies beside the programs and not in a package, because they run
in environments of their own that have nothing of this repository.
"""

import contextlib
import json
import time
import traceback
from collections.abc import Iterator


@contextlib.contextmanager
def check(name: str) -> Iterator[None]:
    """Do something with the client, and tell how it went."""
    began = time.monotonic()
    error = None
    try:
        yield
    except (Exception, SystemExit) as problem:
        # An assertion says nothing by itself: the line that didn't hold does.
        place = traceback.extract_tb(problem.__traceback__)[-1]
        error = f"{type(problem).__name__}: {problem}".strip()
        if isinstance(problem, AssertionError):
            error = f"doesn't hold: {place.line} ({problem})"
    seconds = round(time.monotonic() - began, 2)
    print("CHECK", json.dumps({"name": name, "error": error, "seconds": seconds}), flush=True)
