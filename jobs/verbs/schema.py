"""The JSON Schema of spec documents, for editors.

Put this line at the top of a spec:

  # yaml-language-server: $schema=../../spec.schema.json

and write the file once:  foundry-tune schema > spec.schema.json
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "-o", "--output", choices=("json", "yaml"), default="json", help="form of the result (json)"
    )


def run(arguments: Namespace) -> int:
    """Print it."""
    from jobs.spec.schema import schema
    from jobs.terminal.output import as_json, as_yaml, emit

    emit(as_json(schema()) if arguments.output == "json" else as_yaml(schema()).rstrip("\n"))
    return 0
