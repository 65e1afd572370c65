"""What a story would cost, as far as anybody knows: intervals, and every price with its source.

Money that can't be known has no upper end; it is never taken for nothing. Training is tokens times
epochs times price, as Azure's cost guide has it (queueing and failed jobs are not charged); a
fine-tuned model that is served is billed by the hour, asked or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.errors import BudgetError
from jobs.money.price import NOTHING, Money, Pricing, UnitPrice, instance_price, usd
from jobs.spec.budget import Budget
from jobs.spec.command import Command
from jobs.spec.ids import is_of_project
from jobs.spec.judge import Judge
from jobs.spec.models import Evaluation, FineTuning, ServerlessEndpoint
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.prices import TeamPrices
from jobs.spec.references import parse
from jobs.spec.story import Chapter, Story
from jobs.spec.training import TrainingJob
from jobs.spec.trials import Rung, candidates, rungs, trial, words
from jobs.terminal.findings import joined

if TYPE_CHECKING:
    from jobs.dataset.check import Checked

Verdict = Literal["no budget", "within", "within what is priced", "over", "perhaps over", "unknown"]
SAFETY_PROBES = 5
"""Probes of the content filter that `apply` asks an endpoint (`jobs/spec/probes.yaml`)."""
COMPUTING = "computing"
"""What the cost of a command job's machines is called."""
PROBE_TOKENS = (8, 300)
"""What one probe reads and writes: refused unread at best, answered in full at worst."""

JUDGE_TASK_CHARACTERS = 700
"""What a judge is told beside the rubric and what it grades (`jobs/proof/verdict.py`)."""


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that costs."""

    what: str
    """`training`, `hosting`, `smoke tests and probes`, `evaluation`, `judge`, `computing`."""
    reference: str
    """The document that asks for it."""
    quantity: str
    """How much of it: `94,000 – 118,000 tokens (3 epochs)`, `24 hours`."""
    prices: tuple[UnitPrice, ...]
    """What it rests on, each with its source and day, or that there is none."""
    money: Money


@dataclass(frozen=True, slots=True)
class Cost:
    """What one fine-tuning costs, with what is made of it; a command job, or an endpoint alone."""

    reference: str
    lines: tuple[CostLine, ...]
    budget: Budget | None

    @property
    def prices(self) -> tuple[UnitPrice, ...]:
        """The prices that all lines rest on, each once."""
        return tuple(dict.fromkeys(price for line in self.lines for price in line.prices))

    @property
    def total(self) -> Money:
        """All lines together."""
        total = NOTHING
        for line in self.lines:
            total += line.money
        return total

    @property
    def unknown(self) -> tuple[CostLine, ...]:
        """The lines that no upper end is known for."""
        return tuple(line for line in self.lines if line.money.high is None)

    @property
    def verdict(self) -> Verdict:
        """How the total stands to the budget."""
        if self.budget is None:
            return "no budget"
        if self.total.low > self.budget.max_usd:
            return "over"
        if self.priced > self.budget.max_usd:
            return "perhaps over"
        if not self.unknown:
            return "within"
        return "within what is priced" if self.budget.covers == "priced" else "unknown"

    @property
    def priced(self) -> float:
        """What it costs at most, as far as an upper end is known, in US dollars."""
        ends = (
            line.money.low if line.money.high is None else line.money.high for line in self.lines
        )
        return sum(ends)

    @property
    def uncovered(self) -> str:
        """What a budget doesn't cover, in words; empty where there is none, or it covers all."""
        if self.budget is None or not self.unknown:
            return ""
        return joined(list(dict.fromkeys(line.what for line in self.unknown)))


