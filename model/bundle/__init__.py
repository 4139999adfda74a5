"""A model in one zip, for machines without this project: what is in it, made from the model's files. Imports no torch."""
