"""docs/spec.md from the models' own descriptions: every field of every document."""

import json
from pathlib import Path
from typing import Any

from jobs.spec.models import KINDS
from jobs.spec.schema import prices_schema, schema

PRICES_EXAMPLE = """\
as_of: 2026-10-01
source: our price sheet, from the portal's tab Pricing and terms
models:
  Phi-4-mini-instruct:
    training_per_million_tokens: 4
    hosting_per_hour: 0.8
    input_per_million_tokens: 0.1
    output_per_million_tokens: 0.3
  Phi-4: {input_per_million_tokens: 0.15, output_per_million_tokens: 0.6}
"""

PRICES_HEAD = f"""\
## prices.yaml

What models cost, once for a team. The `prices.yaml` that is nearest above a spec counts for it, up
to the repository's root (the folder with `.git`), or to your home folder where there is no
repository; a folder that everybody shares, such as `/tmp`, is not looked into.
`budget.prices: path/to/prices.yaml` names another list, relative to the spec.

Each price is looked up by itself: in the spec's own `budget.prices`, then in the team's list, then
in the catalogue. `cost`, `plan` and their JSON name the place: `prices.yaml:5, as of 2026-10-01`.
Models that no spec asks for may be in it. `validate` checks the list with each spec that it counts
for, and alone: `validate prices.yaml`. Its JSON Schema: `foundry-tune schema prices`.

```yaml
{PRICES_EXAMPLE}```
"""

PAGE = Path(__file__).parents[1] / "docs" / "spec.md"

HEAD = """\
# Specs

A spec is a YAML file with one document or several, separated by `---`, in the shape `az ml`
knows. Documents refer to each other: `${{ finetuning.NAME.registered_model }}`,
`${{ serverless_endpoint.NAME }}`. Paths are relative to the file. An unknown field is an error.
`foundry-tune schema` prints the same as JSON Schema for editors, `foundry-tune explain` every
[rule](rules.md).
"""

EXAMPLES = {
    "finetuning": """\
type: finetuning
name: support
task: chat_completion
model: azureml://registries/azureml/models/Phi-4-mini-instruct
training_data: train.jsonl
validation_data: {split: 0.2, seed: 13, group_by: ticket}
hyperparameters: {epochs: 3, batch_size_multiplier: 1, learning_rate: 2e-5}
outputs: {registered_model: {name: support}}
tags: {team: support}
budget:
  max_usd: 50
  hosting_hours: 24
  prices: {hosting_per_hour: 0.8, source: the portal's tab Pricing and terms, as_of: 2026-11-27}
ignore:
  - {rule: FT-D022, reason: greetings repeat on purpose, until: 2027-03-31}
""",
    "training": """\
type: training
name: support
model: Phi-4-mini-instruct
task: chat
training_data: train.jsonl
validation_data: valid.jsonl
method: lora
lora: {r: 8, alpha: 16}
loss: {name: focal, gamma: 2, completion_only: true}
optimizer: {name: lion, betas: [0.9, 0.95]}
learning_rate: 1e-4
scheduler: cosine
warmup: 0.05
epochs: 3
batch_size: 4
max_seq_length: 1024
early_stopping: {patience: 2}
checkpoints: {every: 100, keep: 2}
outputs: {registered_model: {name: support}}
resources: {instance_type: Standard_NC24ads_A100_v4}
limits: {timeout: 7200}
budget: {max_usd: 20}
""",
    "serverless_endpoint": """\
type: serverless_endpoint
name: support
model: azureml://registries/azureml/models/Phi-4
content_safety: enabled
auth_mode: key
location: eastus2
budget: {max_usd: 2, covers: everything}
ttl: 2d
cap: {usd_per_month: 50, take_down_served: true}
smoke_tests:
  - prompt: My console does not start.
    expect: {finish_reason: stop, min_chars: 20, contains: console, excludes: [lawsuit]}
    max_tokens: 128
safety_probes: probes.yaml
safety_gates: {over_blocking: "<= 0.1"}
""",
    "online_endpoint": """\
type: online_endpoint
name: intents
model: azureml:intents:3
code_configuration: {code: serve, scoring_script: score.py}
environment: azureml:intents-serving:1
environment_variables: {LOG_LEVEL: info}
instance_type: Standard_DS3_v2
instance_count: 2
auth_mode: aad_token
request_settings: {request_timeout_ms: 3000, max_concurrent_requests_per_instance: 4}
liveness_probe: {initial_delay: 30, failure_threshold: 10}
content_safety: client_side
smoke_tests:
  - request: {text: I want my money back}
    expect: {at: label, equals: refund}
  - request: {text: I want my money back}
    expect: {at: certainty, at_least: 0.6}
budget:
  max_usd: 20
  hosting_hours: 24
  prices: {instance_per_hour: 0.3, source: the price sheet, as_of: 2026-11-27}
""",
    "evaluation": """\
type: evaluation
name: support
endpoint: support
data: test.jsonl
metrics: [exact_match, token_f1, rouge_l]
gates: {token_f1: ">= 0.60", rouge_l: ">= 55 %"}
max_tokens: 256
temperature: 0
""",
    "command": """\
type: command
name: prepare
command: python prepare.py --rows ${{inputs.rows}} --out ${{outputs.clean}}
code: ./src
environment: azureml:AzureML-sklearn-1.5:1
inputs:
  rows: {type: uri_file, path: rows.csv}
outputs:
  clean: {type: uri_folder}
resources: {instance_type: Standard_DS3_v2, instance_count: 1}
distribution: {type: pytorch, process_count_per_instance: 1}
limits: {timeout: 3600}
""",
}
"""One whole document of each kind; tests read them."""


