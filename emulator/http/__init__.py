"""A request, a response, and which function answers which address."""
