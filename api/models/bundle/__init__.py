"""The bundle of a model in one zip, and the files in it that are made when they are asked for."""
