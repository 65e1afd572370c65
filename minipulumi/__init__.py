"""How `pulumi up` runs where the Pulumi CLI cannot be had."""
