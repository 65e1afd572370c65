"""An emulator beside its users: where its state is, who has it, what is asked of it."""
