"""Doing a plan, and taking down what was made: everything that changes Azure."""
