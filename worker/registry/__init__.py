"""The registry of models, datasets and aliases."""
