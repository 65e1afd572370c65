"""The errors a user meets. One small tree, caught in one place (`jobs.cli`), one exit code each.

FoundryTuneError            1    anything this project refuses by name
├── UsageError              2    the command line asks for something that can't be
├── InvalidInputError       3    a spec or its data is invalid; carries every finding
├── PreflightError          4    region, lifecycle, quota, access or registration stands in the way
│   ├── AccessDeniedError   4    the caller's roles don't allow it
│   └── JudgeError          4    a judge's verdicts have no scores
├── BudgetError             5    over budget, or a price that nobody knows
├── SafetyError             6    the content filter is not what the spec says
├── QualityError            7    a smoke test or a gate failed
├── SignInError             8    no credential, or one that Azure refuses
├── RemoteError             9    Azure said no; trying again is safe
│   ├── UnreachableError    9    no connection, or a host that doesn't answer
│   ├── NotFoundError       9    there is no such resource
│   ├── ConflictError       9    something that is there stands in the way
│   │   └── BusyError       9    another operation is under way on the resource
│   ├── UnusableAnswerError 9    what answered isn't Azure's JSON
│   └── RefusedError        4    Azure finds the request itself wrong: no retry heals it
├── OutcomeUnknownError    10    the answer was lost; run again to adopt what happened
├── MovedError             11    files or Azure moved since the plan was saved
├── JobFailedError        100    the job ended as Failed
├── JobNotFinishedError   101    the job goes on
└── JobCanceledError      103    the job ended as Canceled

A message says where and what, `next_step` one thing to do about it. Ctrl-C is 130.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.findings import Finding


class FoundryTuneError(Exception):
    """What went wrong, in words a user can act on."""

    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "", rule: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        """One thing to do about it, a command where there is one."""
        self.rule = rule
        """The stable rule id (`FT-C003`) when a rule says no; empty otherwise."""

    def __str__(self) -> str:
        text = f"{self.message}    [{self.rule}]" if self.rule else self.message
        indented = "\n".join(f"  {line}" for line in self.next_step.splitlines())
        return f"{text}\n{indented}" if indented else text


class UsageError(FoundryTuneError):
    """The command line asks for something that can't be."""

    exit_code = 2


class InvalidInputError(FoundryTuneError):
    """A spec or its data is invalid; `findings` has every place."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        findings: "Sequence[Finding]" = (),
        next_step: str = "",
        rule: str = "",
    ) -> None:
        super().__init__(message, next_step=next_step, rule=rule)
        self.findings = tuple(findings)


class PreflightError(FoundryTuneError):
    """Region, lifecycle, quota, access or registration stands in the way."""

    exit_code = 4


class AccessDeniedError(PreflightError):
    """The caller's roles don't allow it."""


class JudgeError(PreflightError):
    """A judge's verdicts have no scores on its scale, so there is nothing to hold a gate by."""


class BudgetError(FoundryTuneError):
    """The estimate is over the budget, or rests on a price that nobody knows."""

    exit_code = 5


class SafetyError(FoundryTuneError):
    """The content filter is not what the spec says."""

    exit_code = 6


class QualityError(FoundryTuneError):
    """A smoke test or a quality gate failed; `reason` says which in a clause, without an answer."""

    exit_code = 7

    def __init__(
        self, message: str, *, next_step: str = "", reason: str = "", rule: str = ""
    ) -> None:
        super().__init__(message, next_step=next_step, rule=rule)
        self.reason = reason


class RefusedBeforeError(QualityError):
    """A gate fails by answers that a model gave before: no endpoint was made for it again."""


class SignInError(FoundryTuneError):
    """There is no credential, or Azure refuses it."""

    exit_code = 8


class RemoteError(FoundryTuneError):
    """Azure refused or could not; nothing was half done, and trying again is safe."""

    exit_code = 9


class UnreachableError(RemoteError):
    """There is no connection, or the host doesn't answer."""


class NotFoundError(RemoteError):
    """There is no such resource."""


class ConflictError(RemoteError):
    """Something that is there stands in the way."""


class BusyError(ConflictError):
    """Another operation is under way on the resource."""


class UnusableAnswerError(RemoteError):
    """What answered isn't Azure's JSON, so nothing can be said of what is there."""


class RefusedError(RemoteError):
    """Azure finds the request itself wrong: trying again would not help."""

    exit_code = 4


class OutcomeUnknownError(FoundryTuneError):
    """The answer to a write was lost; running again adopts whatever happened."""

    exit_code = 10


class MovedError(FoundryTuneError):
    """Files or Azure moved since the plan was saved, so it wasn't done."""

    exit_code = 11


class JobFailedError(FoundryTuneError):
    """The job ended as Failed."""

    exit_code = 100


class JobNotFinishedError(FoundryTuneError):
    """The job goes on after the command stopped looking."""

    exit_code = 101


class JobCanceledError(FoundryTuneError):
    """The job ended as Canceled."""

    exit_code = 103
