"""The networks: their weights, their graphs, the manifest that makes an ensemble of them, and running it."""

import os

# ONNX Runtime reports its use to its maker unless it is told not to before it is loaded; here nothing phones home.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
