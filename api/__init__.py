"""The HTTP face of the service. Knows no training."""
