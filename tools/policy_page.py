"""The tables of docs/policy.md, from the rules and the types of the file."""

import re
from pathlib import Path
from typing import Any

from jobs.spec.schema import policy_schema
from policy.gates import GATES, RULED
from policy.rules import RULES

PAGE = Path(__file__).parents[1] / "docs" / "policy.md"

EXAMPLE = """\
rules:
  allowed_regions: [eastus2]
  minimum_tls: TLS1_2
  no_public_blobs: true
  rbac_vaults: true
  subscription_roles: []
  allowed_roles: [Azure AI Developer, Monitoring Reader, Storage Blob Data Contributor]
  required_tags: [owner]
  no_keys: true
  content_filter: true
  endpoint_owner: owner
  endpoint_sign_in: [aad]
  allowed_models: [Phi-4-mini-instruct, Phi-4]
  most_epochs: 5
  budget_required: true
  largest_budget: 100
  gates_required: [token_f1]
advisory: [largest_budget]
cap: {usd_per_month: 500}
"""


def page(text: str) -> str:
    """The page with its tables made anew."""
    parts = {"example": f"```yaml\n{EXAMPLE}```", "rules": _rules(), "gates": _gates()}
    for name, made in parts.items():
        text = _part(text, name, made)
    return text


def _part(text: str, name: str, made: str) -> str:
    pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{made}{found[2]}", text, flags=re.DOTALL)


def _rules() -> str:
    values: dict[str, Any] = policy_schema()["$defs"]["Values"]["properties"]
    rows = ["| rule | word | what it says |", "| --- | --- | --- |"]
    for rule in RULES:
        said = values[rule.key]["description"]
        rows.append(f"| [{rule.id}](rules.md#{rule.id.lower()}) | `{rule.key}` | {said} |")
    return "\n".join(rows)


def _gates() -> str:
    rows = [f"| rule | of | field | {' | '.join(GATES)} |", "| --- " * (3 + len(GATES)) + "|"]
    for one in RULED:
        seen = [one.blind.get(gate, "caught") for gate in GATES]
        rows.append(f"| {one.rule} | {one.thing} | `{one.field}` | {' | '.join(seen)} |")
    return "\n".join(rows)
