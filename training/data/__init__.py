"""Data sets that people own: reading them, splitting them, checking them, decoding them once. NumPy, no PyTorch."""
