"""One module a verb: `add_arguments(parser)` and `run(arguments)`, imported when named."""
