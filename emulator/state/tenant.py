"""The directory that everybody in an emulated Azure is in."""

TENANT = "e0e0e0e0-0000-4000-8000-000000000001"
