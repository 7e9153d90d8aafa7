"""The networks: their weights, their graphs, the manifest that makes an ensemble of them, and running it."""
