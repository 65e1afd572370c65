"""Microsoft.Insights: endpoints' metrics, diagnostic settings, Application Insights, alerts."""

from emulator.service import Service
from emulator.services.insights import alerts, diagnostics
from emulator.services.insights.metrics import METRIC_ROUTES

SERVICE = Service(name="insights", types=(*diagnostics.TYPES, *alerts.TYPES), routes=METRIC_ROUTES)
