"""Every rule that `foundry-tune` checks: the id, how bad it is, and what `explain` says of it.

Ids are stable: a rule keeps its id, and a retired id is never used again. S speaks of specs, C of
the catalogue (models, regions, dates, prices), D of data, T of trainings of one's own, R of plans
that are refused, P of a platform team's policy. `docs/rules.md` is generated from here.
"""

from jobs.rules.catalog import RULES as CATALOG_RULES
from jobs.rules.dataset import RULES as DATASET_RULES
from jobs.rules.plan import RULES as PLAN_RULES
from jobs.rules.policy import RULES as POLICY_RULES
from jobs.rules.rule import Rule
from jobs.rules.spec import RULES as SPEC_RULES
from jobs.rules.training import RULES as TRAINING_RULES

RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        *SPEC_RULES,
        *TRAINING_RULES,
        *CATALOG_RULES,
        *DATASET_RULES,
        *PLAN_RULES,
        *POLICY_RULES,
    )
}
"""Every rule by its id."""

__all__ = ["RULES", "Rule"]
