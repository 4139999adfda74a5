"""Review: uncertain answers of the model in production, the labels that a person gives them, and the dataset version of these."""
