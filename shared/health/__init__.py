"""Health of a worker, over HTTP, for Prometheus and for probes."""
