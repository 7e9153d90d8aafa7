"""Trained networks as ONNX files that the pipeline runs, checked against PyTorch, with their manifest and card."""
