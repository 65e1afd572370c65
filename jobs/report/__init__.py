"""A revision told on one page: whether it serves, what it learned, scores and costs, and whence."""
