"""Schedules, and AdamW where the recordings don't reach."""

import numpy as np
import pytest

from emulator.training.optimizer import AdamW, AdamWSettings, Schedule, scheduled


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", [0, 0.5, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0, 0.5, 1, 0.853553, 0.5, 0.146447]),
        ("constant", [0, 0.5, 1, 1, 1, 1]),
    ],
)
def test_a_schedule_warms_up_and_then_takes_its_course(
    schedule: Schedule, expected: list[float]
) -> None:
    shares = [scheduled(n, total_steps=6, warmup_steps=2, schedule=schedule) for n in range(6)]
    assert shares == pytest.approx(expected, abs=1e-6)


def test_without_warmup_the_first_step_has_the_full_rate() -> None:
    assert scheduled(0, total_steps=4, warmup_steps=0, schedule="cosine") == 1


def test_a_rate_of_zero_changes_no_weight() -> None:
    weights = np.linspace(-1, 1, 40_000, dtype=np.float32)
    before = weights.copy()
    norm = AdamW(weights, AdamWSettings()).step(np.full_like(weights, 3), 0.0)
    np.testing.assert_array_equal(weights, before)
    assert norm == pytest.approx(600, rel=1e-5)


def test_a_small_gradient_is_not_clipped() -> None:
    """A first Adam step has the gradient's sign and the rate's size, unless epsilon is large."""
    gradient = np.array([0.3, -0.4])
    weights = np.zeros(2)
    AdamW(weights, AdamWSettings(epsilon=1.0, weight_decay=0)).step(gradient.copy(), 1.0)
    np.testing.assert_allclose(weights, -gradient / (np.abs(gradient) + 1))


def test_a_large_gradient_is_clipped_to_the_norm() -> None:
    gradient = np.array([30.0, -40.0])
    weights = np.zeros(2)
    AdamW(weights, AdamWSettings(epsilon=1.0, weight_decay=0)).step(gradient.copy(), 1.0)
    clipped = gradient / 50
    np.testing.assert_allclose(weights, -clipped / (np.abs(clipped) + 1), rtol=1e-6)


def test_weights_decay_by_the_rate_alone() -> None:
    weights = np.full(3, 2.0)
    AdamW(weights, AdamWSettings(weight_decay=0.5)).step(np.zeros(3), 0.1)
    np.testing.assert_allclose(weights, 2.0 * (1 - 0.1 * 0.5))
