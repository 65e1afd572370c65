"""A training of one's own until torch would begin; `make test-training` goes on from there."""

import json
from pathlib import Path

from tests.integration.jobs.conftest import Place

SPEC = """\
type: training
name: {name}
model: tiny
weights: random
training_data: rows.jsonl
task: classification
layers: {{head: classification, labels: [repair, refund]}}
loss: {{name: custom, function: losses.py:mine}}
method: full
precision: fp32
resources: {{instance_type: Standard_DS3_v2}}
limits: {{timeout: 600}}
"""
ROWS = [{"text": f"my console is hot {n}", "label": ("repair", "refund")[n % 2]} for n in range(6)]


def write(place: Place) -> Path:
    (place.folder / "tiny").mkdir()
    for name in ("config.json", "tokenizer_config.json"):
        (place.folder / "tiny" / name).write_text("{}")
    (place.folder / "losses.py").write_text("def mine(logits, targets): return logits.sum(-1)\n")
    (place.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    spec = place.folder / "head.yaml"
    spec.write_text(SPEC.format(name=place.name), encoding="utf-8")
    return spec


def test_it_is_a_command_job_that_says_what_it_lacks_where_no_torch_is(place: Place) -> None:
    spec = write(place)
    planned = place.tune("plan", str(spec), "--out", "plan.json")
    assert planned.code == 0, planned.said
    kinds = [line.split()[1] for line in planned.out.splitlines() if line.startswith("  + ")]
    assert kinds == ["data", "data", "code", "environment", "command", "model"]
    # Another process makes the code anew, elsewhere: it is the same all the same.
    applied = place.tune("apply", "plan.json", "--yes")
    assert applied.code != 0
    assert "torch is not installed where this runs" in applied.said
    assert "make demo-training" in applied.said
    [job] = place.jobs()
    assert "Traceback" not in place.tune("logs", job).out


def test_a_function_that_changed_after_the_plan_was_reviewed_is_not_sent(place: Place) -> None:
    spec = write(place)
    assert place.tune("plan", str(spec), "--out", "plan.json").code == 0
    (place.folder / "losses.py").write_text("def mine(logits, targets): return -logits.sum(-1)\n")
    mark = place.emulator.control.last_call()
    refused = place.tune("apply", "plan.json", "--yes")
    assert refused.code != 0
    assert "losses.py" in refused.said
    assert place.writes(mark) == []
