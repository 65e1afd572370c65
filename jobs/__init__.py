"""What to run: from a YAML spec to a served, proven model."""
