"""Whether a model called the tools that were expected, with the same arguments."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def tool_calls_match(said: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> int:
    """1 where both call the same functions with equal arguments, else 0.

    Calls are as the chat completions API has them: `{"function": {"name", "arguments"}}`, the
    arguments a text of JSON. Their ids don't count, nor the order of calls made in one turn (they
    are made in parallel), nor spaces and the order of keys in the arguments.
    """
    return int(sorted(map(_canonical, said)) == sorted(map(_canonical, wanted)))


def _canonical(call: Mapping[str, Any]) -> tuple[str, str]:
    function = call["function"]
    written = str(function.get("arguments") or "{}")
    try:
        return str(function["name"]), json.dumps(json.loads(written), sort_keys=True)
    except (ValueError, RecursionError):
        return str(function["name"]), written
