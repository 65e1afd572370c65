"""What is wrong with a `sweep:`, beyond its shape: what makes no trials, or too many."""

from collections.abc import Iterator, Sequence
from math import prod

from jobs.catalog.objections import range_objection
from jobs.findings import Finding
from jobs.spec.models import FineTuning, Hyperparameters
from jobs.spec.reader import Path
from jobs.spec.shape import fit
from jobs.spec.story import Chapter
from jobs.spec.sweep import MOST_TRIALS, Sweep, SweepRange
from jobs.spec.trials import SAME_WORDS, candidates, rungs, swept

_PARAMETERS: Path = ("sweep", "parameters")


def sweep_findings(chapter: Chapter, spec: FineTuning, sweep: Sweep) -> Iterator[Finding]:
    """Everything that keeps a sweep from being made into trials that can be compared."""
    if spec.validation_data is None:
        message = (
            f"the best is chosen by {sweep.metric}, and there is no validation_data. Write "
            "validation_data: {split: 0.2}, or name a file."
        )
        yield chapter.finding("FT-S051", ("sweep",), message, at_key=True)
    found = [*_twice(chapter, spec, sweep), *_method(chapter, sweep), *_values(chapter, sweep)]
    yield from found or _count(chapter, sweep)
    for path, name, value in _written(sweep):
        if objection := range_objection(spec.model_path, name, value):
            yield chapter.finding(objection.rule, path, objection.message)


def _twice(chapter: Chapter, spec: FineTuning, sweep: Sweep) -> Iterator[Finding]:
    for name in swept(sweep):
        for word in SAME_WORDS[name]:
            if getattr(spec.hyperparameters, word) is not None:
                message = f"says the same as 'sweep.parameters.{name}'. Keep one of them."
                yield chapter.finding("FT-S016", ("hyperparameters", word), message, at_key=True)


# ── the method ──────────────────────────────────────────────────────────────────────────────────


def _method(chapter: Chapter, sweep: Sweep) -> Iterator[Finding]:
    def wrong(path: Path, message: str) -> Finding:
        return chapter.finding("FT-S049", path, message, at_key=True)

    if not swept(sweep):
        yield wrong(_PARAMETERS, f"nothing differs. Name one of: {', '.join(SAME_WORDS)}.")
    if sweep.method == "grid" and sweep.trials is not None:
        yield wrong(("sweep", "trials"), "a grid has every combination. Remove it.")
    if sweep.method == "random" and sweep.trials is None:
        yield wrong(("sweep", "method"), "random needs to know how many. Write trials: 10.")
    if sweep.method != "halving" and sweep.factor is not None:
        yield wrong(("sweep", "factor"), "only halving has a factor. Remove it.")
    draws = sweep.trials is not None
    for name in swept(sweep):
        is_range = isinstance(getattr(sweep.parameters, name), SweepRange)
        path = (*_PARAMETERS, name)
        if is_range and sweep.method == "grid":
            yield wrong(path, "a grid takes a list. Write its values, or method: random.")
        elif is_range and sweep.method == "halving" and name == "epochs":
            yield wrong(path, "the rungs of halving are a list. Write epochs: [1, 2, 4].")
        elif is_range and sweep.method == "halving" and not draws:
            yield wrong(path, "a range is drawn from; how often? Write trials: 8.")
    if sweep.method == "halving":
        yield from _halving(chapter, sweep)


def _halving(chapter: Chapter, sweep: Sweep) -> Iterator[Finding]:
    epochs = sweep.parameters.epochs
    if epochs is None:
        message = "halving needs the epochs of its rungs. Write epochs: [1, 2, 4]."
        yield chapter.finding("FT-S049", _PARAMETERS, message, at_key=True)
        return
    if swept(sweep) == ["epochs"]:
        message = "halving keeps the best of several: name learning_rate, batch_size_multiplier."
        yield chapter.finding("FT-S049", _PARAMETERS, message, at_key=True)
    if isinstance(epochs, SweepRange):
        return
    if len(epochs) < 2 or list(epochs) != sorted(set(epochs)):
        message = "the rungs of halving are two or more, each longer than the one before."
        yield chapter.finding("FT-S049", (*_PARAMETERS, "epochs"), message)


# ── the values ──────────────────────────────────────────────────────────────────────────────────


def _values(chapter: Chapter, sweep: Sweep) -> Iterator[Finding]:
    for name in swept(sweep):
        path = (*_PARAMETERS, name)
        written = getattr(sweep.parameters, name)
        if isinstance(written, SweepRange):
            yield from _range(chapter, name, written)
            continue
        if not written:
            yield chapter.finding("FT-S049", path, "an empty list tries nothing. Write values.")
        for index, value in enumerate(written):
            if value in written[:index] and not _is_rungs(sweep, name):
                message = f"{value:g} is there already; a trial is paid once, and tried once."
                yield chapter.finding("FT-S049", (*path, index), message)


def _is_rungs(sweep: Sweep, name: str) -> bool:
    return sweep.method == "halving" and name == "epochs"


def _range(chapter: Chapter, name: str, written: SweepRange) -> Iterator[Finding]:
    path = (*_PARAMETERS, name)
    misfits = [
        chapter.finding(misfit.rule, (*path, end), misfit.message)
        for end in ("min", "max")
        for misfit in fit({name: getattr(written, end)}, Hyperparameters)[1]
    ]
    yield from misfits
    if not misfits and written.min > written.max:
        message = f"min {written.min:g} is more than max {written.max:g}. Turn them round."
        yield chapter.finding("FT-S049", (*path, "min"), message)


# ── how many ────────────────────────────────────────────────────────────────────────────────────


def _count(chapter: Chapter, sweep: Sweep) -> Iterator[Finding]:
    """Held only where everything else is right: then there are trials to count."""
    found, stages = len(candidates(sweep)), rungs(sweep)
    if sweep.trials is not None and found < sweep.trials:
        message = f"only {found} different trials are there to be drawn. Write trials: {found}."
        yield chapter.finding("FT-S049", ("sweep", "trials"), message)
    total = sum(rung.trials for rung in stages)
    if found > MOST_TRIALS:
        lists: list[Sequence[float]] = [
            getattr(sweep.parameters, name) for name in swept(sweep) if not _is_rungs(sweep, name)
        ]
        message = f"{prod(map(len, lists)):,} combinations; at most {MOST_TRIALS} trials."
        yield chapter.finding("FT-S050", _PARAMETERS, message, at_key=True)
    elif total > MOST_TRIALS:
        message = f"{total} trials in all its rungs; at most {MOST_TRIALS}."
        yield chapter.finding("FT-S050", _PARAMETERS, message, at_key=True)
    alone = next((index for index, rung in enumerate(stages[:-1]) if rung.trials == 1), None)
    if alone is not None:
        message = f"a single trial is left in rung {alone + 1}, so there is nothing to halve after."
        yield chapter.finding("FT-S049", (*_PARAMETERS, "epochs", alone + 1), message)


def _written(sweep: Sweep) -> Iterator[tuple[Path, str, float]]:
    """Each value that is written, and where: those of lists, and both ends of ranges."""
    for name in swept(sweep):
        written, path = getattr(sweep.parameters, name), (*_PARAMETERS, name)
        if isinstance(written, SweepRange):
            yield (*path, "min"), name, written.min
            yield (*path, "max"), name, written.max
        else:
            yield from (((*path, index), name, value) for index, value in enumerate(written))
