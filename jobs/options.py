"""Command-line options that several verbs share, so that they mean the same everywhere."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from datetime import date


def add_output(parser: ArgumentParser, choices: Sequence[str] = ("table", "json", "yaml")) -> None:
    """`-o`: what form the result takes."""
    parser.add_argument(
        "-o",
        "--output",
        choices=choices,
        default=choices[0],
        help=f"form of the result ({choices[0]})",
    )


def add_specs(parser: ArgumentParser) -> None:
    """Spec files, as arguments or with `-f` as `az ml` users write it, and `--set`."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="spec files, or folders of them")
    parser.add_argument("-f", "--file", action="append", default=[], help="a spec file (as az ml)")
    add_overrides(parser)


def add_overrides(parser: ArgumentParser) -> None:
    """`--set`: values that win over the file's."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="PATH=VALUE",
        help="override a field: hyperparameters.epochs=5, or finetuning.NAME.description=…",
    )


def add_strict(parser: ArgumentParser) -> None:
    """`--strict`: warnings refuse too."""
    parser.add_argument("--strict", action="store_true", help="warnings refuse as errors do")


def add_policy(parser: ArgumentParser) -> None:
    """`--policy`: another policy than those above the specs."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="what the specs are held to (FOUNDRY_POLICY, or each foundry-policy.yaml above them)",
    )


def add_date(parser: ArgumentParser) -> None:
    """`--date`: the day the catalogue's lifecycle dates are held against."""
    parser.add_argument(
        "--date",
        type=day,
        default=None,
        metavar="YYYY-MM-DD",
        help="check lifecycle dates as of this day (today)",
    )


def add_verify_data(parser: ArgumentParser) -> None:
    """`--verify-data`: no digest that Azure keeps is believed."""
    parser.add_argument(
        "--verify-data",
        action="store_true",
        help="download what is uploaded already, and hold its hash against the files",
    )


def add_retry_refused(parser: ArgumentParser) -> None:
    """`--retry-refused`: a model that failed is asked once more."""
    parser.add_argument(
        "--retry-refused",
        action="store_true",
        help="serve and ask once more a model that has failed what is asked of it",
    )


def add_target(parser: ArgumentParser) -> None:
    """Where to work, in the words of `az ml`."""
    parser.add_argument("-g", "--resource-group", help="resource group (from the Pulumi stack)")
    parser.add_argument("-w", "--project", "--workspace-name", help="project (likewise)")
    parser.add_argument("--subscription", help="subscription id (likewise)")
    parser.add_argument("--stack", help="the Pulumi stack whose outputs say the rest")


def day(text: str) -> date:
    """An ISO date from the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"'{text}' is not a date like 2026-01-31") from None
