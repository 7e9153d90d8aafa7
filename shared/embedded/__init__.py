"""The embedded stack: a broker, a Redis and our own workers as processes of one machine, for demos and tests."""
