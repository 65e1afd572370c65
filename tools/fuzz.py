"""Fuzzes what reads users' files, guided by coverage: `make fuzz`, `python tools/fuzz.py TARGET`.

The tests do the same with Hypothesis for seconds; this goes on for minutes or hours. A target takes
bytes and has to end in findings or success. What makes it fail is written to `crash-…` in the
folder of inputs, and reported as libFuzzer does. Atheris is on Linux and macOS only, which is why
it is installed when asked for and not with the rest.
"""

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 23)


def main() -> None:
    """Fuzz one target for so many seconds."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--inputs", type=Path, default=ROOT / ".fuzz", help="kept between runs")
    arguments = parser.parse_args()

    import atheris  # pyright: ignore[reportMissingImports, reportMissingModuleSource]

    fuzzer: Any = atheris
    with fuzzer.instrument_imports(include=["jobs"]):
        make, seeds = TARGETS[arguments.target]
        target = make()
    folder = arguments.inputs / arguments.target
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds():
        for number, piece in enumerate(_pieces(seed.read_bytes())):
            (folder / f"seed-{seed.parent.name}-{seed.stem}-{number}").write_bytes(piece)
    flags = [f"-max_total_time={arguments.seconds}", "-timeout=10", "-rss_limit_mb=2048"]
    flags += ["-max_len=4096", f"-artifact_prefix={folder}/"]
    fuzzer.Setup([sys.argv[0], *flags, str(folder)], target)
    fuzzer.Fuzz()


def _pieces(data: bytes) -> list[bytes]:
    """A spec whole; of a data file a few lines at a time."""
    if len(data) < 4096:
        return [data]
    lines = data.splitlines(keepends=True)
    return [b"".join(lines[at : at + 2]) for at in range(0, min(len(lines), 40), 2)]


def _specs() -> Callable[[bytes], None]:
    from jobs.read.checks import check_story
    from jobs.spec.story import load_bytes

    def target(data: bytes) -> None:
        check_story(load_bytes(data, "spec.yaml"), on=TODAY)

    return target


def _data() -> Callable[[bytes], None]:
    from jobs.dataset.check import DataFile, check
    from jobs.dataset.fix import fix_file

    folder = Path(tempfile.mkdtemp(prefix="foundry-tune-fuzz-"))
    source, fixed = folder / "in.jsonl", folder / "out.jsonl"

    def target(data: bytes) -> None:
        source.write_bytes(data)
        fixed.unlink(missing_ok=True)
        check([DataFile(source)])
        fix_file(source, fixed, mask=True)
        found = check([DataFile(fixed)]).findings
        broken = {finding.rule for finding in found if finding.severity == "error"}
        # What is fixed may be empty, but what it holds can be trained on.
        assert not broken & {"FT-D003", "FT-D009", "FT-D010", "FT-D011", "FT-D012"}, broken

    return target


TARGETS: dict[str, tuple[Callable[[], Callable[[bytes], None]], Callable[[], list[Path]]]] = {
    "specs": (_specs, lambda: sorted((ROOT / "tests/data/specs").glob("*.yaml"))),
    "data": (_data, lambda: sorted((ROOT / "datasets").glob("*/test.jsonl"))),
}

if __name__ == "__main__":
    main()
