"""What a spec costs, in intervals, held against its budget."""
