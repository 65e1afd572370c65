"""Two models on the same questions: what is told of them, and what a gate makes of it."""

import numpy as np
import pytest

from jobs.errors import InvalidInputError
from jobs.proof.compare import compare, compare_slices
from jobs.proof.evidence import log_capital, lower_bound, spent
from jobs.proof.promotion import Decision, decide
from jobs.proof.slices import slices
from jobs.spec.gates import RelativeGate, read_gate

PAIRS = 10_000


def relative(text: str) -> RelativeGate:
    gate = read_gate("token_f1", text, ("served", "base"))
    assert isinstance(gate, RelativeGate), gate
    return gate


def scores(count: int, mean: float, seed: int) -> list[float]:
    return np.random.default_rng(seed).beta(4 * mean, 4 * (1 - mean), size=count).tolist()


# ── the comparison ──────────────────────────────────────────────────────────────────────────────


def test_a_clear_difference_is_better_one_way_and_worse_the_other() -> None:
    ours, theirs = scores(200, 0.7, 1), scores(200, 0.5, 2)
    up, down = compare(ours, theirs), compare(theirs, ours)
    assert (up.word, down.word) == ("better", "worse")
    assert up.low < up.mean < up.high
    assert up.mean == pytest.approx(-down.mean)


def test_the_same_answers_and_few_questions_tell_nothing() -> None:
    same = scores(50, 0.5, 1)
    assert compare(same, same).word == "can't tell"
    assert compare([1, 1, 1], [0, 0, 0]).word == "can't tell"


def test_a_comparison_says_the_same_each_time() -> None:
    ours, theirs = scores(60, 0.6, 1), scores(60, 0.5, 2)
    assert compare(ours, theirs) == compare(ours, theirs)
    assert compare(ours, theirs, seed=7).low != compare(ours, theirs).low


def test_the_detectable_difference_is_found_in_eight_of_ten_tries() -> None:
    random = np.random.default_rng(5)
    spread = random.normal(0, 0.2, size=(1_000, 120))
    detectable = 2.8016 * 0.2 / 120**0.5
    means = (spread + detectable).mean(axis=1)
    errors = spread.std(axis=1, ddof=1) / 120**0.5
    assert (means - 1.96 * errors > 0).mean() == pytest.approx(0.8, abs=0.04)
    told = compare((0.5 + spread[0]).clip(0, 1).tolist(), [0.5] * 120).detectable
    assert told == pytest.approx(detectable, rel=0.15)


def test_each_slice_has_a_difference_of_its_own_and_the_largest_comes_first() -> None:
    slices = ["nepali"] * 40 + ["english"] * 60
    ours = scores(40, 0.3, 1) + scores(60, 0.8, 2)
    theirs = scores(40, 0.7, 3) + scores(60, 0.5, 4)
    found = compare_slices(ours, theirs, slices)
    assert [(name, d.word, d.questions) for name, d in found.items()] == [
        ("english", "better", 60),
        ("nepali", "worse", 40),
    ]


ROWS = [
    {"messages": [{"role": role, "content": text} for role, text in turns], **fields}
    for turns, fields in [
        ([("system", "Be kind."), ("user", "Hi"), ("assistant", "yes")], {"tier": 1}),
        ([("user", "नमस्ते साथी"), ("assistant", "no")], {}),
        ([("user", "A longer question, in English"), ("assistant", "yes")], {"tier": "gold"}),
    ]
]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("system", ["Be kind.", "(none)", "(none)"]),
        ("language", ["latin", "devanagari", "latin"]),
        ("label", ["yes", "no", "yes"]),
        ("length", ["short", "medium", "long"]),
        ("tier", ["1", "(none)", "gold"]),
    ],
)
def test_questions_are_cut_by_what_they_hold(by: str, names: list[str]) -> None:
    assert slices(ROWS, by) == names


def test_a_slice_that_no_row_has_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Did you mean 'tier'"):
        slices(ROWS, "teir")


def test_what_cant_be_paired_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="same questions"):
        compare([0.5], [0.5, 0.5])
    with pytest.raises(InvalidInputError, match="no question"):
        compare([], [])
    with pytest.raises(InvalidInputError, match="outside"):
        compare([3.0], [0.5])


# ── gates ───────────────────────────────────────────────────────────────────────────────────────


def test_relative_gates_are_read_in_every_spelling() -> None:
    assert str(relative(">= served - 0.02")) == "token_f1 >= served - 0.02"
    assert str(relative(">base")) == "token_f1 > base"
    assert relative("> base + 5 %").needed == pytest.approx(0.05)
    assert relative("<= served + 0.02").needed == pytest.approx(-0.02)


