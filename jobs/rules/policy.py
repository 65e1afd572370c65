"""Rules of the platform team's file: what it may hold is `policy/`'s."""

from jobs.rules.rule import Rule
from policy.rules import RULES as POLICY_RULES

RULES: tuple[Rule, ...] = (
    Rule(
        "FT-P000", "error", "A policy that can't be held",
        "A rule over a model or role that doesn't exist holds nothing, or refuses everything. And "
        "a policy is one document.",
        "rules: {allowed_models: [Phi-4-mini-instuct]}    # in foundry-policy.yaml",
        "rules: {allowed_models: [Phi-4-mini-instruct]}",
        False,
    ),
    *(
        Rule(one.id, "error", one.title, one.why, one.example, one.fix, False)
        for one in POLICY_RULES
    ),
)  # fmt: skip
