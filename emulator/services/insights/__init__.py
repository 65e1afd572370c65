"""Microsoft.Insights: endpoints' metrics, diagnostic settings, Application Insights."""

from emulator.service import Service
from emulator.services.insights import diagnostics
from emulator.services.insights.metrics import METRIC_ROUTES

SERVICE = Service(name="insights", types=diagnostics.TYPES, routes=METRIC_ROUTES)
