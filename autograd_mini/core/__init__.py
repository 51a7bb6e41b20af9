"""The engine: the node and its sweeps, in Python to be read and in C to be fast."""
