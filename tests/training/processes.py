"""The processes of one run, forked from the test's own, which has torch imported already."""

import multiprocessing
import os
import socket
import sys
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType

import train
from tuning.config import Config


def run_on_two(config: Config, folder: Path) -> tuple[list[int | None], str]:
    """The exit codes of two processes, and what they said."""
    (folder / "config.json").write_text(config.model_dump_json())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=_run, args=(rank, port, folder)) for rank in range(2)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    said = "".join((folder / f"{rank}.log").read_text() for rank in range(2))
    return [process.exitcode for process in running], said


def _run(rank: int, port: int, folder: Path) -> None:
    sys.stdout = sys.stderr = (folder / f"{rank}.log").open("w", buffering=1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    AcceleratorState._reset_state(reset_partial_state=True)
    let_processors_pass_for_gpus()
    torch.set_num_threads(1)
    sys.exit(train.main(["--config", str(folder / "config.json")]))


def let_processors_pass_for_gpus() -> None:
    """Answers the one question by which accelerate cuts models over GPUs alone.

    All that it does then, FSDP 2 of torch over gloo, it does for real.
    """
    begin = PartialState.__init__

    def begun(state: PartialState, *values: object, **named: object) -> None:
        begin(state, *values, **named)  # type: ignore[arg-type]
        if state.distributed_type == DistributedType.MULTI_CPU:
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU

    PartialState.__init__ = begun  # type: ignore[method-assign]
