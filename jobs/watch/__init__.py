"""A served endpoint watched: what it is asked and costs, and whether its promotion holds."""
