"""The run that a job belongs to: MLflow's REST API, of which a job needs one call."""

import json
import os
import time
import urllib.request
from typing import Any


class Run:
    """What is logged goes to the run that Azure ML names; nowhere, outside a job."""

    def __init__(self) -> None:
        # Azure's address is for MLflow's plug-in; below it lies the same API.
        root = os.environ.get("MLFLOW_TRACKING_URI", "").replace("azureml://", "https://")
        self._id = os.environ.get("MLFLOW_RUN_ID", "")
        self._url = f"{root}/api/2.0/mlflow/runs/log-batch" if root and self._id else ""
        self._token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")

    def metrics(self, step: int, **values: float) -> None:
        """Log numbers at a step."""
        now = int(time.time() * 1000)
        self._log(
            metrics=[
                {"key": name, "value": value, "timestamp": now, "step": step}
                for name, value in values.items()
            ]
        )

    def parameters(self, **values: float) -> None:
        """Log what the run was started with."""
        self._log(params=[{"key": name, "value": str(value)} for name, value in values.items()])

    def _log(self, **what: Any) -> None:
        if not self._url:
            return
        body = json.dumps({"run_id": self._id, **what}).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self._url, body, headers)):
            pass
