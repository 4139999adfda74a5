"""The routes of models and aliases."""
