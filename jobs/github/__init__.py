"""GitHub's own API: one comment of a pull request, or one issue, that is kept up to date."""
