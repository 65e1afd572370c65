"""The search for near-duplicates against the lint of the same file."""

from pathlib import Path

from benchmarks.conversations import write_conversations
from benchmarks.measure import Result, ratio
from jobs.dataset.lint import Wish
from jobs.dataset.near import near_pairs
from jobs.dataset.parallel import lint_file
from jobs.dataset.repeats import repeats


def run(folder: Path) -> list[Result]:
    """One figure: both with the same number of processes."""
    path = write_conversations(folder / "near.jsonl", 100_000)
    exact = [again for again, _ in repeats([lint_file(path, Wish())])]
    measured = ratio(
        lambda: near_pairs([path], exact=exact),
        lambda: repeats([lint_file(path, Wish())]),
        rounds=3,
    )
    return [Result("near-duplicates / lint", measured, 3, "x")]
