"""What can go wrong, with the exit code that the real CLI gives it."""

GENERAL, USAGE, NO_STACK, CHANGES, TERMINATED = 1, 2, 6, 7, 8


class PulumiError(Exception):
    """A problem that ends the command: one message, one exit code, no traceback."""

    def __init__(self, message: str, code: int = GENERAL):
        super().__init__(message)
        self.code = code


class Refused(PulumiError):  # noqa: N818
    """Something the real CLI or engine has and minipulumi doesn't, by name."""

    def __init__(self, what: str):
        super().__init__(
            f"minipulumi doesn't cover {what}; run this with the real Pulumi CLI"
            " (docs/minipulumi.md lists what is covered)",
            USAGE,
        )
