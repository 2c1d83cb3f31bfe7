"""Measure how fast and how right Vigie is: one module per figure, all called by `python -m benchmarks`."""
