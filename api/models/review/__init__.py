"""The review of uncertain answers of production, and the dataset version and training that follow from it."""
