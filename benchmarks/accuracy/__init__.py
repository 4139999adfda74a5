"""Accuracy: complete trainings on real images, comparing recipes and default settings."""
