"""The search for near-duplicates against the lint of the same file."""

from pathlib import Path

from benchmarks.conversations import write_conversations
from benchmarks.measure import Result, ratio
from jobs.dataset.lint import Wish
from jobs.dataset.near import near_pairs
from jobs.dataset.parallel import lint_file
from jobs.dataset.repeats import repeats


def run(folder: Path) -> list[Result]:
    """With as many processes as lint: where there is nothing to find, and where there is."""
    return [
        Result("near-duplicates / lint", _measured(folder / "near.jsonl", 0), 3, "x"),
        Result(
            "the same, one line in ten an edited copy",
            _measured(folder / "edited.jsonl", 0.1),
            None,
            "x",
            note="each pair is compared word by word",
        ),
    ]


def _measured(path: Path, edited: float) -> float:
    write_conversations(path, 100_000, edited=edited)
    exact = [again for again, _ in repeats([lint_file(path, Wish())])]
    return ratio(
        lambda: near_pairs([path], exact=exact),
        lambda: repeats([lint_file(path, Wish())]),
        rounds=3,
    )
