"""Shadow: a second model classifies a sample of production's images too, and its answers are only compared."""
