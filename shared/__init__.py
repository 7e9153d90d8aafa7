"""Layer 1: what several workers need. Kafka, Redis, models, settings, metrics; imports only schemas."""
