"""The import of a model from a bundle as a kind of work: the supervisor, and the process that reads the bundle."""
