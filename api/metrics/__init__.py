"""Numbers about the service for Prometheus: `GET /metrics`."""
