"""Microsoft.OperationalInsights: Log Analytics workspaces through ARM. No query is answered."""

from emulator.service import Service
from emulator.services.operationalinsights import workspaces

SERVICE = Service(name="operationalinsights", types=workspaces.TYPES)
