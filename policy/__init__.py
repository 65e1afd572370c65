"""What a platform team allows: rules as plain functions over resources and documents in one shape.

This room imports no other; `jobs/` and `infra/` hold what they have against it.
"""
