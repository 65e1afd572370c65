"""What must hold before a model counts as served: content filter, smoke tests, evaluation."""
