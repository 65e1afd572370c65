"""What Azure remembers, and what a rehearsal may turn: resources, people, time, faults."""
