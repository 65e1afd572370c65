"""The matrix: every remote call of a command, times every way in which it may go wrong.

`apply` and `down` from nothing and to nothing; of a second revision that is promoted, one that is
refused, and a rollback, the calls by which endpoints and names change hands.
"""

import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS_FILE = Path(__file__).with_name("matrix_calls.txt")
"""The calls, one a line: verb, method, host, path. Recorded (`test_matrix.py` holds it to that)."""

SAMPLE = int(os.environ.get("MATRIX_SAMPLE", "24"))
"""Cases that `make test` takes; `make matrix` takes all."""

HTML = {"status": 200, "content_type": "text/html", "body": "<html>Sign in to the network</html>"}
EMPTY = {"status": 200, "content_type": "application/json", "body": ""}
NOTHING: dict[str, Any] = {"status": 200, "body": {"value": []}}
ABSENT = {"status": 404, "code": "ResourceNotFound", "message": "It was not found."}
LIE: dict[str, Any] = {
    "tags": None,
    "value": [],
    "properties": {"contentSafety": None, "tags": None, "isArchived": None, "status": "Odd"},
}

CHANGES = ("promote", "refuse", "rollback")
"""What may happen to a name that is served: a better revision, a worse one, back to the first."""

CHANGES_HANDS = re.compile(
    r"/connections|/serverlessEndpoints|/chat/completions|/models/[^/]+/versions/"
)
"""The calls that these are tried at; the others are those of `apply`."""

FAULTS: dict[str, dict[str, Any]] = {
    "403": {"status": 403, "code": "AuthorizationFailed", "message": "No."},
    "409": {"status": 409, "code": "Conflict", "message": "No."},
    "429": {"status": 429, "code": "TooManyRequests", "message": "Later."},
    "500": {"status": 500, "code": "InternalServerError", "message": "Oh."},
    "503": {"status": 503, "code": "ServerBusy", "message": "Later."},
    "reset": {"drop": True},
    "lost": {"lose_answer": True},
    "failed-after": {"fail_after": 500},
    "html": {"answer": HTML},
    "empty": {"answer": EMPTY},
    "truncated": {"truncate": 0.5},
    "slow": {"delay": 0.5},
    "stale": {},
    "edited": {"merge": LIE},
}
"""What is done to the call; `stale` is a read from before anything was."""

OFTEN = {"once": 1, "for-good": 10_000}
KILLS = {"kill-before": {"drop": True}, "kill-after": {"lose_answer": True}}


@dataclass(frozen=True, slots=True)
class Call:
    """A remote call as the log has it, with what differs from run to run left out."""

    verb: str
    """`apply`, `down`, or one of `CHANGES`."""
    method: str
    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.verb} {self.method} {self.host} {self.path}"

    @property
    def match(self) -> dict[str, Any]:
        """What a fault rule has to match."""
        return {
            "method": self.method,
            "host": self.host.replace("*", r"[^.]+"),
            "path": "^" + re.escape(self.path).replace(r"\*", "[^/]+") + "$",
        }


@dataclass(frozen=True, slots=True)
class Case:
    """A call, and what goes wrong with it."""

    call: Call
    fault: str
    often: str

    def __str__(self) -> str:
        return f"{self.call} {self.fault} {self.often}"

    @property
    def is_kill(self) -> bool:
        """Whether the command is killed when the fault strikes."""
        return self.fault in KILLS

    @property
    def lies(self) -> bool:
        """Whether Azure's own word is wrong all through the run: then no word can be right."""
        return self.fault in ("stale", "edited") and self.often == "for-good"

    @property
    def rule(self) -> dict[str, Any]:
        """The fault rule."""
        do: dict[str, Any] = KILLS.get(self.fault) or FAULTS[self.fault]
        if self.fault == "stale":
            last = self.call.path.rpartition("/")[2]
            is_list = self.call.method == "GET" and last.isalpha() and last not in ("xbox", "api")
            do = {"answer": NOTHING} if is_list else dict(ABSENT)
        return {"match": {**self.call.match, "count": OFTEN.get(self.often, 1)}, "do": do}


def normal(verb: str, call: dict[str, Any]) -> Call:
    """A call of the log without names, hashes and ids."""
    host = re.sub(r"^(tiny-[^.]+|st[0-9a-f]+)\.", "*.", str(call["host"]))
    path = str(call["path"])
    if ".blob." in host:
        path = "/*/foundry-tune/*/*"
    path = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "*", path)
    path = re.sub(r"/tiny-[\w-]+", "/*", path)
    path = re.sub(r"/versions/\w+", "/versions/*", path)
    path = re.sub(r"(/subscriptions/\*/providers/Microsoft\.)\w+$", r"\1*", path)
    return Call(verb, str(call["method"]), host, path)


def calls() -> list[Call]:
    """The recorded calls."""
    lines = CALLS_FILE.read_text(encoding="utf-8").splitlines()
    return [Call(*line.split(" ")) for line in lines]


def cases() -> list[Case]:
    """Every case."""
    broken = [
        Case(call, fault, often)
        for call in calls()
        for fault in FAULTS
        for often in OFTEN
        if often == "once" or call.verb not in CHANGES
    ]
    return broken + [Case(call, kill, "once") for call in calls() for kill in KILLS]


def chosen() -> list[Case]:
    """All of them for `make matrix`; else a few, by a seed that is printed."""
    if os.environ.get("MATRIX") == "all":
        return cases()
    draw = random.Random(os.environ.get("MATRIX_SEED", "0"))
    changes = [case for case in cases() if case.call.verb in CHANGES]
    others = [case for case in cases() if case.call.verb not in CHANGES]
    return _drawn(draw, others, SAMPLE) + _drawn(draw, changes, SAMPLE // 2)


def _drawn(draw: random.Random, every: list[Case], most: int) -> list[Case]:
    return draw.sample(every, min(most, len(every)))
