"""Every metric, declared once; all of prometheus_client is here."""
