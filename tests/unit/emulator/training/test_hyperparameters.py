"""The wire's strings: read, or refused by name."""

import pytest

from emulator.training.errors import UserError
from emulator.training.hyperparameters import Hyperparameters


def test_defaults_are_those_of_azures_pipeline() -> None:
    settings = Hyperparameters.parse({}, seed=42)
    assert settings == Hyperparameters()
    assert (settings.num_train_epochs, settings.per_device_train_batch_size) == (1, 1)
    assert settings.learning_rate == 3e-4


def test_strings_become_numbers() -> None:
    settings = Hyperparameters.parse(
        {"num_train_epochs": "3", "learning_rate": "0.00002", "apply_lora": "True", "seed": "7"},
        seed=42,
    )
    assert settings.num_train_epochs == 3
    assert settings.learning_rate == 2e-5
    assert settings.apply_lora is True
    assert settings.seed == 7


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_train_epoch", "1", "'num_train_epoch' is not supported. Did you mean 'num_train_ep"),
        ("deepspeed", "1", "'deepspeed' is not supported. Known: num_train_epochs, "),
        ("num_train_epochs", "0", "Invalid num_train_epochs '0'. It must be a whole number"),
        ("num_train_epochs", "1.5", "Invalid num_train_epochs '1.5'"),
        ("learning_rate", "0", "Learning rate should be greater than 0"),
        ("learning_rate", "nan", "Invalid learning_rate 'nan'"),
        ("learning_rate", "fast", "Invalid learning_rate 'fast'"),
        ("lr_scheduler_type", "polynomial", "Supported: cosine, linear, constant"),
        ("optim", "adafactor", "Supported: adamw_torch"),
        ("lora_dropout", "0.1", "Supported: 0"),
        ("apply_lora", "yes", "It must be true or false"),
    ],
)
def test_an_unknown_name_or_value_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        Hyperparameters.parse({name: value}, seed=42)


def test_the_learning_rate_is_scaled_by_the_width() -> None:
    settings = Hyperparameters(learning_rate=2e-5)
    assert settings.effective_learning_rate(128) == pytest.approx(2e-5 * 4 * 3072 / 128)
    assert settings.effective_learning_rate(64) == pytest.approx(2e-5 * 4 * 3072 / 64)
