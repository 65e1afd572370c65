"""Azure's services, a folder each, named after Azure's own."""