def estimate(
    story: Story, data: "Mapping[str, Checked]", team: Mapping[str, TeamPrices]
) -> tuple[Cost, ...]:
    """What each job of a story costs, and each endpoint of a model from elsewhere.

    By the document's reference: `data` is what was counted in its files, `team` the price list
    that counts for it.
    """
    costs: list[Cost] = []
    claimed: set[str] = set()
    for chapter in story.chapters:
        spec = chapter.spec
        if isinstance(spec, FineTuning):
            pricing = Pricing(chapter, spec.model_path, True, team.get(chapter.reference))
            lines = _trainings(spec, pricing, data.get(chapter.reference))
            for served in _served_from(story, chapter):
                claimed.add(served.reference)
                lines += _serving(story, served, pricing, spec.budget, data)
            costs.append(Cost(chapter.reference, tuple(lines), spec.budget))
        elif isinstance(spec, OnlineEndpoint):
            line = machines_cost(chapter, spec, team.get(chapter.reference))
            costs.append(Cost(chapter.reference, (line,), spec.budget))
        elif isinstance(spec, Command | TrainingJob):
            line = computing_cost(chapter, spec, team.get(chapter.reference))
            costs.append(Cost(chapter.reference, (line,), spec.budget))
    for chapter in story.chapters:
        spec = chapter.spec
        if isinstance(spec, ServerlessEndpoint) and chapter.reference not in claimed:
            tuned = is_of_project(spec.model_path)
            pricing = Pricing(chapter, spec.model_path, tuned, team.get(chapter.reference))
            lines = _serving(story, chapter, pricing, spec.budget, data)
            costs.append(Cost(chapter.reference, tuple(lines), spec.budget))
    return tuple(costs)


def hold(costs: tuple[Cost, ...]) -> None:
    """Hold the costs to their budgets, as far as they are known.

    Raises:
        BudgetError: One is over or may be over; or it is to cover everything, and something has
            no upper end that anybody knows.
    """
    for cost in costs:
        budget = cost.budget
        if budget is None or cost.verdict.startswith("within"):
            continue
        limit = f"the budget of {usd(budget.max_usd)} USD"
        if cost.verdict == "over":
            raise BudgetError(
                f"{cost.reference} costs {cost.total}, more than {limit}.",
                next_step=f"{_what_counts(cost)}, or a larger budget.max_usd.",
                rule="FT-C013",
            )
        if cost.verdict == "perhaps over":
            raise BudgetError(
                f"{cost.reference} may cost {usd(cost.priced)} USD; {limit} is less.",
                next_step=f"{_what_narrows(cost)}, or raise budget.max_usd.",
                rule="FT-C013",
            )
        raise BudgetError(
            f"{cost.reference}: no upper end is known for {cost.uncovered}, and {limit} is to "
            "cover everything.",
            next_step=f"{_what_is_missing(cost)}, or say budget.covers: priced.",
            rule="FT-C012",
        )


def _what_counts(cost: Cost) -> str:
    if _computes(cost):
        return "A shorter limits.timeout, fewer or cheaper machines"
    if all(line.what == "hosting" for line in cost.lines):
        return "Fewer or cheaper machines, or budget.hosting_hours that fit"
    trials = sum(line.what == "training" for line in cost.lines)
    return f"Fewer {'trials or epochs' if trials > 1 else 'epochs'}, less data"


def _what_narrows(cost: Cost) -> str:
    if _computes(cost):
        return "Write a shorter limits.timeout"
    return "Name the model's tokenizer (tokenizer: tokenizer.json) to know exactly"


def _what_is_missing(cost: Cost) -> str:
    priced = all(price.usd is not None for line in cost.unknown for price in line.prices)
    if _computes(cost) and priced:
        return "Write limits.timeout, after which Azure ends the job"
    return "Write the price you know into prices.yaml or budget.prices"


def _computes(cost: Cost) -> bool:
    return any(line.what == COMPUTING for line in cost.lines)


# ── the lines ───────────────────────────────────────────────────────────────────────────────────


def _trainings(spec: FineTuning, pricing: Pricing, data: "Checked | None") -> list[CostLine]:
    """What a document's job costs; for a sweep a line a trial, and one a rung not known before."""
    if spec.sweep is None:
        return [training_cost(spec, pricing, data)]
    first, *later = rungs(spec.sweep)
    return [
        *(
            training_cost(trial(spec, values, first), pricing, data, which=f"{words(values)}: ")
            for values in candidates(spec.sweep)
        ),
        *(rung_cost(spec, rung, pricing, data) for rung in later),
    ]


