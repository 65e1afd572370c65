"""Other tools, each in an environment of its own, made when a benchmark asks for it."""

import subprocess
import sys
from pathlib import Path


def environment_with(folder: Path, *packages: str) -> str | None:
    """The Python of a fresh environment with these packages; None where they can't be had."""
    python = folder / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "uv", "venv", "-q", str(folder)], check=True)
        command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python)]
        subprocess.run([*command, *packages], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            f"{' '.join(packages)} can't be installed, so it is not measured: {error}",
            file=sys.stderr,
        )
        return None
    return str(python)
