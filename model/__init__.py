"""The domain: network, recipes, data, training, evaluation, artifacts. Knows no service."""
