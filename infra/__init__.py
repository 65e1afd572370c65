"""What must exist: the Pulumi program that makes the Azure AI Foundry environment."""
