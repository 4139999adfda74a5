"""Shadow: a model that answers nobody classifies a sample of production's images too."""
