"""A repository of one's own: what `init` writes, from the files that are shipped here."""
