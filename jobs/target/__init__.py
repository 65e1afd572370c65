"""Where to work: subscription, resource group and project, and who said so."""
