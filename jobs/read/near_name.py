"""The file that was meant by the name of one that isn't there."""

import os
from pathlib import Path

from jobs.suggestions import did_you_mean


def near_name(path: Path) -> str:
    """` Did you mean …?` of the files beside it, or nothing."""
    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except OSError:
        return ""
    return did_you_mean(path.name, names[:1000])
