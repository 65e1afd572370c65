"""Cost: intervals, price rows, budgets, and nothing that pretends to be known."""

import json
from datetime import date
from pathlib import Path

import pytest

from jobs.catalog.catalog import catalog
from jobs.errors import BudgetError
from jobs.money.cost import JUDGE_TASK_CHARACTERS, Cost, hold
from jobs.money.price import Money
from jobs.proof import verdict
from jobs.proof.metrics import Question
from jobs.proof.scoring import Reply
from jobs.read.examine import examine
from jobs.spec.judge import Judge

TODAY = date(2026, 11, 23)
PRICES = (
    "prices: {training_per_million_tokens: 3, hosting_per_hour: 0.8, input_per_million_tokens: 0.1,"
    " output_per_million_tokens: 0.4, source: the portal, as_of: 2026-11-23}"
)


def story(folder: Path, budget: str = "", *, rows: int = 100, split: str = "") -> Path:
    words = "please restart the console and try again after that "
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"{number} {words * 3}"},
                    {"role": "assistant", "content": f"{words * 5}{number}"},
                ]
            }
        )
        for number in range(rows)
    ]
    (folder / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "valid.jsonl").write_text("\n".join(lines), encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(
        f"""\
type: finetuning
name: one
model: Phi-4-mini-instruct
training_data: train.jsonl
validation_data: {split or "valid.jsonl"}
hyperparameters: {{epochs: 2}}
{budget}
---
type: serverless_endpoint
name: one
model: ${{{{ finetuning.one.registered_model }}}}
smoke_tests: [{{prompt: Does it work?, max_tokens: 100}}]
""",
        encoding="utf-8",
    )
    return spec


def cost_of(spec: Path) -> tuple[Cost, ...]:
    return examine([spec], on=TODAY, near=False).costs


def test_training_is_tokens_times_epochs_times_price(tmp_path: Path) -> None:
    (cost,) = cost_of(story(tmp_path, f"budget: {{max_usd: 50, {PRICES}}}"))
    training = next(line for line in cost.lines if line.what == "training")
    tokens = examine([tmp_path / "spec.yaml"], on=TODAY).data["finetuning.one"].tokens("training")
    assert training.money.low == pytest.approx(tokens.low * 2 * 3 / 1e6)
    assert training.money.high == pytest.approx(tokens.high * 2 * 3 / 1e6)
    [price] = training.prices
    assert f"{tmp_path}/spec.yaml:7, as of 2026-11-23, from the portal" in price.words
    assert cost.verdict == "within"
    hold((cost,))


def test_what_is_held_out_is_not_trained_on(tmp_path: Path) -> None:
    whole = cost_of(story(tmp_path))[0].lines[0].money.low
    part = cost_of(story(tmp_path, split="{split: 0.25}"))[0].lines[0].money.low
    assert part == pytest.approx(whole * 0.75, rel=0.01)


def test_a_budget_covers_what_is_priced_and_names_what_is_not(tmp_path: Path) -> None:
    costs = cost_of(story(tmp_path, "budget: {max_usd: 50}"))
    assert costs[0].verdict == "within what is priced"
    assert "hosting" in costs[0].uncovered
    hold(costs)


def test_what_is_priced_over_the_budget_refuses_though_something_is_unknown(
    tmp_path: Path,
) -> None:
    priced = "prices: {training_per_million_tokens: 2, source: the portal, as_of: 2026-11-23}"
    (whole,) = cost_of(story(tmp_path, f"budget: {{max_usd: 50, {priced}}}"))
    training = whole.lines[0].money
    assert training.high is not None
    middle = (training.low + training.high) / 2
    costs = cost_of(story(tmp_path, f"budget: {{max_usd: {middle}, {priced}}}"))
    assert (costs[0].verdict, costs[0].total.high) == ("perhaps over", None)
    with pytest.raises(BudgetError) as refused:
        hold(costs)
    assert refused.value.rule == "FT-C013"


def test_an_unknown_price_refuses_a_budget_that_is_to_cover_everything(tmp_path: Path) -> None:
    costs = cost_of(story(tmp_path, "budget: {max_usd: 50, covers: everything}"))
    assert {line.what for line in costs[0].unknown} >= {"hosting", "training"}
    assert costs[0].total.high is None
    with pytest.raises(BudgetError) as refused:
        hold(costs)
    assert (refused.value.exit_code, refused.value.rule) == (5, "FT-C012")


def test_the_lower_end_over_the_budget_refuses_whatever_is_accepted(tmp_path: Path) -> None:
    costs = cost_of(story(tmp_path, "budget: {max_usd: 0.001}"))
    assert costs[0].verdict == "over"
    with pytest.raises(BudgetError) as refused:
        hold(costs)
    assert refused.value.rule == "FT-C013"


def test_an_interval_around_the_budget_refuses_too(tmp_path: Path) -> None:
    (cost,) = cost_of(story(tmp_path, f"budget: {{max_usd: 50, hosting_hours: 0, {PRICES}}}"))
    middle = (cost.total.low + (cost.total.high or 0)) / 2
    budget = f"budget: {{max_usd: {middle}, hosting_hours: 0, {PRICES}}}"
    costs = cost_of(story(tmp_path, budget))
    assert costs[0].verdict == "perhaps over"
    with pytest.raises(BudgetError):
        hold(costs)


def test_hosting_is_by_the_hour(tmp_path: Path) -> None:
    (cost,) = cost_of(story(tmp_path, f"budget: {{max_usd: 50, hosting_hours: 24, {PRICES}}}"))
    hosting = next(line for line in cost.lines if line.what == "hosting")
    assert (hosting.money.low, hosting.money.high) == pytest.approx((19.2, 19.2))


def test_unknown_has_no_upper_end_and_stays_so_in_a_sum() -> None:
    assert Money(1, 2) + Money(0.5, None) == Money(1.5, None)
    assert str(Money(0, None)) == "unknown"
    assert str(Money(1.5, None)) == "at least 1.50 USD"


def test_every_catalogue_row_has_a_source_that_is_listed_and_a_day() -> None:
    known = catalog()
    rows = [
        *known.models,
        *known.not_finetunable,
        *known.prices,
        *(part for m in known.models for part in (m.finetune, m.serve, m.context_tokens)),
        *(part for m in known.models for part in (m.learning_rate, m.batch_size)),
    ]
    assert {row.source for row in rows} <= set(known.sources)
    assert all(date(2024, 1, 1) < row.as_of < date(2027, 1, 1) for row in rows)


def test_successors_that_fine_tune_are_in_the_catalogue() -> None:
    phis = [model for model in catalog().models if model.name.startswith("Phi-3")]
    assert phis
    for model in phis:
        successor = catalog().model(model.successor or "")
        assert successor is not None
        assert successor.finetune.retired is None


def test_a_sweep_costs_a_line_a_trial_and_a_budget_holds_their_sum(tmp_path: Path) -> None:
    [alone] = cost_of(story(tmp_path, f"budget: {{max_usd: 50, {PRICES}}}"))
    one = alone.lines[0].money  # of two epochs
    grid = "sweep: {parameters: {epochs: [2, 4], learning_rate: [1e-5, 2e-5]}}\n"
    [cost] = cost_of(swept(tmp_path, f"{grid}budget: {{max_usd: 50, {PRICES}}}"))
    training = [line.money for line in cost.lines if line.what == "training"]
    assert [money.low / one.low for money in training] == pytest.approx([1, 2, 1, 2])
    assert cost.total.low == pytest.approx(alone.total.low + 5 * one.low)
    limit = (training[1].high or 0) * 1.5
    [over] = cost_of(swept(tmp_path, f"{grid}budget: {{max_usd: {limit}, {PRICES}}}"))
    with pytest.raises(BudgetError, match=r"Fewer trials or epochs"):
        hold((over,))


def test_halving_costs_what_all_its_rungs_cost_at_most(tmp_path: Path) -> None:
    [alone] = cost_of(story(tmp_path, f"budget: {{max_usd: 50, {PRICES}}}"))
    rates = "learning_rate: [1e-5, 2e-5, 3e-5, 4e-5]"
    sweep = f"sweep: {{method: halving, parameters: {{{rates}, epochs: [2, 4]}}}}\n"
    [cost] = cost_of(swept(tmp_path, f"{sweep}budget: {{max_usd: 50, {PRICES}}}"))
    training = [line for line in cost.lines if line.what == "training"]
    assert len(training) == 5
    assert training[-1].quantity.startswith("at most 2 jobs: ")
    low = sum(line.money.low for line in training)
    assert low == pytest.approx((4 * 1 + 2 * 2) * alone.lines[0].money.low)


def swept(folder: Path, more: str) -> Path:
    """The story without hyperparameters of its own."""
    spec = story(folder, more)
    text = spec.read_text(encoding="utf-8").replace("hyperparameters: {epochs: 2}\n", "")
    spec.write_text(text, encoding="utf-8")
    return spec


def test_whoever_is_compared_with_is_asked_the_same_and_costs_the_same_way(tmp_path: Path) -> None:
    spec = story(tmp_path)
    text = """\
---
type: serverless_endpoint
name: base
model: Phi-4-mini-instruct
---
type: evaluation
name: held-out
endpoint: ${{ serverless_endpoint.one }}
data: valid.jsonl
base: base
compare_with: [served, base]
"""
    spec.write_text(spec.read_text(encoding="utf-8") + text, encoding="utf-8")
    asked = {
        cost.reference: [line for line in cost.lines if line.what == "evaluation"]
        for cost in cost_of(spec)
    }
    ((ours,), (theirs,)) = (asked["finetuning.one"], asked["serverless_endpoint.base"])
    assert ours.quantity == theirs.quantity
    assert "100 – 25,600 written" in ours.quantity


def test_a_judge_costs_what_it_reads_and_writes_for_each_answer_of_each_model(
    tmp_path: Path,
) -> None:
    spec = story(tmp_path)
    (tmp_path / "rubric.md").write_text("5: right\n" * 100, encoding="utf-8")
    text = """\
---
type: serverless_endpoint
name: judge
model: Phi-4
---
type: evaluation
name: held-out
endpoint: ${{ serverless_endpoint.one }}
data: valid.jsonl
compare_with: [served]
metrics: [{judge: {endpoint: judge, rubric: rubric.md, repeats: 3, max_tokens: 50}}]
"""
    spec.write_text(spec.read_text(encoding="utf-8") + text, encoding="utf-8")
    costs = {cost.reference: cost for cost in cost_of(spec)}
    [line] = [one for one in costs["serverless_endpoint.judge"].lines if one.what == "judge"]
    rows = 100
    assert line.quantity.startswith(f"{2 * 3 * rows:,} verdicts: ")
    assert f"{2 * 3 * rows:,} – {2 * 2 * 3 * rows * 50:,} written" in line.quantity
    assert line.money.high is not None
    assert not [one for one in costs["finetuning.one"].lines if one.what == "judge"]


def test_what_a_judge_is_told_is_no_longer_than_its_cost_says() -> None:
    spec = Judge(endpoint="judge", rubric="rubric.md", scale=(-100, 100))
    messages = verdict.asked(spec, "", Question([], "", {}), Reply(text=""))
    assert sum(len(str(message["content"])) for message in messages) <= JUDGE_TASK_CHARACTERS
