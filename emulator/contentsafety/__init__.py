"""The emulator's content filter: a small rules file and documented test strings, no protection."""
