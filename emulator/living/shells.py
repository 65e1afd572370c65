"""Changes of the environment as a shell reads them."""

import shlex
from collections.abc import Mapping
from pathlib import Path

SHELLS = ("bash", "zsh", "fish", "powershell")


def shell_of(parent: Mapping[str, str]) -> str:
    """The shell that somebody uses, as SHELL says; bash's words where it is none of ours."""
    name = Path(parent.get("SHELL", "")).name
    return {"pwsh": "powershell"}.get(name, name if name in SHELLS else "bash")


def changes(before: Mapping[str, str], after: Mapping[str, str], shell: str) -> list[str]:
    """The lines that turn one environment into another."""
    taken = [_unset(name, shell) for name in before if name not in after]
    given = [
        _set(name, value, shell)
        for name, value in sorted(after.items())
        if before.get(name) != value
    ]
    return [*sorted(taken), *given]


def _set(name: str, value: str, shell: str) -> str:
    if shell == "fish":
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        if name == "PATH":  # a list in fish, and it warns of what isn't
            return f"set -gx PATH (string split : '{quoted}');"
        return f"set -gx {name} '{quoted}';"
    if shell == "powershell":
        quoted = value.replace("'", "''")
        return f"$env:{name} = '{quoted}';"
    return f"export {name}={shlex.quote(value)};"


def _unset(name: str, shell: str) -> str:
    if shell == "fish":
        return f"set -e {name};"
    if shell == "powershell":
        return f"Remove-Item Env:{name};"
    return f"unset {name};"