def rung_cost(spec: FineTuning, rung: Rung, pricing: Pricing, data: "Checked | None") -> CostLine:
    """What a later rung of a sweep costs at most: its trials differ in nothing that costs."""
    jobs = f"{rung.trials} job" + ("s" if rung.trials != 1 else "")
    which = f"at most {jobs}: "
    return training_cost(trial(spec, {}, rung), pricing, data, jobs=rung.trials, which=which)


def training_cost(
    spec: FineTuning,
    pricing: Pricing,
    data: "Checked | None",
    *,
    jobs: int = 1,
    which: str = "",
) -> CostLine:
    """What one job costs, or several that are alike."""
    price = pricing.unit("training")
    epochs = f"{spec.epochs} epoch" + ("s" if spec.epochs != 1 else "")
    if data is None or not data.of("training"):
        quantity = f"{which}unknown tokens ({spec.training_path} is not read here), {epochs}"
        return CostLine("training", spec.reference, quantity, (price,), Money(0.0, None))
    tokens = data.tokens("training")
    share = 1.0
    if spec.validation_path is None:
        # The service splits off the last fifth itself where the spec says nothing.
        share = 1 - ((spec.split.split or 0) if spec.split else 0.2)
    times = spec.epochs * jobs
    low, high = int(tokens.low * share) * times, int(tokens.high * share) * times
    quantity = f"{which}{_span(low, high)} tokens ({epochs}; {tokens.basis})"
    return CostLine("training", spec.reference, quantity, (price,), price.times(low, high))


def computing_cost(
    chapter: Chapter, spec: Command | TrainingJob, team: TeamPrices | None
) -> CostLine:
    """What a command job costs at most: its machines for as long as it may take."""
    resources = spec.resources
    machine = spec.compute_name or (resources.instance_type if resources else None) or ""
    price = instance_price(chapter, machine, team)
    count = (resources.instance_count if resources else None) or 1
    timeout = spec.limits.timeout if spec.limits else None
    machines = f"{count} x {machine or 'a machine that Azure chooses'}"
    if timeout is None:
        quantity = f"{machines}, for as long as it takes: no limits.timeout"
        return CostLine(COMPUTING, chapter.reference, quantity, (price,), Money(0.0, None))
    hours = count * timeout / 3600
    quantity = f"{machines}, at most {timeout / 3600:.2g} h each"
    return CostLine(COMPUTING, chapter.reference, quantity, (price,), price.times(0, hours, per=1))


def machines_cost(chapter: Chapter, spec: OnlineEndpoint, team: TeamPrices | None) -> CostLine:
    """What an online endpoint costs for the hours of its budget: it goes on until taken down.

    While a revision is proven beside the one that serves, both cost.
    """
    price = instance_price(chapter, spec.instance_type, team)
    hours = spec.budget.hosting_hours if spec.budget else 1.0
    amount = f"{hours:g} hour" + ("s" if hours != 1 else "")
    quantity = f"{spec.instance_count} x {spec.instance_type}, {amount}"
    count = hours * spec.instance_count
    return CostLine(
        "hosting", chapter.reference, quantity, (price,), price.times(count, count, per=1)
    )


def _serving(
    story: Story,
    chapter: Chapter,
    pricing: Pricing,
    budget: Budget | None,
    data: "Mapping[str, Checked]",
) -> list[CostLine]:
    spec = chapter.spec
    assert isinstance(spec, ServerlessEndpoint)
    lines: list[CostLine] = []
    if pricing.is_tuned:  # a model of the catalogue is billed by its tokens alone
        hours = budget.hosting_hours if budget else 1.0
        price = pricing.unit("hosting")
        amount = f"{hours:g} hour" + ("s" if hours != 1 else "")
        money = price.times(hours, hours, per=1)
        lines.append(CostLine("hosting", chapter.reference, amount, (price,), money))
    asked = _asked(spec)
    lines.append(_inference("smoke tests and probes", chapter.reference, pricing, *asked))
    for other in story.chapters:
        evaluation = other.spec
        if isinstance(evaluation, Evaluation) and _asks(evaluation, chapter):
            # Its test file was read with the training's, where there is one.
            checked = data.get(_owner(story, other)) or data.get(other.reference)
            if checked is None or not checked.of("test"):
                continue
            tokens = checked.tokens("test")
            rows = checked.conversations("test")
            # Every question is read, and at most max_tokens are written for it.
            written = (rows, rows * evaluation.max_tokens)
            lines.append(
                _inference("evaluation", other.reference, pricing, (0, tokens.high), written)
            )
    for other in story.chapters:
        judge = other.spec.judge if isinstance(other.spec, Evaluation) else None
        if judge and _refers_to(judge.endpoint, chapter):
            checked = data.get(_owner(story, other)) or data.get(other.reference)
            if checked is not None and checked.of("test"):
                lines.append(_judging(other, judge, pricing, checked))
    return lines


