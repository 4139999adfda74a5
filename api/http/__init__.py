"""What all features share of HTTP: problems, bodies, request ids, OpenAPI."""
