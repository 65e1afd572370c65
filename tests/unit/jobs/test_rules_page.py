"""The registry, the code and the tests say the same rules; docs/rules.md is held in docs/."""

import ast
from pathlib import Path

import pytest

from jobs.rules import RULES, Rule
from policy.rules import RULES as POLICY_RULES

ROOT = Path(__file__).parents[3]


def test_every_rule_has_a_test_that_finds_it_and_a_near_miss() -> None:
    tested: set[str] = set()
    for name in (
        *("test_spec_rules.py", "test_data_rules.py", "test_cost.py", "test_plan.py"),
        *("test_sweep.py", "test_training_rules.py", "test_online.py", "test_command_jobs.py"),
        "test_online_evaluation.py",
        *(f"../../integration/jobs/test_{name}.py" for name in ("preflight", "watch", "rollout")),
        "../../integration/jobs/test_verify_data.py",
        *("../policy/test_rules.py", "../policy/test_specs.py"),
    ):
        tree = ast.parse((Path(__file__).parent / name).read_text(encoding="utf-8"))
        tested |= {
            word
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            for word in [node.value.strip("[]")]
            if word.startswith("FT-")
        }
    assert tested == set(RULES)


def test_every_rule_is_used_in_the_code() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "jobs").rglob("*.py")
        if "rules" not in path.relative_to(ROOT).parts
    )
    ruled = {rule.id for rule in POLICY_RULES}  # each made with its function
    assert [rule for rule in RULES if rule not in ruled and f'"{rule}"' not in code] == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_why_and_what_to_do(rule: Rule) -> None:
    assert rule.title
    assert rule.why.endswith((".", ")"))
    assert rule.example
    assert rule.fix
