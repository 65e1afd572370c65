"""Fine-tunes a causal language model from one configuration file.

python train.py --config train.yaml [--set model=/mnt/phi-3] [--set output=./outputs]
python train.py --config train.yaml --check      look at configuration and data; no torch needed
python train.py --fields | --schema              what a configuration may say

Exit codes: 0 done · 2 the command line · 3 configuration or data, each mistake with its place ·
4 this machine can't do it · 5 training stopped by itself, with the step · 143 it was told to stop
(SIGTERM), and the same command goes on.
"""

import argparse
import logging
import sys
from pathlib import Path

from tuning import config, fields, rows
from tuning.errors import MachineError, TrainingError


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and gives its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="YAML or JSON file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="overrides the file"
    )
    parser.add_argument("--check", action="store_true", help="check configuration and data only")
    parser.add_argument("--fields", action="store_true", help="print the fields as a table")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema")
    options = parser.parse_args(arguments)
    if options.fields or options.schema:
        print(fields.table() if options.fields else fields.schema())
        return 0
    if options.config is None:
        parser.error("--config FILE is missing")
    try:
        settings = config.read(options.config, options.set)
        if options.check:
            data = rows.read(settings)
            print(f"{options.config}: in order; {len(data.train)} rows to learn from")
            return 0
        # what bitsandbytes says on being imported is about kernels that only qlora asks for
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        _train(settings)
    except TrainingError as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _train(settings: config.Config) -> None:
    try:
        from tuning.run import train  # torch takes seconds to import, a typo should not
    except ModuleNotFoundError as error:
        raise MachineError(
            f"{error.name} is not installed where this runs: {sys.executable}. Install what "
            "requirements.lock beside train.py pins. foundry-tune's emulator runs jobs by a Python "
            "of the machine: `make demo-training` makes one that has it and rehearses with it, "
            "`foundry-emulator run --job-python PROGRAM` takes any other."
        ) from None
    train(settings)


if __name__ == "__main__":
    sys.exit(main())
