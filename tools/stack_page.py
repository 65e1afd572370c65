"""docs/stack.md from infra/config.py: every key of the stack's configuration."""

from pathlib import Path

from infra.config import KEYS

PAGE = Path(__file__).parents[1] / "docs" / "stack.md"

HEAD = """\
# The stack's configuration

`Pulumi.<stack>.yaml` says what the environment is, under `config:`, each key with the prefix
`foundry-tune:`. `Pulumi.dev.yaml` is one to copy. Every mistake is told at once, before anything
is asked of Azure.

```yaml
config:
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.rstrip()]
    for key in KEYS.values():
        first, *rest = key.example.splitlines()
        lines.append(f"  foundry-tune:{first}")
        lines += [f"  {line}" for line in rest]
    lines += ["```", "", "| key | | allowed | default |", "| --- | --- | --- | --- |"]
    lines += [f"| `{n}` | {k.what} | {k.allowed} | {k.default} |" for n, k in KEYS.items()]
    return "\n".join(lines) + "\n"
