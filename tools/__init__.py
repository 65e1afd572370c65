"""Set-up, the demo, generators of documents."""
