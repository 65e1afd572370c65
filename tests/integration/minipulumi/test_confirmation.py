"""On a terminal an update asks: yes, no, details."""

import os
import pty
import select
import subprocess
import sys
import time

import pytest

from tests.integration.minipulumi.conftest import World
from tests.integration.minipulumi.test_interruptions import PULUMI

PROGRAM = """
import pulumi

class Group(pulumi.ComponentResource):
    def __init__(self, name, size):
        super().__init__("test:index:Group", name, {"size": size})
        self.register_outputs({})

Group("one", 3)
pulumi.export("size", 3)
"""


def converse(world: World, answers: list[str]) -> tuple[int, str]:
    """Runs `pulumi up` on a terminal and answers each question."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(PULUMI), "up", "-s", "dev"],
        cwd=world.project, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ,
    )  # fmt: skip
    os.close(theirs)
    text, deadline = "", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 60)[0]:
            break
        try:
            text += os.read(ours, 4096).decode()
        except OSError:  # the terminal's other end is closed
            break
        if answers and text.endswith(("[yes/no/details]: ", "press ^C: ")):
            os.write(ours, f"{answers.pop(0)}\n".encode())
    os.close(ours)
    return process.wait(10), text.replace("\r\n", "\n")


@pytest.mark.parametrize("last", ["yes", "no"])
def test_details_show_the_change_and_only_yes_makes_it(world: World, last: str) -> None:
    (world.project / "__main__.py").write_text(PROGRAM)
    assert world.run("stack init dev").code == 0
    code, text = converse(world, ["details", last])
    assert "Do you want to perform this update? [yes/no/details]: details" in text
    assert "    + test:index:Group: (create)\n" in text
    assert "        size: 3\n" in text
    made = world.state("dev").get("resources")
    if last == "yes":
        assert (code, len(made or [])) == (0, 2)
        assert "    + 2 created\n" in text
    else:
        assert (code, made) == (1, None)
        assert "error: confirmation declined, not proceeding with the update" in text


def test_a_stack_that_is_not_there_is_made_on_request(world: World) -> None:
    (world.project / "__main__.py").write_text(PROGRAM)
    code, text = converse(world, ["", "yes"])
    assert "The stack 'dev' does not exist.\n" in text
    assert "Created stack 'dev'\n" in text
    assert (code, len(world.state("dev")["resources"])) == (0, 2)


def test_no_stack_is_made_without_an_answer(world: World) -> None:
    (world.project / "__main__.py").write_text(PROGRAM)
    code, text = converse(world, ["\x04"])
    assert code == 6
    assert "error: no stack named 'dev' found" in text
    assert not world.state_file("dev").exists()
