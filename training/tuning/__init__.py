"""The parts of the training program; `train.py` beside this folder starts it."""
