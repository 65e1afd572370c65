"""Where it runs without Azure: an emulator of the services foundry-tune uses."""
