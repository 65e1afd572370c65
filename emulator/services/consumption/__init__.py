"""Microsoft.Consumption: budgets of a subscription or a resource group."""

from emulator.service import Service
from emulator.services.consumption import budgets

SERVICE = Service(name="consumption", types=budgets.TYPES)
