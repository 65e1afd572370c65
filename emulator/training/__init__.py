"""A stand-in for Azure's fine-tuning service that really trains: Phi-3's architecture in NumPy.

    hyperparameters + JSONL → data → tokenizer → trainer (phi3, optimizer, lora) → checkpoint
                                                             checkpoint → inference → answers

`python -m emulator.training JOB.json` trains in a child process (see __main__.py for its events);
`inference.load(directory)` serves what it wrote. The model is tiny and starts from random weights:
it is never Phi, and its model card says so. Every loss and every answer is computed.
"""

from emulator.training.threads import use_one_thread

# On matrices this small a second thread costs up to ten times the run time (measured on two cores),
# and lets sums depend on scheduling. Nothing else in the emulator computes with NumPy.
use_one_thread()