@pytest.mark.parametrize("text", ["== served", "> served + 1", "> serve"])
def test_a_relative_gate_that_means_nothing_is_refused(text: str) -> None:
    assert isinstance(read_gate("token_f1", text, ("served",)), str)


def test_a_much_better_model_is_promoted_and_a_worse_one_is_not() -> None:
    better, worse = scores(200, 0.7, 1), scores(200, 0.5, 2)
    up = decide(relative("> served"), better, worse)
    assert up.promoted
    assert 0 < up.bound < up.difference
    assert not decide(relative("> served"), worse, better).promoted
    assert decide(relative("< served"), worse, better).promoted


def test_an_equal_model_passes_a_gate_that_allows_a_loss_where_questions_suffice() -> None:
    same = scores(400, 0.6, 1)
    near = (np.array(same) + np.random.default_rng(2).normal(0, 0.05, 400)).clip(0, 1).tolist()
    assert decide(relative(">= served - 0.02"), near, same).promoted
    assert not decide(relative("> served"), near, same).promoted


def test_the_same_answers_again_are_the_same_decision() -> None:
    ours, theirs = scores(80, 0.65, 1), scores(80, 0.5, 2)
    first: Decision = decide(relative("> served"), ours, theirs)
    again = decide(relative("> served"), ours[::-1], theirs[::-1])
    assert again.promoted == first.promoted
    assert again.bound == pytest.approx(first.bound)


def test_all_looks_together_spend_the_error_rate_and_no_more() -> None:
    assert sum(spent(0.05, look) for look in range(1, 10_000)) < 0.05
    with pytest.raises(InvalidInputError):
        spent(0.05, 0)


def test_a_gates_detectable_difference_is_promoted_in_about_eight_of_ten_tries() -> None:
    random = np.random.default_rng(9)
    spread = random.uniform(-0.4, 0.4, size=(2_000, 150))
    told = decide(relative("> base"), (0.5 + spread[0]).tolist(), [0.5] * 150).detectable
    promoted = log_capital(spread + told, 0, floor=-1) >= np.log(20)
    assert promoted.mean() == pytest.approx(0.8, abs=0.1)


# ── the error rate, in simulated pairs without a difference ─────────────────────────────────────


def without_difference(kind: str, questions: int, seed: int) -> np.ndarray:
    """Differences of two equally good models, of shape (PAIRS, questions), true mean 0."""
    random = np.random.default_rng(seed)
    shape = (PAIRS, questions)
    if kind == "exact_match":
        return random.binomial(1, 0.6, shape) - random.binomial(1, 0.6, shape).astype(float)
    if kind == "token_f1":
        return random.beta(2, 1, shape) - random.beta(2, 1, shape)
    # Mostly a little better, seldom much worse: where intervals by the normal law are wrong.
    return np.where(random.random(shape) < 0.02, -0.98, 0.02)


@pytest.mark.parametrize("kind", ["exact_match", "token_f1", "skewed"])
@pytest.mark.parametrize("questions", [20, 100])
def test_a_model_that_is_no_better_is_promoted_within_the_error_rate(
    kind: str, questions: int
) -> None:
    pairs = without_difference(kind, questions, seed=questions)
    assert (log_capital(pairs, 0, floor=-1) >= -np.log(0.05)).mean() <= 0.05


@pytest.mark.parametrize("kind", ["exact_match", "token_f1", "skewed"])
def test_who_looks_after_every_ten_questions_promotes_no_oftener(kind: str) -> None:
    pairs = without_difference(kind, 100, seed=3)
    promoted = np.zeros(PAIRS, dtype=bool)
    for seen in range(10, 101, 10):
        promoted |= log_capital(pairs[:, :seen], 0, floor=-1) >= -np.log(0.05)
    assert promoted.mean() <= 0.05


def test_ten_revisions_against_the_same_questions_promote_no_oftener() -> None:
    random = np.random.default_rng(4)
    served = random.beta(2, 1, (PAIRS, 60))
    promoted = np.zeros(PAIRS, dtype=bool)
    for look in range(1, 11):
        differences = random.beta(2, 1, (PAIRS, 60)) - served
        promoted |= log_capital(differences, 0, floor=-1) >= -np.log(spent(0.05, look))
    assert promoted.mean() <= 0.05


def test_what_the_gate_asks_is_what_the_simulations_ask() -> None:
    pairs = without_difference("exact_match", 40, seed=11)[:50] + 0.0
    for row in pairs:
        opens = lower_bound(row.tolist(), 0.05, floor=-1) > 0
        assert opens == bool(log_capital(row, 0, floor=-1) >= -np.log(0.05))
