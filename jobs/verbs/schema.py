"""The JSON Schema of specs, price lists and policies, for editors; of answers, for programs.

Put this line at the top of a spec:

  # yaml-language-server: $schema=../../spec.schema.json

and write the file once:  foundry-tune schema > spec.schema.json
That of prices.yaml:      foundry-tune schema prices > prices.schema.json
Of foundry-policy.yaml:   foundry-tune schema policy > policy.schema.json
Of `plan -o json`:        foundry-tune schema plan > plan.schema.json
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    from jobs.terminal.answers import ANSWERS

    parser.add_argument(
        "of",
        nargs="?",
        choices=("spec", "prices", "policy", *ANSWERS),
        default="spec",
        help="what kind of file, or the verb whose -o json (spec)",
    )
    parser.add_argument(
        "-o", "--output", choices=("json", "yaml"), default="json", help="form of the result (json)"
    )


def run(arguments: Namespace) -> int:
    """Print it."""
    from jobs.spec.schema import policy_schema, prices_schema, schema
    from jobs.terminal.answers import ANSWERS, answer_schema
    from jobs.terminal.output import as_json, as_yaml, emit

    if arguments.of in ANSWERS:
        found = answer_schema(arguments.of)
    else:
        makes = {"spec": schema, "prices": prices_schema, "policy": policy_schema}
        found = makes[arguments.of]()
    emit(as_json(found) if arguments.output == "json" else as_yaml(found).rstrip("\n"))
    return 0
