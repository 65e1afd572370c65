"""The program, on a machine whose processors pass for GPUs.

accelerate cuts models over GPUs alone, by one question of its own. Here the question is answered
with yes; all that it then does, FSDP 2 of torch over gloo, is done for real.
"""

import sys
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import DistributedType

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from train import main

begin = PartialState.__init__


def begun(state: PartialState, *values: Any, **named: Any) -> None:
    begin(state, *values, **named)
    if state.distributed_type == DistributedType.MULTI_CPU:
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


PartialState.__init__ = begun
sys.exit(main())
