"""Data: one conversation a line, checked, split, cleaned, described and counted offline."""
