"""A page on loopback: the emulated cloud for people who would rather look than type."""
