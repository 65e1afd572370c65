"""A plan as people read it and as JSON carries it: the same facts in both."""

LABEL_WIDTH = 9
"""The column that holds `Target`, `Data`, `Checks` and `Cost`."""