def page() -> str:
    """The whole page."""
    whole = schema()
    definitions: dict[str, Any] = whole["$defs"]
    models = {model.__name__: kind for kind, model in KINDS.items()}
    parts = [HEAD]
    for name, kind in models.items():
        described = definitions[name].get("description", "")
        parts.append(f"## {kind}\n\n{described}\n\n```yaml\n{EXAMPLES[kind]}```\n")
        parts.append(_table(definitions[name]))
    listed = prices_schema()
    parts += [PRICES_HEAD, _table(listed)]
    parts.append("## Parts\n")
    for name, definition in sorted((definitions | listed["$defs"]).items()):
        if name not in models:
            parts.append(f"### {name}\n\n{definition.get('description', '')}\n")
            parts.append(_table(definition))
    return "\n".join(parts)


def _table(definition: dict[str, Any]) -> str:
    required = set(definition.get("required", ()))
    rows = ["| field | | what it may be | default |", "| --- | --- | --- | --- |"]
    for name, field in definition.get("properties", {}).items():
        default = "**required**" if name in required else _default(field)
        said = str(field.get("description", "")).replace("<", "\\<")
        rows.append(f"| `{name}` | {said} | {_kind(field)} | {default} |")
    more = definition.get("additionalProperties")
    if isinstance(more, dict):
        rows.append("| any other | Passed on by `az ml`; not by this version. | text, number | |")
    return "\n".join(rows) + "\n"


def _default(field: dict[str, Any]) -> str:
    if field.get("default") in (None, "", {}, [], {"extra": {}}):
        return ""
    return f"`{json.dumps(field['default'], ensure_ascii=False)}`"


def _kind(field: dict[str, Any]) -> str:
    """A field's type in words, with its range."""
    if "anyOf" in field:
        kinds = [_kind(option) for option in field["anyOf"] if option.get("type") != "null"]
        quoted = [kind for kind in kinds if "quoted" not in kind]
        return ", or ".join(dict.fromkeys(quoted))
    if "$ref" in field:
        name = str(field["$ref"]).rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type", "anything")
    if "prefixItems" in field:
        return f"{len(field['prefixItems'])} x {_kind(field['prefixItems'][0])}"
    if kind == "array":
        return f"a list of {_kind(field.get('items', {}))}"
    if kind == "object":
        more = field.get("additionalProperties")
        return f"a mapping to {_kind(more)}" if more and "$ref" in more else "a mapping"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "yes or no",
    }
    text = words.get(str(kind), str(kind))
    if str(field.get("pattern", "")).startswith("^[-+]?[0-9]"):
        return "a number, quoted"
    return " ".join(filter(None, (text, _range(field))))


def _range(field: dict[str, Any]) -> str:
    least = field.get("minimum", field.get("exclusiveMinimum"))
    most = field.get("maximum", field.get("exclusiveMaximum"))
    above = "above " if "exclusiveMinimum" in field else ""
    below = "below " if "exclusiveMaximum" in field else ""
    if least is not None and most is not None:
        return f"from {above}{least:g} to {below}{most:g}"
    if least is not None:
        return f"{above or 'at least '}{least:g}"
    if "minLength" in field:
        return f"of at least {field['minLength']} characters"
    return f"of at most {field['maxLength']} characters" if "maxLength" in field else ""
