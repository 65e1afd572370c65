"""Back to an earlier revision: at once while its endpoint lives, else its model is served again.

Nothing is trained. The filter is probed before the name moves, as of any revision.
"""
