"""docs/rules.md from the rules."""

from pathlib import Path

from jobs.rules import RULES, Rule

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"

HEAD = """\
# Rules

Everything that `foundry-tune validate` and `foundry-tune dataset check` look for, and what a plan
is [refused](#refused-plans) for. An **error** refuses (exit code 3; of a plan 4, 5 or 7), a
**warning** refuses under `--strict`, a **note** only informs. A rule that can be silenced is
silenced in the spec, with a reason, and a last day if it is meant to come back:

```yaml
ignore:
  - {rule: FT-D022, reason: greetings repeat on purpose, until: 2027-03-31}
```

`foundry-tune explain FT-D022` prints one rule. This page is made from `jobs/rules/`
and `policy/` by `make docs`. Rules of a [policy](policy.md) hold where its file says so.
"""
CHAPTERS = {
    "S": "Specs",
    "T": "Trainings of your own",
    "C": "Models, regions, dates, prices",
    "D": "Data",
    "R": "Refused plans",
    "P": "A platform team's policy",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for letter, title in CHAPTERS.items():
        rules = [rule for rule in RULES.values() if rule.id[3] == letter]
        parts.append(f"## {title}\n")
        parts.append("| rule | | what |\n| --- | --- | --- |")
        parts += [f"| [{r.id}](#{r.id.lower()}) | {r.severity} | {r.title} |" for r in rules]
        parts.append("")
        parts += [section(rule) for rule in rules]
    return "\n".join(parts)


def section(rule: Rule) -> str:
    """One rule."""
    silence = "" if rule.silenceable else " It can't be silenced."
    return (
        f"### {rule.id}\n\n**{rule.title}** ({rule.severity}). {rule.why}{silence}\n\n"
        f"```\n{rule.example}\n```\n\nFix:\n\n```\n{rule.fix}\n```\n"
    )
