"""The command line of the emulator: a module a verb."""