def _judging(evaluation: Chapter, judge: Judge, pricing: Pricing, checked: "Checked") -> CostLine:
    """What a judge reads and writes: for each answer of each model the rubric and the answer."""
    spec, rows = evaluation.spec, checked.conversations("test")
    assert isinstance(spec, Evaluation)
    answers = (1 + len(spec.compare_with)) * judge.repeats
    rubric = _size(evaluation.local_path(judge.rubric))
    each = rubric + JUDGE_TASK_CHARACTERS
    read = checked.tokens("test").high + rows * (each + spec.max_tokens)
    # Twice at most: a verdict without a score is asked for once more.
    reads = (answers * rows * (each // 6), 2 * answers * read)
    writes = (answers * rows, 2 * answers * rows * judge.max_tokens)
    line = _inference("judge", evaluation.reference, pricing, reads, writes)
    return replace(line, quantity=f"{answers * rows:,} verdicts: {line.quantity}")


def _size(path: Path | None) -> int:
    """A file's size; 0 where it can't be read, which its own rule tells."""
    try:
        return path.stat().st_size if path else 0
    except OSError:
        return 0


def _asks(evaluation: Evaluation, endpoint: Chapter) -> bool:
    """Whether it asks this endpoint: what it measures, or what that is compared with."""
    words = {"base": evaluation.base or "", "served": ""}
    others = [words.get(word, word) for word in evaluation.compare_with]
    return any(_refers_to(written, endpoint) for written in (evaluation.endpoint, *others))


def _owner(story: Story, evaluation: Chapter) -> str:
    """The fine-tuning whose model is measured: its files and the questions are counted together."""
    assert isinstance(evaluation.spec, Evaluation)
    measured = [c for c in story.chapters if _refers_to(evaluation.spec.endpoint, c)]
    models = [c.spec.model_path for c in measured if isinstance(c.spec, ServerlessEndpoint)]
    trained = next((parse(model) for model in models if parse(model)), None)
    return trained.target if trained else evaluation.reference


def _inference(
    what: str, reference: str, pricing: Pricing, reads: tuple[int, int], writes: tuple[int, int]
) -> CostLine:
    read, write = pricing.unit("input"), pricing.unit("output")
    quantity = f"{_span(*reads)} tokens read, {_span(*writes)} written"
    money = read.times(*reads) + write.times(*writes)
    return CostLine(what, reference, quantity, (read, write), money)


def _asked(spec: ServerlessEndpoint) -> tuple[tuple[int, int], tuple[int, int]]:
    """The tokens that smoke tests and the filter's probes read and write."""
    characters = sum(
        len(test.prompt or "") + sum(len(m.content) for m in test.messages or ())
        for test in spec.smoke_tests
    )
    limits = sum(test.max_tokens for test in spec.smoke_tests)
    probes = SAFETY_PROBES if spec.is_filtered else 0
    low, high = PROBE_TOKENS
    # A token is at most one byte and in no script less than a sixth of a character.
    reads = (characters // 6 + probes * low, characters * 4 + probes * high)
    return reads, (len(spec.smoke_tests), limits + probes * high)


def _served_from(story: Story, trained: Chapter) -> list[Chapter]:
    return [
        chapter
        for chapter in story.chapters
        if isinstance(chapter.spec, ServerlessEndpoint)
        and _refers_to(chapter.spec.model_path, trained)
    ]


def _refers_to(written: str, chapter: Chapter) -> bool:
    reference = parse(written)
    if reference is None:
        return written == chapter.spec.name
    return reference.target == chapter.reference


def _span(low: float, high: float) -> str:
    return f"{low:,.0f}" if low == high else f"{low:,.0f} – {high:,.0f}"
