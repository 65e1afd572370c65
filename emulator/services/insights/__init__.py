"""Microsoft.Insights: Azure Monitor's metrics of serverless endpoints."""

from emulator.service import Service
from emulator.services.insights.metrics import METRIC_ROUTES

SERVICE = Service(name="insights", routes=METRIC_ROUTES)
