"""azure-ai-evaluation: `evaluate()` keeps its results in the project, where mlflow shows them."""

import json
import os
import tempfile
from pathlib import Path

import mlflow
from azure.ai.evaluation import BleuScoreEvaluator, F1ScoreEvaluator, evaluate
from azure.identity import DefaultAzureCredential
from checks import check

E = os.environ
ROWS = [("Restart your Xbox.", "Restart your Xbox."), ("Hold the button.", "Press the button.")]


def main() -> None:
    """Two evaluators that need no model."""
    folder = Path(tempfile.mkdtemp())
    data = folder / "rows.jsonl"
    lines = [json.dumps({"response": said, "ground_truth": wanted}) for said, wanted in ROWS]
    data.write_text("\n".join(lines), encoding="utf-8")
    group = E["CONFORMANCE_GROUP"].rsplit("/", 1)[-1]
    project = {
        "subscription_id": E["ARM_SUBSCRIPTION_ID"],
        "resource_group_name": group,
        "project_name": E["CONFORMANCE_PROJECT"],
    }
    result = {}
    with check("evaluate() computes and gives an address in the studio"):
        result = evaluate(
            data=str(data),
            evaluators={"f1": F1ScoreEvaluator(), "bleu": BleuScoreEvaluator()},
            evaluation_name="conformance",
            azure_ai_project=project,
            credential=DefaultAzureCredential(),
        )
        assert result["metrics"]["f1.f1_score"] > 0
        assert result["studio_url"].startswith("https://ai.azure.com/")
    with check("its metrics are in the project's run"):
        run_id = result["studio_url"].split("?")[0].rsplit("/", 1)[-1]
        mlflow.set_tracking_uri(
            f"azureml://eastus2.api.azureml.ms/mlflow/v2.0{E['CONFORMANCE_GROUP']}/providers/"
            f"Microsoft.MachineLearningServices/workspaces/{E['CONFORMANCE_PROJECT']}"
        )
        shown = mlflow.get_run(run_id)
        assert shown.info.status == "FINISHED" and shown.info.run_name == "conformance"
        assert shown.data.metrics == result["metrics"]
    with check("its rows are the run's artifact"):
        text = mlflow.artifacts.load_text(f"runs:/{run_id}/instance_results.jsonl")
        kept = [json.loads(line) for line in text.splitlines()]
        assert [row["inputs.response"] for row in kept] == [said for said, _ in ROWS]


if __name__ == "__main__":
    main()
