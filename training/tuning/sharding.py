"""A model cut over several GPUs by FSDP 2, and put together again; accelerate does both."""

import os
from collections.abc import Callable
from typing import Any

from accelerate import PartialState
from accelerate.utils import DistributedType
from torch import nn
from transformers import Trainer

from tuning.config import Config
from tuning.errors import MachineError


def arguments(config: Config) -> dict[str, Any]:
    """What transformers is told of it: a decoder layer is a unit, a process writes its own part."""
    if config.sharding == "none":
        return {}
    refuse_one_process()
    return {
        "fsdp": True,
        "fsdp_config": {
            "state_dict_type": "SHARDED_STATE_DICT",
            "activation_checkpointing": config.gradient_checkpointing,
        },
    }


def refuse_one_process() -> None:
    """Refuses to cut a model in one.

    Raises:
        MachineError: this is the only process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return
    raise MachineError(
        "`sharding: fsdp` cuts the model over several processes, and this is the only one. Start "
        "one a GPU (`distribution: {type: pytorch}` of a job, or torchrun), or leave it out."
    )


def refuse_where_it_is_not(config: Config) -> None:
    """Refuses it where accelerate would quietly leave the model whole.

    Raises:
        MachineError: the processes have no GPU.
    """
    if config.sharding == "fsdp" and PartialState().distributed_type == DistributedType.MULTI_CPU:
        raise MachineError(
            "`sharding: fsdp` takes a GPU a process, and here is none. Leave it out or take GPUs."
        )


def refuse_if_unasked(config: Config, trainer: Trainer) -> None:
    """Refuses a model that the environment has cut, as `accelerate launch` may, and not the file.

    Raises:
        MachineError: FSDP or DeepSpeed is on, and `sharding` is `none`.
    """
    cut = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    if cut and config.sharding == "none":
        raise MachineError(
            "FSDP or DeepSpeed is turned on by the environment (ACCELERATE_USE_…). Start without, "
            "and write `sharding: fsdp` where the model is to be cut."
        )


def whole(trainer: Trainer, anew: Callable[[], nn.Module]) -> nn.Module | None:
    """The trained model in one piece on the first process; None on others, where it was cut.

    Its parts meet in a model that is made anew as the trained one was.
    """
    if not trainer.is_fsdp_enabled:
        return trainer.accelerator.unwrap_model(trainer.model)
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if not trainer.is_world_process_zero():
        return None
    model = anew()
    model.load_state_dict(weights)
    return model
