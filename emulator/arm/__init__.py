"""Azure Resource Manager: a call's way to its handler, and what is done for every type alike."""
