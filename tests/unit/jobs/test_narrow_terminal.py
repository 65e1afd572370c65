"""Progress on terminals of several widths, drawn for real."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

NAME = "xbox-support-for-the-whole-of-europe-a8bbe5a87e"
DRAWN = (
    "from jobs.terminal.progress import Reporter\n"
    "report = Reporter(name_width=30)\n"
    f"report.step('finetuning', '{NAME}', 'step 12000/16250  loss 12.31', 12000, 16250)\n"
    "report.close()\n"
)


TABLE = (
    "from jobs.terminal.output import tell_table\n"
    "by = 'e0e0e0e0-0000-4000-8000-000000000020'\n"
    "tell_table([('9c48c9eb8f', by, 'xbox-support:3', 'epochs 1 -> 6, lr 2e-5 -> 1e-5'),\n"
    "            ('a8bbe5a87e', by, '-', '')],\n"
    "           header=('REVISION', 'BY', 'MODEL', 'CHANGED'))\n"
)


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
def test_step_and_loss_are_whole_and_on_one_line(columns: int) -> None:
    lines = [line for line in drawn(DRAWN, columns) if "loss" in line]
    assert lines
    for line in lines:
        assert "step 12000/16250  loss 12.31" in line
        assert len(line.rstrip()) <= columns
        assert NAME[:10] in line


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_wider_than_the_terminal_is_a_block_a_row(columns: int) -> None:
    lines = [line.rstrip() for line in drawn(TABLE, columns) if line.strip()]
    assert all(len(line) <= columns for line in lines)
    if columns == 120:
        assert lines[0].split() == ["REVISION", "BY", "MODEL", "CHANGED"]
        return
    assert lines == [
        "9c48c9eb8f",
        "  by       e0e0e0e0-0000-4000-8000-000000000020",
        "  model    xbox-support:3",
        "  changed  epochs 1 -> 6, lr 2e-5 -> 1e-5",
        "a8bbe5a87e",
        "  by       e0e0e0e0-0000-4000-8000-000000000020",
        "  model    -",
    ]


def drawn(program: str, columns: int) -> list[str]:
    """The lines that a terminal of that width is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm"},
    )
    os.close(theirs)
    text = b""
    while piece := _read(ours):
        text += piece
    os.close(ours)
    assert process.wait(20) == 0, text
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode()))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side has hung up
        return b""
