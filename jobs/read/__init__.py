"""Spec files and the data they name, read and checked: everything `validate` has to say."""
