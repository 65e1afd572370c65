"""Rules about catalog."""

from jobs.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
