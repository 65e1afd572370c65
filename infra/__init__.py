"""What must exist in Azure before anything can be fine-tuned: a Pulumi program."""
