"""Durations and sizes as a person would say them; lines that stay quiet off a terminal."""

import pytest

from jobs.foundry.history import seconds_between
from jobs.foundry.hyperparameters import from_wire, to_wire
from jobs.foundry.subscription import Permissions
from jobs.spec.canonical import plain_number
from jobs.terminal.progress import Reporter, duration, size


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (59, "59 s"), (61, "1 min"), (240, "4 min"), (7800, "2 h 10 min"), (3e5, "3 d")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(999, "999 B"), (2400, "2.4 kB"), (168_000, "168 kB"), (5e8, "500 MB")]
)
def test_sizes(count: int, said: str) -> None:
    assert size(int(count)) == said


def test_azures_seven_digits_of_a_second_are_read() -> None:
    assert seconds_between("2026-11-23T09:00:00.1234567Z", "2026-11-23T09:00:02.1234567Z") == 2
    assert seconds_between("2026-11-23T09:00:00Z", "2026-11-23T09:01:00+00:00") == 60
    assert seconds_between("", "2026-11-23T09:01:00Z") is None


def test_off_a_terminal_only_results_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    report = Reporter(name_width=8)
    report.step("finetuning", "x", "loss 1.0", 1, 10)
    report.result("finetuning", "x", "completed")
    report.close()
    said = capsys.readouterr()
    assert said.out == "  finetuning  x         completed\n"
    assert said.err == ""


def test_hyperparameters_translate_both_ways() -> None:
    ours = {"epochs": "3", "batch_size_multiplier": "1", "learning_rate": "0.00002", "seed": "1"}
    wire = to_wire(ours)
    assert wire["num_train_epochs"] == "3"
    assert wire["per_device_train_batch_size"] == "1"
    assert wire["seed"] == "1"
    assert from_wire(wire) == ours


def test_learning_rates_go_out_without_an_exponent() -> None:
    assert plain_number(2e-5) == "0.00002"
    assert plain_number(1.0) == "1"


def test_permissions_add_up_over_roles_and_exclusions_stay_within_theirs() -> None:
    developer = (("Microsoft.X/workspaces/*/write",), ("Microsoft.X/workspaces/hubs/write",))
    granted = Permissions(grants=(developer,))
    assert granted.allow("microsoft.x/Workspaces/jobs/write")
    assert not granted.allow("Microsoft.X/workspaces/hubs/write")
    both = Permissions(grants=(developer, (("*",), ())))
    assert both.allow("Microsoft.X/workspaces/hubs/write")
