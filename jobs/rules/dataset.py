"""Rules about dataset."""

from jobs.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
