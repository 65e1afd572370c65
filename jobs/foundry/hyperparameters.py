"""The guide's words for hyperparameters and the wire's: one table, read both ways.

The wire's are what azureml-examples send. That the portal's "Batch size multiplier" is
`per_device_train_batch_size` is an inference: both are the third of the pipeline's three inputs.
"""

from collections.abc import Mapping

_WIRE = {
    "epochs": "num_train_epochs",
    "batch_size_multiplier": "per_device_train_batch_size",
    "learning_rate": "learning_rate",
}
_GUIDE = {wire: guide for guide, wire in _WIRE.items()}


def to_wire(values: Mapping[str, str]) -> dict[str, str]:
    """The guide's words as the service reads them; others go as they are."""
    return {_WIRE.get(name, name): value for name, value in values.items()}


def from_wire(values: Mapping[str, str]) -> dict[str, str]:
    """What the service keeps, in the guide's words."""
    return {_GUIDE.get(name, name): str(value) for name, value in values.items()}


def same(before: str, after: str) -> bool:
    """Whether two values are equal, as text or as numbers: Azure may keep `2e-05` for `0.00002`."""
    if before == after:
        return True
    try:
        return float(before) == float(after)
    except ValueError:
        return False


def short(value: str) -> str:
    """A number as people write it: `2e-05` for the wire's `0.00002`."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value
