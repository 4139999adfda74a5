"""The built-in datasets and their downloads."""
