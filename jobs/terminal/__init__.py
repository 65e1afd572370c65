"""What a person or a script reads: lines, tables, bars, curves, findings and questions."""
