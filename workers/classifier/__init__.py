"""The classifier: an ensemble of CNNs, and what their tags say about genres."""
