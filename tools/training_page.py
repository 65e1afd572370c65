"""The table of docs/training.md, as the training program itself prints it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "training.md"
START, END = "<!-- fields -->\n", "\n<!-- /fields -->"


def page() -> str:
    """The page with the table made anew: asked of the program, which nothing of ours imports."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{fields()}{END}{after}"


def fields() -> str:
    """What a configuration may say, as a Markdown table."""
    command = [sys.executable, str(ROOT / "training" / "train.py"), "--fields"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    return done.stdout.rstrip("\n")
